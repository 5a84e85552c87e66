// A webhook of a user's own: its certificate from the cluster's signer, its caBundle filled in, and a pod that it changes.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { kubectlMissing, runKubectl } from "@capstan/testing/cluster";
import { capstan, startInstance } from "./instance.ts";

const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;

/** Of the version that the field's texts were written for. */
const manifest = `apiVersion: admissionregistration.k8s.io/v1beta1
kind: MutatingWebhookConfiguration
metadata:
  name: lazykube-webhook-cfg
  namespace: kube-system
  labels:
    app: lazykube
webhooks:
  - name: lazykube.myway5.com
    clientConfig:
      service:
        name: lazykube-webhook-svc
        namespace: kube-system
        path: "/mutate"
      caBundle: ××××××××
    rules:
      - operations: [ "CREATE" ]
        apiGroups: [""]
        apiVersions: ["v1"]
        resources: ["pods"]
    namespaceSelector:
      matchExpressions: [{ key: kubernetes.io/metadata.name, operator: In, values: [default] }]
`;

const service = (address: string, port: number) => `apiVersion: v1
kind: Service
metadata: { name: lazykube-webhook-svc, namespace: kube-system }
spec:
  ports: [{ port: 443, targetPort: ${port} }]
---
apiVersion: v1
kind: Endpoints
metadata: { name: lazykube-webhook-svc, namespace: kube-system }
subsets: [{ addresses: [{ ip: ${address} }], ports: [{ port: ${port} }] }]
`;

test("a webhook gets its certificate from the cluster and is trusted by it", { skip: kubectlMissing() }, async () => {
  await using instance = startInstance();
  await instance.ready();
  const signal = AbortSignal.timeout(60_000);
  const kubectl = async (line: string, input?: string) => {
    const run = await runKubectl(["--kubeconfig", instance.kubeconfig, ...line.split(" ")], input, signal);
    assert.equal(run.code, 0, `${line}: ${run.stderr}`);
    return run.stdout;
  };
  const words = "webhook-cert --service lazykube-webhook-svc --secret lazykube-webhook-certs --namespace kube-system";
  const made = await capstan([...words.split(" "), "--data-dir", instance.directory]);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /certificatesigningrequest\/lazykube-webhook-svc.kube-system approved\nsecret\/lazykube/);
  assert.match(await kubectl("get csr"), /lazykube-webhook-svc.kube-system .*kubelet-serving .*Approved,Issued/);
  const { data } = JSON.parse(await kubectl("get secret lazykube-webhook-certs -n kube-system -o json"));
  const read = (name: string) => Buffer.from(data[name], "base64").toString();
  const server = createServer({ cert: read("cert.pem"), key: read("key.pem") }, async (request, response) => {
    const { request: review, apiVersion: version } = JSON.parse(await text(request));
    assert.equal(version, "admission.k8s.io/v1beta1");
    const image = `mirror.example.com/${review.object.spec.containers[0].image}`;
    const patch = JSON.stringify([{ op: "replace", path: "/spec/containers/0/image", value: image }]);
    const answer = {
      uid: review.uid,
      allowed: true,
      patchType: "JSONPatch",
      patch: Buffer.from(patch).toString("base64"),
    };
    response.end(JSON.stringify({ apiVersion: version, kind: "AdmissionReview", response: answer }));
  });
  const address = (await kubectl("get nodes -o jsonpath={.items[0].status.addresses[0].address}")).trim();
  await new Promise<void>((resolve) => server.listen(0, address, resolve));
  try {
    await kubectl("apply -f -", service(address, (server.address() as AddressInfo).port));
    const args = [bin, "webhook-ca-bundle", "--data-dir", instance.directory];
    const filled = execFileSync(process.execPath, args, { input: manifest, encoding: "utf8", stdio: "pipe" });
    await kubectl("apply -f -", filled);
    await kubectl("run web --image nginx");
    assert.equal(await kubectl("get pod web -o jsonpath={.spec.containers[0].image}"), "mirror.example.com/nginx");
  } finally {
    server.close();
    server.closeAllConnections();
  }
});

test("Capstan's own signer signs as well, and a word that is missing is told", { skip: kubectlMissing() }, async () => {
  await using instance = startInstance();
  await instance.ready();
  const ask = (...more: string[]) =>
    capstan(["webhook-cert", "--service", "s", "--secret", "x", "--data-dir", instance.directory, ...more]);
  const own = await ask("--signer", "capstan.dev/serving");
  assert.equal(own.code, 0, own.stderr);
  const missing = await capstan(["webhook-cert", "--service", "s", "--data-dir", instance.directory]);
  assert.equal(missing.code, 2);
  assert.match(missing.stderr, /--secret NAME is missing/);
});
