import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Events, Pods, ReplicaSets, ReplicationControllers } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createReplicaSetController, createReplicationController } from "./index.ts";
import { deletionOrder } from "./rank.ts";

const at = (name: string) => ({ namespace: "default", name });
const labels = { app: "web" };
const spec = { containers: [{ name: "c", image: "i" }] };
const set = (replicas: number) => ({
  metadata: at("web"),
  spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
});

test("orphans are adopted, pods that no longer match are let go, and what fails is said", async () => {
  let refuse = false;
  await using cluster = await TestCluster.start({
    parts: (made) => {
      const create: typeof made.client.create = (resource, object) => {
        const refused = refuse && resource.resource === Pods.resource;
        if (refused) return Promise.reject(new StatusError("Forbidden", "exceeded quota: q"));
        return made.client.create(resource, object);
      };
      const client = new Proxy(made.client, {
        get(target, name) {
          if (name === "create") return create;
          const member: unknown = Reflect.get(target, name);
          return typeof member === "function" ? member.bind(target) : member;
        },
      });
      return [createReplicaSetController({ ...made, client }), createPaperNode({ ...made, binds: true })];
    },
  });
  const { client } = cluster;
  await client.create(Pods, { metadata: { ...at("orphan"), labels }, spec });
  await client.create(ReplicaSets, set(2));
  await cluster.until(ReplicaSets, at("web"), (found) => found?.status?.readyReplicas === 2);
  const orphan = await client.get(Pods, at("orphan"));
  assert.equal(orphan.metadata.ownerReferences?.[0]?.name, "web");
  refuse = true;
  await client.patch(Pods, at("orphan"), { type: "merge", body: { metadata: { labels: { app: "other" } } } });
  const failed = await cluster.until(ReplicaSets, at("web"), (found) => {
    return found?.status?.conditions?.some(({ type }) => type === "ReplicaFailure") ?? false;
  });
  assert.deepEqual(
    failed?.status?.conditions?.map(({ reason, message }) => [reason, message]),
    [["FailedCreate", "exceeded quota: q"]],
  );
  assert.equal((await client.get(Pods, at("orphan"))).metadata.ownerReferences, undefined);
  refuse = false;
  const healed = await cluster.until(ReplicaSets, at("web"), (found) => {
    return found?.status?.readyReplicas === 2 && !found.status.conditions?.length;
  });
  assert.equal(healed?.status?.fullyLabeledReplicas, 2);
  const { items } = await client.list(Events, { fieldSelector: "reason=FailedCreate" });
  assert.match(items[0]?.message ?? "", /^Error creating: exceeded quota: q$/);
});

test("pods that do least are deleted first", () => {
  const now = Date.UTC(2026, 0, 2);
  const pod = (
    name: string,
    given: { node?: string; ready?: boolean; cost?: string; age?: number; restarts?: number },
  ) => {
    const { node, ready = false, cost, age = 1, restarts = 0 } = given;
    const time = new Date(now - age * 3_600_000).toISOString();
    const conditions = [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: time }];
    const annotations = cost ? { "controller.kubernetes.io/pod-deletion-cost": cost } : {};
    return {
      metadata: { name, annotations, creationTimestamp: time },
      spec: { nodeName: node, containers: [] },
      status: { phase: node ? "Running" : "Pending", conditions, containerStatuses: [{ restartCount: restarts }] },
    } as unknown as Pod;
  };
  const pods = [
    pod("old", { node: "a", ready: true, age: 20 }),
    pod("young", { node: "b", ready: true }),
    pod("precious", { node: "c", ready: true, cost: "10" }),
    pod("restarted", { node: "d", ready: true, age: 20, restarts: 3 }),
    pod("unready", { node: "e" }),
    pod("homeless", {}),
  ];
  const order = deletionOrder(pods, pods, now).map(({ metadata }) => metadata.name);
  assert.deepEqual(order, ["homeless", "unready", "young", "restarted", "old", "precious"]);
});

test("a ReplicationController keeps the pods that its template labels", async () => {
  await using cluster = await TestCluster.start({
    parts: (made) => [createReplicationController(made), createPaperNode({ ...made, binds: true })],
  });
  const { client } = cluster;
  const made = await client.create(ReplicationControllers, {
    metadata: at("old"),
    spec: { template: { metadata: { labels }, spec } },
  });
  assert.deepEqual([made.spec.replicas, made.spec.selector, made.metadata.labels], [1, labels, labels]);
  await client.patch(ReplicationControllers, at("old"), { type: "merge", body: { spec: { replicas: 3 } } });
  const done = (count: number) =>
    cluster.until(ReplicationControllers, at("old"), (found) => {
      return found?.status?.replicas === count && (found.status.availableReplicas ?? 0) === count;
    });
  assert.equal((await done(3))?.status?.observedGeneration, 2);
  const { items } = await client.list(Pods, { namespace: "default" });
  assert.deepEqual(items.map(({ metadata }) => metadata.ownerReferences?.[0]?.kind).slice(0, 1), [
    "ReplicationController",
  ]);
  await client.patch(
    ReplicationControllers,
    at("old"),
    { type: "merge", body: { spec: { replicas: 0 } } },
    {
      subresource: "scale",
    },
  );
  await done(0);
  const wrong = { metadata: at("wrong"), spec: { selector: { app: "x" }, template: { metadata: { labels }, spec } } };
  await assert.rejects(client.create(ReplicationControllers, wrong), /`selector` does not match template `labels`/);
});
