import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod, PodSpec } from "@capstan/api/generated/core-v1";
import { CustomResourceDefinitions, Nodes, PodDisruptionBudgets, Pods } from "@capstan/api/generated/resources";
import { PodGroups, podGroupDefinitions, VolcanoPodGroups } from "@capstan/api/kinds/pod-group";
import { TestCluster } from "@capstan/testing/cluster";
import { createScheduler } from "./index.ts";

const at = (name: string) => ({ namespace: "default", name });

async function start(...names: string[]): Promise<TestCluster> {
  const cluster = await TestCluster.start({ parts: (made) => createScheduler(made) });
  for (const definition of podGroupDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
  for (const name of names) await addNode(cluster, name);
  return cluster;
}

async function addNode({ client }: TestCluster, name: string): Promise<void> {
  await client.create(Nodes, { metadata: { name }, spec: {} });
  const room = { cpu: "2", memory: "4Gi", pods: "9" };
  const body = { status: { capacity: room, allocatable: room } };
  await client.patch(Nodes, { name }, { type: "merge", body }, { subresource: "status" });
}

interface PodOptions extends Partial<PodSpec> {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

function createPod({ client }: TestCluster, name: string, options: PodOptions = {}, cpu = "1500m"): Promise<Pod> {
  const { labels, annotations, ...spec } = options;
  const containers = [{ name: "c", image: "i", resources: { requests: { cpu } } }];
  return client.create(Pods, { metadata: { ...at(name), labels, annotations }, spec: { containers, ...spec } });
}

const placed = async (cluster: TestCluster, name: string) =>
  (await cluster.until(Pods, at(name), (pod) => pod?.spec.nodeName !== undefined))?.spec.nodeName;

async function refused(cluster: TestCluster, name: string, words: RegExp): Promise<void> {
  const condition = (pod: Pod | undefined) => pod?.status?.conditions?.find(({ type }) => type === "PodScheduled");
  await cluster.until(Pods, at(name), (pod) => words.test(condition(pod)?.message ?? ""));
}

const label = { labels: { "scheduling.x-k8s.io/pod-group": "train" } };

test("a group waits for its PodGroup and its members, and is placed whole or not at all", async () => {
  await using cluster = await start("a");
  const { client } = cluster;
  await createPod(cluster, "m1", label);
  await refused(cluster, "m1", /PodGroup train not found/);
  await client.create(PodGroups, { metadata: at("train"), spec: { minMember: 2 } });
  await refused(cluster, "m1", /the PodGroup has 1 of the 2 pods it needs/);
  await createPod(cluster, "m2", label);
  await refused(cluster, "m1", /1 of the 2 pods that the PodGroup needs can be placed|Insufficient cpu/);
  await refused(cluster, "m2", /1 of the 2 pods that the PodGroup needs can be placed|Insufficient cpu/);
  // The node's room was not held for the group.
  await createPod(cluster, "alone");
  assert.equal(await placed(cluster, "alone"), "a");
  for (const { metadata, spec } of (await client.list(Pods)).items) {
    assert.equal(spec.nodeName, metadata.name === "alone" ? "a" : undefined, metadata.name);
  }
  await addNode(cluster, "b");
  await addNode(cluster, "c");
  assert.deepEqual([await placed(cluster, "m1"), await placed(cluster, "m2")].sort(), ["b", "c"]);
  // One more than the group needs takes its place as any pod does.
  await addNode(cluster, "d");
  await createPod(cluster, "m3", label);
  assert.equal(await placed(cluster, "m3"), "d");
});

test("Volcano's annotation and scheduler name do the same", async () => {
  await using cluster = await start("a");
  const options = { annotations: { "scheduling.k8s.io/group-name": "job" }, schedulerName: "volcano" };
  await cluster.client.create(VolcanoPodGroups, { metadata: at("job"), spec: { minMember: 2 } });
  await createPod(cluster, "w0", options);
  await createPod(cluster, "w1", options);
  await refused(cluster, "w0", /1 of the 2 pods that the PodGroup needs|Insufficient cpu/);
  await addNode(cluster, "b");
  assert.deepEqual([await placed(cluster, "w0"), await placed(cluster, "w1")].sort(), ["a", "b"]);
});

test("a group's minResources hold it back until the nodes have them free", async () => {
  await using cluster = await start("a");
  const spec = { minMember: 1, minResources: { cpu: "3" } };
  await cluster.client.create(PodGroups, { metadata: at("train"), spec });
  await createPod(cluster, "m1", label, "100m");
  await refused(cluster, "m1", /the nodes have less cpu free than the PodGroup's minResources/);
  await addNode(cluster, "b");
  assert.ok(await placed(cluster, "m1"));
});

test("lesser pods go for a whole group, and stay when that would not be enough", async () => {
  await using cluster = await start("a", "b");
  const { client } = cluster;
  for (const name of ["low1", "low2"]) {
    await createPod(cluster, name, { priority: 1 });
    await placed(cluster, name);
  }
  await client.create(PodGroups, { metadata: at("train"), spec: { minMember: 3 } });
  for (const name of ["m1", "m2", "m3"]) await createPod(cluster, name, { ...label, priority: 100 });
  await refused(cluster, "m3", /./);
  await createPod(cluster, "after", { priority: 1 });
  await refused(cluster, "after", /Insufficient cpu/);
  for (const name of ["low1", "low2"])
    assert.equal((await client.get(Pods, at(name))).metadata.deletionTimestamp, undefined);
  await client.patch(PodGroups, at("train"), { type: "merge", body: { spec: { minMember: 2 } } });
  for (const name of ["low1", "low2"]) {
    const gone = await cluster.until(Pods, at(name), (pod) => !pod || pod.metadata.deletionTimestamp !== undefined);
    if (gone) await client.delete(Pods, at(name), { gracePeriodSeconds: 0 });
  }
  const nodes = new Set<string | undefined>();
  await cluster.until(Pods, at("m1"), (pod) => pod?.spec.nodeName !== undefined);
  for (const { metadata, spec } of (await client.list(Pods)).items)
    if (metadata.name.startsWith("m")) nodes.add(spec.nodeName);
  assert.ok(nodes.has("a") || nodes.has("b"));
  assert.equal((await client.get(Pods, at("after"))).spec.nodeName, undefined);
});

test("of two nodes that could be cleared, the one goes whose pods no disruption budget keeps", async () => {
  await using cluster = await start("a", "b");
  const { client } = cluster;
  await createPod(cluster, "kept", { labels: { app: "kept" }, priority: 1 });
  await placed(cluster, "kept");
  await createPod(cluster, "loose", { labels: { app: "loose" }, priority: 2 });
  await placed(cluster, "loose");
  const selector = { matchLabels: { app: "kept" } };
  await client.create(PodDisruptionBudgets, { metadata: at("keep"), spec: { minAvailable: 1, selector } });
  const status = { disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 };
  await client.patch(PodDisruptionBudgets, at("keep"), { type: "merge", body: { status } }, { subresource: "status" });
  await createPod(cluster, "high", { priority: 100 });
  await cluster.until(Pods, at("loose"), (pod) => !pod || pod.metadata.deletionTimestamp !== undefined);
  assert.equal((await client.get(Pods, at("kept"))).metadata.deletionTimestamp, undefined);
});

test("the room that victims leave is kept for the pod they went for", async () => {
  await using cluster = await start("a");
  const { client } = cluster;
  await createPod(cluster, "low", { priority: 1 });
  await placed(cluster, "low");
  await createPod(cluster, "high", { priority: 100 });
  await cluster.until(Pods, at("high"), (pod) => pod?.status?.nominatedNodeName === "a");
  await createPod(cluster, "big", { priority: 1 }, "600m");
  await refused(cluster, "big", /Insufficient cpu/);
  await createPod(cluster, "small", { priority: 1 }, "400m");
  const low = await cluster.until(Pods, at("low"), (pod) => !pod || pod.metadata.deletionTimestamp !== undefined);
  if (low) await client.delete(Pods, at("low"), { gracePeriodSeconds: 0 });
  assert.equal(await placed(cluster, "high"), "a");
  assert.equal(await placed(cluster, "small"), "a");
  assert.equal((await client.get(Pods, at("big"))).spec.nodeName, undefined);
});
