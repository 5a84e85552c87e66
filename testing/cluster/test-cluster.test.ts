import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, Namespaces, Pods } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { TestCluster } from "./index.ts";

test("a cluster starts with its namespaces and serves objects", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const { items } = await client.list(Namespaces);
  assert.deepEqual(
    items.map(({ metadata }) => metadata.name),
    ["default", "kube-node-lease", "kube-public", "kube-system"],
  );
  const made = await client.create(ConfigMaps, { metadata: { namespace: "default", name: "a" }, data: { k: "v" } });
  assert.equal(made.data?.k, "v");
  await assert.rejects(client.create(ConfigMaps, { metadata: { namespace: "default", name: "a" } }), (thrown) =>
    isReason(thrown, "AlreadyExists"),
  );
  await assert.rejects(
    client.update(ConfigMaps, { ...made, metadata: { ...made.metadata, resourceVersion: "1" } }),
    (thrown) => isReason(thrown, "Conflict"),
  );
});

test("until waits for a change by a watch", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const spec = { containers: [{ name: "c", image: "busybox:1" }] };
  await client.create(Pods, { metadata: { namespace: "default", name: "a" }, spec });
  const ref = { namespace: "default", name: "a" };
  const running = cluster.until(Pods, ref, (pod) => pod?.status?.phase === "Running");
  await client.patch(Pods, ref, { type: "merge", body: { status: { phase: "Running" } } }, { subresource: "status" });
  assert.equal((await running)?.status?.phase, "Running");
  const gone = cluster.until(Pods, ref, (pod) => pod === undefined);
  await client.delete(Pods, ref);
  assert.equal(await gone, undefined);
});
