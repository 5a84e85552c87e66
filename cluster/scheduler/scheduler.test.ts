import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod, PodSpec } from "@capstan/api/generated/core-v1";
import {
  Events,
  Nodes,
  PersistentVolumeClaims,
  PersistentVolumes,
  Pods,
  StorageClasses,
} from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createScheduler } from "./index.ts";

const at = (name: string) => ({ namespace: "default", name });

async function start(...names: string[]): Promise<TestCluster> {
  const cluster = await TestCluster.start({ parts: (made) => createScheduler(made) });
  for (const name of names) await addNode(cluster, name);
  return cluster;
}

async function addNode({ client }: TestCluster, name: string, spec: Node["spec"] = {}, zone = "z1"): Promise<void> {
  await client.create(Nodes, { metadata: { name, labels: { "kubernetes.io/hostname": name, zone } }, spec });
  const room = { cpu: "2", memory: "4Gi", pods: "5" };
  const body = { status: { capacity: room, allocatable: room } };
  await client.patch(Nodes, { name }, { type: "merge", body }, { subresource: "status" });
}

function createPod({ client }: TestCluster, name: string, spec: Partial<PodSpec> = {}, cpu?: string): Promise<Pod> {
  const resources = cpu ? { requests: { cpu } } : {};
  const metadata = { ...at(name), labels: { app: name.replace(/\d+$/, "") } };
  return client.create(Pods, { metadata, spec: { containers: [{ name: "c", image: "i", resources }], ...spec } });
}

async function nodeOf(cluster: TestCluster, name: string): Promise<string | undefined> {
  const pod = await cluster.until(Pods, at(name), (found) => found?.spec.nodeName !== undefined);
  return pod?.spec.nodeName;
}

async function refusalOf(cluster: TestCluster, name: string): Promise<string | undefined> {
  const refused = (pod: Pod | undefined) => pod?.status?.conditions?.find((each) => each.type === "PodScheduled");
  const pod = await cluster.until(Pods, at(name), (found) => refused(found)?.status === "False");
  return refused(pod)?.message;
}

test("pods spread by load, wait for room with upstream's words, and go when there is some", async () => {
  await using cluster = await start("a", "b");
  await createPod(cluster, "p1", {}, "1500m");
  await createPod(cluster, "p2", {}, "1500m");
  const used = [await nodeOf(cluster, "p1"), await nodeOf(cluster, "p2")];
  assert.deepEqual(used.sort(), ["a", "b"]);
  await createPod(cluster, "p3", {}, "1");
  assert.equal(
    await refusalOf(cluster, "p3"),
    "0/2 nodes are available: 2 Insufficient cpu. preemption: 0/2 nodes are available: 2 No preemption victims found for incoming pod.",
  );
  await cluster.client.delete(Pods, at("p1"), { gracePeriodSeconds: 0 });
  assert.ok(await nodeOf(cluster, "p3"));
  await cluster.until(Pods, at("p3"), (pod) => {
    return pod?.status?.conditions?.some(({ type, status }) => type === "PodScheduled" && status === "True") ?? false;
  });
  const { items } = await cluster.client.list(Events, { fieldSelector: "involvedObject.name=p3" });
  assert.ok(items.some(({ reason, type }) => reason === "FailedScheduling" && type === "Warning"));
});

test("without a node nothing is placed, and the first node takes what waits", async () => {
  await using cluster = await start();
  await createPod(cluster, "p");
  assert.equal(await refusalOf(cluster, "p"), "no nodes available to schedule pods");
  await addNode(cluster, "late");
  assert.equal(await nodeOf(cluster, "p"), "late");
});

test("selectors, taints, cordons and ports decide", async () => {
  await using cluster = await start("a");
  await addNode(cluster, "tainted", { taints: [{ key: "gpu", value: "yes", effect: "NoSchedule" }] });
  await addNode(cluster, "cordoned", { unschedulable: true });
  await createPod(cluster, "picky", { nodeSelector: { "kubernetes.io/hostname": "nowhere" } });
  assert.equal(
    await refusalOf(cluster, "picky"),
    "0/3 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint {gpu: yes}, " +
      "1 node(s) were unschedulable. preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.",
  );
  const tolerations = [{ key: "gpu", operator: "Exists" }];
  const nodeSelector = { "kubernetes.io/hostname": "tainted" };
  await createPod(cluster, "tolerant", { tolerations, nodeSelector });
  assert.equal(await nodeOf(cluster, "tolerant"), "tainted");
  const containers = [{ name: "c", image: "i", ports: [{ containerPort: 80, hostPort: 8080 }] }];
  await createPod(cluster, "port1", { containers });
  assert.equal(await nodeOf(cluster, "port1"), "a");
  await createPod(cluster, "port2", { containers });
  assert.match((await refusalOf(cluster, "port2")) ?? "", /1 node\(s\) didn't have free ports/);
  await cluster.client.patch(Nodes, { name: "cordoned" }, { type: "merge", body: { spec: { unschedulable: null } } });
  assert.equal(await nodeOf(cluster, "port2"), "cordoned");
});

test("affinity brings together, anti-affinity and spread keep apart", async () => {
  await using cluster = await start();
  await addNode(cluster, "a", {}, "z1");
  await addNode(cluster, "b", {}, "z2");
  const term = (app: string, topologyKey = "zone") => [{ labelSelector: { matchLabels: { app } }, topologyKey }];
  const together = (app: string) => ({
    affinity: { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: term(app) } },
  });
  const apart = (app: string) => ({
    affinity: { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: term(app) } },
  });
  await createPod(cluster, "group1", together("group"));
  const first = await nodeOf(cluster, "group1");
  await createPod(cluster, "group2", together("group"));
  assert.equal(await nodeOf(cluster, "group2"), first);
  await createPod(cluster, "lone1", apart("lone"));
  await createPod(cluster, "lone2", apart("lone"));
  assert.notEqual(await nodeOf(cluster, "lone1"), await nodeOf(cluster, "lone2"));
  await createPod(cluster, "lone3", apart("lone"));
  assert.match((await refusalOf(cluster, "lone3")) ?? "", /2 node\(s\) didn't match pod anti-affinity rules/);
  const spread = { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule" };
  const topologySpreadConstraints = [{ ...spread, labelSelector: { matchLabels: { app: "even" } } }];
  for (const name of ["even1", "even2"]) await createPod(cluster, name, { topologySpreadConstraints });
  assert.notEqual(await nodeOf(cluster, "even1"), await nodeOf(cluster, "even2"));
});

test("the most important pods go first, and lesser ones make room", async () => {
  await using cluster = await start();
  await createPod(cluster, "low", { priority: 1 }, "1500m");
  await createPod(cluster, "high", { priority: 100 }, "1500m");
  await refusalOf(cluster, "high");
  await addNode(cluster, "a");
  assert.equal(await nodeOf(cluster, "high"), "a");
  await createPod(cluster, "higher", { priority: 1000 }, "1");
  const victim = await cluster.until(
    Pods,
    at("high"),
    (pod) => pod === undefined || pod.metadata.deletionTimestamp !== undefined,
  );
  if (victim) await cluster.client.delete(Pods, at("high"), { gracePeriodSeconds: 0 });
  assert.equal(await nodeOf(cluster, "higher"), "a");
});

test("a pod waits for its claims, unless they wait for it", async () => {
  await using cluster = await start("a");
  const { client } = cluster;
  const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "data" } }];
  await createPod(cluster, "p", { volumes });
  const words = (reason: string) =>
    `0/1 nodes are available: ${reason}. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.`;
  assert.equal(await refusalOf(cluster, "p"), words('persistentvolumeclaim "data" not found'));
  const spec = {
    accessModes: ["ReadWriteOnce"],
    resources: { requests: { storage: "1Gi" } },
    storageClassName: "slow",
  };
  await client.create(PersistentVolumeClaims, { metadata: at("data"), spec });
  await cluster.until(Pods, at("p"), (pod) => {
    const condition = pod?.status?.conditions?.find(({ type }) => type === "PodScheduled");
    return condition?.message === words("pod has unbound immediate PersistentVolumeClaims");
  });
  const volumeBindingMode = "WaitForFirstConsumer";
  await client.create(StorageClasses, { metadata: { name: "slow" }, provisioner: "example.com/p", volumeBindingMode });
  assert.equal(await nodeOf(cluster, "p"), "a");
});

test("a pod goes where its volume is", async () => {
  await using cluster = await start("a", "b");
  const { client } = cluster;
  const accessModes = ["ReadWriteOnce"];
  const hostname = { key: "kubernetes.io/hostname", operator: "In", values: ["b"] };
  const nodeAffinity = { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } };
  const volume = {
    accessModes,
    capacity: { storage: "1Gi" },
    local: { path: "/x" },
    nodeAffinity,
    storageClassName: "",
  };
  await client.create(PersistentVolumes, { metadata: { name: "v" }, spec: volume });
  const resources = { requests: { storage: "1Gi" } };
  const spec = { accessModes, resources, storageClassName: "", volumeName: "v" };
  await client.create(PersistentVolumeClaims, { metadata: at("data"), spec });
  const bound = { status: { phase: "Bound" } };
  await client.patch(PersistentVolumeClaims, at("data"), { type: "merge", body: bound }, { subresource: "status" });
  await createPod(cluster, "p", { volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }] });
  assert.equal(await nodeOf(cluster, "p"), "b");
  await createPod(cluster, "q", {
    volumes: [{ name: "v", persistentVolumeClaim: { claimName: "data" } }],
    nodeSelector: { "kubernetes.io/hostname": "a" },
  });
  assert.match((await refusalOf(cluster, "q")) ?? "", /1 node\(s\) had volume node affinity conflict/);
});

test("gated pods and those of other schedulers are left alone", async () => {
  await using cluster = await start("a");
  await createPod(cluster, "gated", { schedulingGates: [{ name: "example.com/wait" }] });
  await createPod(cluster, "other", { schedulerName: "mine" });
  await createPod(cluster, "plain");
  await nodeOf(cluster, "plain");
  assert.equal((await cluster.client.get(Pods, at("other"))).spec.nodeName, undefined);
  await cluster.client.patch(Pods, at("gated"), { type: "merge", body: { spec: { schedulingGates: null } } });
  assert.equal(await nodeOf(cluster, "gated"), "a");
});
