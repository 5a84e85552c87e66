import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { ConfigMaps, CustomResourceDefinitions, Pods } from "@capstan/api/generated/resources";
import { type NodeStatus, type Workflow, Workflows, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { deferred } from "@capstan/base/async";
import { createInformers } from "@capstan/core/reconcile";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet } from "@capstan/testing/workflow";
import { createWorkflowController } from "../index.ts";
import { ChunkWriter, createNodeCodec, offload, readChunks } from "./index.ts";

const namespace = "default";
const container = { image: "busybox", command: ["true"] };
const spec = { entrypoint: "main", templates: [{ name: "main", container }] };

async function start() {
  const cluster = await TestCluster.start();
  for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
  return cluster;
}

const node = (id: string, more: Partial<NodeStatus> = {}): NodeStatus => ({
  id,
  name: id,
  displayName: id,
  type: "Pod",
  phase: "Succeeded",
  finishedAt: "2026-01-01T00:00:00Z",
  ...more,
});
const nodesOf = (count: number, make: (id: string) => NodeStatus) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${i}`, make(`n${i}`)]));
const versions = async ({ client }: TestCluster) =>
  (await client.list(ConfigMaps, { namespace })).items.map(({ metadata }) => metadata.resourceVersion);

test("nodes that are too many lie in ConfigMaps, of which only those are written that changed", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const stored = await client.create(Workflows, { metadata: { name: "wf", namespace }, spec });
  const nodes = nodesOf(2500, node);
  const workflow: Workflow = {
    ...stored,
    status: { phase: "Running", nodes, taskResultsCompletionStatus: { n1: true } },
  };
  const writer = new ChunkWriter(client);
  const { packed } = await offload(workflow, writer);
  assert.deepEqual([packed.status?.nodes, packed.status?.taskResultsCompletionStatus], [undefined, {}]);
  const before = await versions(cluster);
  assert.equal(before.length, 3);
  nodes.n2499 = node("n2499", { phase: "Running", finishedAt: null });
  const { packed: next } = await offload(workflow, writer);
  assert.equal((await versions(cluster)).filter((version) => !before.includes(version)).length, 1);
  assert.notEqual(next.status?.offloadNodeStatusVersion, packed.status?.offloadNodeStatusVersion);
  assert.deepEqual((await createNodeCodec(client).unpack(next)).status?.nodes, nodes);
  await client.delete(ConfigMaps, { namespace, name: "wf-nodes-1" });
  await assert.rejects(readChunks(client, next), /ConfigMap wf-nodes-1, which holds nodes of workflow wf, is gone/);
});

test("somebody else's ConfigMap is never written over", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const stored = await client.create(Workflows, { metadata: { name: "wf", namespace }, spec });
  await client.create(ConfigMaps, { metadata: { name: "wf-nodes-0", namespace }, data: { mine: "1" } });
  const offloading = offload({ ...stored, status: { nodes: nodesOf(3, node) } }, new ChunkWriter(client));
  await assert.rejects(offloading, /nodes of workflow wf need ConfigMap wf-nodes-0, which is something else/);
  assert.deepEqual((await client.get(ConfigMaps, { namespace, name: "wf-nodes-0" })).data, { mine: "1" });
});

test("a chunk that is too long is divided, and nothing is left out on the way", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const stored = await client.create(Workflows, { metadata: { name: "wf", namespace }, spec });
  const nodes = nodesOf(100, (id) => node(id, { outputs: { result: randomBytes(12_000).toString("base64") } }));
  const writer = new ChunkWriter(client);
  let { packed, more } = await offload({ ...stored, status: { nodes } }, writer);
  assert.ok(more);
  for (; more; ) ({ packed, more } = await offload({ ...stored, status: { nodes } }, writer));
  assert.deepEqual((await createNodeCodec(client).unpack(packed)).status?.nodes, nodes);
});

test("an operator goes on with a workflow whose nodes lie elsewhere, and runs nothing twice", async () => {
  await using cluster = await start();
  const { client, log } = cluster;
  const second = deferred();
  const begun = deferred();
  const kubelet = createFakeKubelet(cluster, (name) => {
    if (!name.endsWith(".b")) return {};
    begun.resolve();
    return { until: second.promise };
  });
  cluster.run(kubelet);
  const operate = () => {
    const stop = new AbortController();
    const informers = createInformers(client, { log });
    const running = [informers.start(stop.signal)];
    running.push(createWorkflowController({ client, informers, log }).start(stop.signal));
    return async () => {
      stop.abort();
      await Promise.all(running);
    };
  };
  const stopFirst = operate();
  const steps = [[{ name: "a", template: "leaf" }], [{ name: "b", template: "leaf" }]];
  const templates = [
    { name: "main", steps },
    { name: "leaf", container },
  ];
  await client.create(Workflows, { metadata: { name: "wf", namespace }, spec: { entrypoint: "main", templates } });
  await begun.promise;
  await stopFirst();
  const ref = { namespace, name: "wf" };
  const { packed } = await offload(await client.get(Workflows, ref), new ChunkWriter(client));
  await client.update(Workflows, packed);
  const uids = (await client.list(Pods, { namespace })).items.map(({ metadata }) => metadata.uid).sort();
  const stopSecond = operate();
  second.resolve();
  const done = await cluster.until(Workflows, ref, (workflow) => workflow?.status?.finishedAt != null);
  await stopSecond();
  assert.equal(done?.status?.phase, "Succeeded");
  assert.equal(done?.status?.nodes, undefined);
  assert.equal((await createNodeCodec(client).unpack(done as Workflow)).status?.nodes?.wf?.phase, "Succeeded");
  assert.deepEqual((await client.list(Pods, { namespace })).items.map(({ metadata }) => metadata.uid).sort(), uids);
});
