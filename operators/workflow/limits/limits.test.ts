import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, CustomResourceDefinitions, Namespaces } from "@capstan/api/generated/resources";
import { type Workflow, Workflows, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { keyOf } from "@capstan/api/meta";
import { deferred } from "@capstan/base/async";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet } from "@capstan/testing/workflow";
import { createWorkflowController } from "../index.ts";
import { Gate, Throttle } from "./index.ts";

test("namespaces take turns, the one that runs fewest first; in each the priority counts, then age", () => {
  const woken: string[] = [];
  const limits: Record<string, number> = { c: 1 };
  let total = 1;
  const throttle = new Throttle({
    total: () => total,
    of: (namespace) => limits[namespace] ?? 0,
    wake: (ref) => woken.push(keyOf(ref)),
  });
  const ask = (namespace: string, name: string, priority = 0) =>
    throttle.admit({ namespace, name }, { priority, createdAt: name });
  assert.ok(ask("a", "1"));
  for (let i = 2; i < 9; i++) assert.equal(ask("a", String(i)), false);
  assert.equal(ask("a", "9", 5), false);
  assert.equal(ask("b", "1"), false);
  throttle.release({ namespace: "a", name: "1" });
  throttle.release({ namespace: "b", name: "1" });
  assert.deepEqual(woken, ["b/1", "a/9"]);
  assert.ok(ask("a", "9"));
  assert.equal(ask("c", "1"), false);
  assert.equal(ask("c", "2"), false);
  total = 4;
  throttle.refill();
  assert.deepEqual(woken.slice(2), ["c/1", "a/2", "a/3"], "c may run one");
});

test("places and rate are shared by turns", async () => {
  let now = 0;
  const gate = new Gate({ atOnce: 1, rate: () => ({ limit: 10, burst: 2 }), now: () => now });
  const order: string[] = [];
  const held = deferred();
  const first = gate.pass("a", () => held.promise);
  const rest = ["a", "a", "b"].map((lane, i) => gate.pass(lane, async () => void order.push(`${lane}${i}`)));
  held.resolve();
  await Promise.all([first, ...rest]);
  assert.deepEqual(order, ["a0", "b2", "a1"]);
  assert.deepEqual([gate.take("a"), gate.take("a"), gate.take("a"), gate.take("b")], [0, 0, 100, 100]);
  now = 100;
  assert.deepEqual([gate.take("a"), gate.take("b")], [100, 0], "b asked too, and a had the last one");
  now = 200;
  assert.equal(gate.take("a"), 0);
});

const container = { image: "busybox", command: ["true"] };
const spec = { entrypoint: "main", templates: [{ name: "main", container }] };

test("workflows beyond the controller's limit wait; a tenant with many does not hold another up", async () => {
  const order: string[] = [];
  const go = deferred();
  await using cluster = await TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      for (const name of ["argo", "many", "one"])
        await cluster.client.create(Namespaces, { metadata: { name }, spec: {} });
      const metadata = { namespace: "argo", name: "workflow-controller-configmap" };
      await cluster.client.create(ConfigMaps, { metadata, data: { parallelism: "1" } });
      const { client, informers, log } = cluster;
      const kubelet = createFakeKubelet(cluster, (_, pod) => {
        order.push(pod.metadata.name);
        return { until: go.promise };
      });
      return [createWorkflowController({ client, informers, log }), kubelet];
    },
  });
  const { client } = cluster;
  const at = (namespace: string, name: string) => ({ namespace, name });
  const submit = (namespace: string, name: string) => client.create(Workflows, { metadata: at(namespace, name), spec });
  const isOver = (workflow: Workflow | undefined) => workflow?.status?.finishedAt != null;
  const isPending = (workflow: Workflow | undefined) => workflow?.status?.phase === "Pending";
  await submit("many", "m1");
  await cluster.until(Workflows, at("many", "m1"), (workflow) => workflow?.status?.phase === "Running");
  for (const name of ["m2", "m3", "m4"]) {
    await submit("many", name);
    const waiting = await cluster.until(Workflows, at("many", name), isPending);
    assert.match(waiting?.status?.message ?? "", /postponed because too many workflows are already running/);
  }
  await submit("one", "o1");
  await cluster.until(Workflows, at("one", "o1"), isPending);
  go.resolve();
  const last = await cluster.until(Workflows, at("many", "m4"), isOver);
  assert.equal(last?.status?.phase, "Succeeded");
  assert.equal(last?.status?.message, undefined);
  assert.deepEqual(order, ["m1", "o1", "m2", "m3", "m4"]);
});
