import assert from "node:assert/strict";
import { test } from "node:test";
import { Leases, Nodes, Pods } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createPodGarbageCollector } from "../podgc/index.ts";
import { createNodeLifecycleController, createTaintEviction } from "./index.ts";

const at = (name: string) => ({ namespace: "default", name });
const spec = { containers: [{ name: "c", image: "i" }] };

test("a silent node is tainted, its pods lose readiness and go when their tolerance is over; a sign of life heals it", async () => {
  let now = Date.now();
  await using cluster = await TestCluster.start({
    parts: (made) => [
      createNodeLifecycleController({ ...made, now: () => now, grace: 60_000 }),
      createTaintEviction({ ...made, now: () => now }),
      createPaperNode({ ...made, binds: true }),
    ],
  });
  const { client } = cluster;
  const patient = [
    { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute", tolerationSeconds: 100 },
  ];
  await client.create(Pods, { metadata: at("hasty"), spec });
  await client.create(Pods, { metadata: at("patient"), spec: { ...spec, tolerations: patient } });
  const ready =
    (status: string) => (pod: { status?: { conditions?: { type: string; status: string }[] } } | undefined) =>
      pod?.status?.conditions?.find(({ type }) => type === "Ready")?.status === status;
  for (const name of ["hasty", "patient"]) await cluster.until(Pods, at(name), ready("True"));
  now += 61_000;
  const poke = { metadata: { annotations: { poke: "1" } } };
  await client.patch(Nodes, { name: "paper" }, { type: "merge", body: poke });
  const lost = await cluster.until(Nodes, { name: "paper" }, (node) => node?.spec?.taints?.length === 2);
  const condition = lost?.status?.conditions?.find(({ type }) => type === "Ready");
  assert.deepEqual([condition?.status, condition?.reason], ["Unknown", "NodeStatusUnknown"]);
  await cluster.until(Pods, at("hasty"), (pod) => pod === undefined);
  await cluster.until(Pods, at("patient"), ready("False"));
  await client.create(Leases, {
    metadata: { namespace: "kube-node-lease", name: "paper" },
    spec: { holderIdentity: "paper", renewTime: new Date(now).toISOString().replace("Z", "000Z") },
  });
  const alive = [{ type: "Ready", status: "True", reason: "KubeletReady", message: "back" }];
  const body = { status: { conditions: alive } };
  await client.patch(Nodes, { name: "paper" }, { type: "merge", body }, { subresource: "status" });
  await cluster.until(Nodes, { name: "paper" }, (node) => !node?.spec?.taints?.length);
  assert.ok(await client.find(Pods, at("patient")));
});

test("pods of a vanished node are failed and removed after a while, ended ones beyond the limit by age", async () => {
  await using cluster = await TestCluster.start({
    parts: (made) => [
      createPodGarbageCollector({ ...made, quarantine: 0, threshold: 1 }),
      createPaperNode({ ...made, binds: false }),
    ],
  });
  const { client } = cluster;
  await client.create(Pods, { metadata: at("lost"), spec: { ...spec, nodeName: "nowhere" } });
  await cluster.until(Pods, at("lost"), (pod) => pod === undefined);
  const images = [{ name: "c", image: "exit/0" }];
  for (const name of ["done1", "done2"]) {
    await client.create(Pods, { metadata: at(name), spec: { containers: images, nodeName: "paper" } });
  }
  const left = new Set(["done1", "done2"]);
  const gone = [...left].map(async (name) => {
    await cluster.until(Pods, at(name), (pod) => pod === undefined);
    left.delete(name);
  });
  await Promise.race(gone);
  assert.equal(left.size, 1);
  await client.delete(Pods, at([...left][0] ?? ""));
  await Promise.all(gone);
});
