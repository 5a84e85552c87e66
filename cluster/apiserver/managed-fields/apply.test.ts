import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, Deployments } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";

const ref = { namespace: "default", name: "a" };
const deployment = (spec: object, containers: object[]) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { ...ref },
  spec: {
    ...spec,
    selector: { matchLabels: { app: "a" } },
    template: { metadata: { labels: { app: "a" } }, spec: { containers } },
  },
});

test("apply creates, records the manager, and applying the same again changes nothing", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const wanted = deployment({ replicas: 2 }, [{ name: "c", image: "x:1" }]) as never;
  const first = await client.apply(Deployments, wanted, { fieldManager: "one" });
  assert.equal(first.spec.replicas, 2);
  const [entry] = first.metadata.managedFields ?? [];
  assert.deepEqual([entry?.manager, entry?.operation], ["one", "Apply"]);
  assert.deepEqual(entry?.fieldsV1, {
    "f:spec": {
      "f:replicas": {},
      "f:selector": {},
      "f:template": {
        "f:metadata": { "f:labels": { "f:app": {} } },
        "f:spec": { "f:containers": { 'k:{"name":"c"}': { ".": {}, "f:image": {}, "f:name": {} } } },
      },
    },
  });
  const again = await client.apply(Deployments, wanted, { fieldManager: "one" });
  assert.equal(again.metadata.resourceVersion, first.metadata.resourceVersion);
});

test("another value for a managed field is a conflict that force settles", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.apply(Deployments, deployment({ replicas: 2 }, [{ name: "c", image: "x:1" }]) as never, {
    fieldManager: "one",
  });
  const body = { spec: { replicas: 5 } };
  await client.patch(Deployments, ref, { type: "merge", body }, { fieldManager: "scaler" });
  const wanted = deployment({ replicas: 2 }, [{ name: "c", image: "x:1" }]) as never;
  await assert.rejects(client.apply(Deployments, wanted, { fieldManager: "one" }), (thrown) => {
    assert.ok(isReason(thrown, "Conflict"));
    assert.match(
      thrown.message,
      /^Apply failed with 1 conflict: conflict with "scaler" using apps\/v1: \.spec\.replicas$/,
    );
    assert.equal(thrown.details?.causes?.[0]?.reason, "FieldManagerConflict");
    return true;
  });
  const forced = await client.apply(Deployments, wanted, { fieldManager: "one", force: true });
  assert.equal(forced.spec.replicas, 2);
  assert.deepEqual(
    forced.metadata.managedFields?.map(({ manager }) => manager),
    ["one"],
  );
});

test("fields and items that a manager no longer applies go, others' stay", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const env = [
    { name: "A", value: "1" },
    { name: "B", value: "2" },
  ];
  const both = [
    { name: "c", image: "x:1", env },
    { name: "side", image: "y:1" },
  ];
  await client.apply(Deployments, deployment({}, both) as never, { fieldManager: "one" });
  const other = { spec: { template: { spec: { containers: [{ name: "side", image: "y:2", args: ["z"] }] } } } };
  await client.patch(Deployments, ref, { type: "strategic", body: other }, { fieldManager: "two" });
  const next = deployment({}, [{ name: "c", image: "x:1", env: env.slice(1) }]) as never;
  const after = await client.apply(Deployments, next, { fieldManager: "one" });
  const containers = after.spec.template.spec?.containers ?? [];
  assert.deepEqual(containers.find(({ name }) => name === "c")?.env, [{ name: "B", value: "2" }]);
  assert.deepEqual(containers.find(({ name }) => name === "side")?.args, ["z"]);
});

test("an update takes the fields that it changes from their manager", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const map = { apiVersion: "v1", kind: "ConfigMap", metadata: { ...ref }, data: { a: "1", b: "1" } };
  await client.apply(ConfigMaps, map, { fieldManager: "one" });
  await client.patch(ConfigMaps, ref, { type: "merge", body: { data: { a: "2" } } }, { fieldManager: "two" });
  const found = await client.get(ConfigMaps, ref);
  const byName = new Map(found.metadata.managedFields?.map(({ manager, fieldsV1 }) => [manager, fieldsV1]));
  assert.deepEqual(byName.get("one"), { "f:data": { "f:b": {} } });
  assert.deepEqual(byName.get("two"), { "f:data": { "f:a": {} } });
});
