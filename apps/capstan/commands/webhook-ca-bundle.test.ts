import assert from "node:assert/strict";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
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

test("a manifest of v1beta1 is written as v1 and means the same", () => {
  const manifest = `apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingWebhookConfiguration
metadata: { name: w }
webhooks:
  - name: a.example.com # kept
    clientConfig: { service: { name: s, namespace: n } }
  - name: b.example.com
    failurePolicy: Fail
    sideEffects: NoneOnDryRun
    clientConfig: { service: { name: s, namespace: n } }
`;
  const { output, notes, filled } = fillBundles(manifest, bundle);
  const [first, second] = parseAllDocuments(output)[0]?.toJS().webhooks ?? [];
  assert.match(output, /^apiVersion: admissionregistration.k8s.io\/v1\n(.|\n)*# kept/);
  assert.equal(filled, 2);
  const { clientConfig: _, name: __, ...said } = first;
  assert.deepEqual(said, {
    failurePolicy: "Ignore",
    matchPolicy: "Exact",
    timeoutSeconds: 30,
    admissionReviewVersions: ["v1beta1"],
    sideEffects: "None",
  });
  assert.equal(second.failurePolicy, "Fail");
  assert.equal(second.sideEffects, "NoneOnDryRun");
  assert.equal(notes.length, 2);
  assert.match(notes[1] ?? "", /webhook a.example.com: sideEffects is set to None/);
});
