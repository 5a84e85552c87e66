import assert from "node:assert/strict";
import { test } from "node:test";
import type { DaemonSet } from "@capstan/api/generated/apps-v1";
import { DaemonSets, Nodes, Pods } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createScheduler } from "../../scheduler/index.ts";
import { createDaemonSetController } from "./index.ts";

const ref = { namespace: "default", name: "agent" };
const labels = { app: "agent" };
const image = (name: string) => ({ spec: { template: { spec: { containers: [{ name: "c", image: name }] } } } });
const isDone = (count: number) => (set: DaemonSet | undefined) => {
  const { observedGeneration, desiredNumberScheduled, updatedNumberScheduled, numberAvailable = 0 } = set?.status ?? {};
  const counts = [desiredNumberScheduled, updatedNumberScheduled, numberAvailable];
  return observedGeneration === set?.metadata.generation && counts.every((each) => each === count);
};

test("each fitting node has one pod, updates go node by node, and cordons do not matter", async () => {
  await using cluster = await TestCluster.start({
    parts: (made) => [
      createDaemonSetController(made),
      createScheduler(made),
      ...["a", "b"].map((name) => createPaperNode({ ...made, name })),
    ],
  });
  const { client } = cluster;
  for (const name of ["a", "b"]) {
    await cluster.until(Nodes, { name }, (node) => node?.status?.allocatable !== undefined);
  }
  await client.patch(Nodes, { name: "b" }, { type: "merge", body: { spec: { unschedulable: true } } });
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "v1" }] } };
  await client.create(DaemonSets, { metadata: ref, spec: { selector: { matchLabels: labels }, template } });
  await cluster.until(DaemonSets, ref, isDone(2));
  const least: number[] = [];
  const pods = cluster.informers.informer(Pods);
  const stop = pods.onChange(() => {
    const up = pods.list().filter(({ metadata, status }) => !metadata.deletionTimestamp && status?.phase === "Running");
    least.push(up.length);
  });
  await pods.synced();
  await client.patch(DaemonSets, ref, { type: "strategic", body: image("v2") });
  await cluster.until(DaemonSets, ref, isDone(2));
  stop();
  assert.ok(Math.min(...least.slice(2)) >= 1, least.join());
  const nodes = (await client.list(Pods)).items.map(({ spec }) => `${spec.nodeName} ${spec.containers[0]?.image}`);
  assert.deepEqual(nodes.sort(), ["a v2", "b v2"]);
  const taints = [{ key: "special", effect: "NoExecute" }];
  await client.patch(Nodes, { name: "b" }, { type: "merge", body: { spec: { taints } } });
  await cluster.until(DaemonSets, ref, isDone(1));
});
