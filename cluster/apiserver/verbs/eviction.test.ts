import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, PodDisruptionBudgets, Pods } from "@capstan/api/generated/resources";
import { isReason, StatusError } from "@capstan/api/meta";
import { createMemoryStore } from "@capstan/core/store";
import { TestCluster } from "@capstan/testing/cluster";

const ref = { namespace: "default", name: "a" };
const spec = { containers: [{ name: "c", image: "x:1" }], nodeName: "n" };
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const evict = (cluster: TestCluster) =>
  cluster.client.request({
    method: "POST",
    url: "/api/v1/namespaces/default/pods/a/eviction",
    body: encode({ apiVersion: "policy/v1", kind: "Eviction", metadata: ref }),
  });

const running = { phase: "Running", conditions: [{ type: "Ready", status: "True" }] };

test("an eviction takes from the budget, and is refused when there is none", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(Pods, { metadata: { ...ref, labels: { app: "a" } }, spec });
  await client.patch(Pods, ref, { type: "merge", body: { status: running } }, { subresource: "status" });
  await client.create(PodDisruptionBudgets, {
    metadata: ref,
    spec: { selector: { matchLabels: { app: "a" } }, minAvailable: 1 },
  });
  await assert.rejects(evict(cluster), (thrown) => {
    assert.ok(isReason(thrown, "TooManyRequests"));
    assert.equal(thrown.details?.causes?.[0]?.reason, "DisruptionBudget");
    return true;
  });
  const body = {
    status: { observedGeneration: 1, disruptionsAllowed: 1, currentHealthy: 2, desiredHealthy: 1, expectedPods: 2 },
  };
  await client.patch(PodDisruptionBudgets, ref, { type: "merge", body }, { subresource: "status" });
  await evict(cluster);
  assert.ok((await client.get(Pods, ref)).metadata.deletionTimestamp);
  const budget = await client.get(PodDisruptionBudgets, ref);
  assert.equal(budget.status?.disruptionsAllowed ?? 0, 0);
  assert.ok(budget.status?.disruptedPods?.a);
});

test("a pod takes ephemeral containers through their subresource alone", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const pod = await client.create(Pods, { metadata: ref, spec });
  const ephemeralContainers = [{ name: "debug", image: "busybox" }];
  const next = { ...pod, spec: { ...pod.spec, hostNetwork: true, ephemeralContainers } };
  const done = await client.update(Pods, next, { subresource: "ephemeralcontainers" });
  assert.equal(done.spec.ephemeralContainers?.[0]?.name, "debug");
  assert.equal(done.spec.hostNetwork, undefined);
});

test("a page whose revision is gone answers with a token for the rest of the present state", async () => {
  const store = await createMemoryStore({ history: { events: 2 } });
  await using cluster = await TestCluster.start({ store });
  const { client } = cluster;
  const create = (name: string) => client.create(ConfigMaps, { metadata: { namespace: "default", name } });
  for (const name of ["a", "b", "c"]) await create(name);
  const first = await client.list(ConfigMaps, { namespace: "default", limit: 1 });
  for (const name of ["d", "e", "f"]) await create(name);
  const url = `/api/v1/namespaces/default/configmaps?limit=10&continue=${encodeURIComponent(first.continue ?? "")}`;
  const answer = await cluster.handler({ method: "GET", url, headers: {}, signal: cluster.signal });
  assert.equal(answer.status, 410);
  const status = JSON.parse(new TextDecoder().decode(answer.body as Uint8Array));
  assert.equal(status.reason, "Expired");
  const rest = await client.list(ConfigMaps, { namespace: "default", continue: status.metadata.continue });
  assert.deepEqual(
    rest.items.map(({ metadata }) => metadata.name),
    ["b", "c", "d", "e", "f"],
  );
});

test("a client ahead of the server waits, then hears how far it is", async () => {
  await using cluster = await TestCluster.start();
  const { client, store } = cluster;
  const waiting = client.list(ConfigMaps, { resourceVersion: String(store.revision + 1) });
  await client.create(ConfigMaps, { metadata: ref });
  assert.equal((await waiting).items.length, 1);
  await assert.rejects(client.list(ConfigMaps, { resourceVersion: String(store.revision + 100) }), (thrown) => {
    assert.ok(thrown instanceof StatusError);
    assert.deepEqual([thrown.code, thrown.details?.causes?.[0]?.reason], [504, "ResourceVersionTooLarge"]);
    return true;
  });
});
