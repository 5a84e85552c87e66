// Pods that are files on the node.
import assert from "node:assert/strict";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Events, Pods } from "@capstan/api/generated/resources";
import { nodeMissing, startTestNode, TestCluster, type TestNode } from "@capstan/testing/cluster";
import { readManifest } from "./manifest.ts";

const skip = nodeMissing();
const namespace = "default";
let dataDir: string;
let cluster: TestCluster;
let node: TestNode;

before(async () => {
  if (skip) return;
  dataDir = mkdtempSync(join(tmpdir(), "capstan-static-"));
  cluster = await TestCluster.start();
  node = await startTestNode(cluster, { dataDir });
});
after(async () => {
  if (skip) return;
  await node[Symbol.asyncDispose]();
  await cluster[Symbol.asyncDispose]();
  rmSync(dataDir, { recursive: true, force: true });
});

const manifest = (name: string, script: string) => `
apiVersion: v1
kind: Pod
metadata: {name: ${name}, labels: {app: ${name}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - {name: main, image: capstan/host, command: [sh, -c, ${JSON.stringify(script)}]}
`;

/** Puts a manifest into the directory as a whole. */
function place(file: string, text: string): void {
  writeFileSync(join(dataDir, "manifests", `.${file}`), text);
  renameSync(join(dataDir, "manifests", `.${file}`), join(dataDir, "manifests", file));
}

const until = (name: string, wanted: (pod: Pod) => boolean) =>
  cluster.until(Pods, { namespace, name }, (pod) => pod !== undefined && wanted(pod)) as Promise<Pod>;
const gone = (name: string) => cluster.until(Pods, { namespace, name }, (pod) => pod === undefined);
const ready = (pod: Pod) => pod.status?.containerStatuses?.[0]?.ready === true;
const containers = (name: string) =>
  node.runtime.runtime.listContainers().filter(({ config }) => config.logPath.includes(`_${name}_`));

test("a file becomes a pod, and the pod follows the file", { skip }, async () => {
  place("web.yaml", manifest("web", "exec sleep 1000"));
  const first = await until("web-node-1", ready);
  assert.equal(first.metadata.ownerReferences?.[0]?.kind, "Node");
  assert.equal(first.metadata.labels?.app, "web");
  const hash = first.metadata.annotations?.["kubernetes.io/config.mirror"];
  assert.match(hash ?? "", /^[0-9a-f]{32}$/);
  assert.equal(first.status?.phase, "Running");
  const [before] = containers("web-node-1");
  await cluster.client.delete(Pods, { namespace, name: "web-node-1" });
  const again = await until("web-node-1", (pod) => pod.metadata.uid !== first.metadata.uid && ready(pod));
  assert.equal(again.metadata.annotations?.["kubernetes.io/config.mirror"], hash);
  assert.deepEqual(
    containers("web-node-1").map(({ id }) => id),
    [before?.id],
  );
  place("web.yaml", manifest("web", "exec sleep 2000"));
  const changed = await until(
    "web-node-1",
    (pod) => pod.metadata.annotations?.["kubernetes.io/config.mirror"] !== hash && ready(pod),
  );
  assert.deepEqual(changed.spec.containers[0]?.command, ["sh", "-c", "exec sleep 2000"]);
  assert.equal(containers("web-node-1").length, 1);
});

test("an agent that starts again goes on with the pods, and ends those whose file went", { skip }, async () => {
  place("kept.yaml", manifest("kept", "exec sleep 1000"));
  place("lost.yaml", manifest("lost", "exec sleep 1000"));
  const kept = await until("kept-node-1", ready);
  await until("lost-node-1", ready);
  await node[Symbol.asyncDispose]();
  rmSync(join(dataDir, "manifests/lost.yaml"));
  node = await startTestNode(cluster, { dataDir });
  await gone("lost-node-1");
  const again = await until(
    "kept-node-1",
    (pod) => ready(pod) && pod.status?.containerStatuses?.[0]?.restartCount === 1,
  );
  assert.equal(again.metadata.uid, kept.metadata.uid);
  rmSync(join(dataDir, "manifests/kept.yaml"));
  await gone("kept-node-1");
  assert.deepEqual(containers("kept-node-1"), []);
});

test("a broken manifest is told and harms no other", { skip }, async () => {
  place("broken.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: A b}]}\n");
  place("no-yaml.yaml", "{ [");
  place("good.yaml", manifest("good", "exec sleep 1000"));
  await until("good-node-1", ready);
  const wanted = [/x-node-1 is not accepted: .*spec\.containers\[0\]/, /no-yaml\.yaml is ignored/];
  const signal = AbortSignal.timeout(10_000);
  for await (const event of cluster.client.watch(Events, { namespace: "default", signal })) {
    if (event.type === "BOOKMARK" || event.object.reason !== "InvalidStaticPod") continue;
    const found = wanted.findIndex((pattern) => pattern.test(event.object.message ?? ""));
    if (found >= 0) wanted.splice(found, 1);
    if (wanted.length === 0) return;
  }
  assert.fail(`not told: ${wanted.join()}`);
});

test("a manifest cannot refer to what only the API has", () => {
  const read = (spec: string) => () =>
    readManifest(`{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: ${spec}}`, "/f", "n");
  const volume = (source: string) => `{containers: [], volumes: [{name: v, ${source}}]}`;
  assert.throws(read(volume("configMap: {name: c}")), /cannot refer to configmaps\/c/);
  assert.throws(read(volume("persistentVolumeClaim: {claimName: c}")), /spec.volumes\[0\].persistentVolumeClaim/);
  assert.throws(read("{containers: [], serviceAccountName: a}"), /spec.serviceAccountName/);
  assert.throws(() => readManifest("kind: List", "/f", "n"), /apiVersion and kind must be v1 and Pod/);
  assert.equal(read("{containers: []}")().metadata.name, "p-n");
});
