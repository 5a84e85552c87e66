import assert from "node:assert/strict";
import { test } from "node:test";
import { fillBundles } from "./webhook-ca-bundle.ts";

const bundle = Buffer.from("-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n").toString("base64");
const other = Buffer.from("-----BEGIN CERTIFICATE-----\nother\n").toString("base64");

const manifest = `apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata:
  name: lazykube-webhook-cfg # the name stays
webhooks:
  - name: a.myway5.com
    clientConfig:
      service: { name: s, namespace: kube-system, path: "/mutate" }
      caBundle: ××××××××
  - name: b.myway5.com
    clientConfig:
      url: https://b
      caBundle: ${other}
---
kind: Service
metadata: { name: s }
`;

test("a caBundle is filled in where there is no certificate, and nothing else is touched", () => {
  const { output, filled } = fillBundles(manifest, bundle);
  assert.equal(filled, 1);
  assert.equal(output, manifest.replace("××××××××", bundle));
});

test("what is no YAML is refused", () => {
  assert.throws(() => fillBundles("a: [", bundle), /the manifest is no YAML/);
});
