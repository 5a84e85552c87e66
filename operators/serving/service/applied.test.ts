import assert from "node:assert/strict";
import { test } from "node:test";
import { Services } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { applyObject, covers } from "./applied.ts";

test("covers looks at what is wanted only, and at whole lists", () => {
  assert.ok(covers({ a: 1, b: { c: [1, 2] } }, { b: { c: [1, 2] } }));
  assert.ok(covers({ a: [{ x: 1, defaulted: true }] }, { a: [{ x: 1 }] }));
  assert.ok(!covers({ a: [1, 2] }, { a: [1] }));
  assert.ok(!covers({ a: 1 }, { a: "1" }));
  assert.ok(!covers({}, { a: {} }));
});

test("writes an object once, again when it drifts, and drops what is no longer wanted", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const ref = { namespace: "default", name: "s" };
  const wanted = (labels: Record<string, string>) => ({
    metadata: { ...ref, labels },
    spec: { type: "ClusterIP", ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }] },
  });
  const first = await applyObject(client, Services, wanted({ a: "1", b: "2" }), undefined);
  assert.equal(await applyObject(client, Services, wanted({ a: "1", b: "2" }), first), first);
  const body = { spec: { ports: [{ name: "http", port: 80, targetPort: 9090, protocol: "TCP" }] } };
  const drifted = await client.patch(Services, ref, { type: "merge", body });
  const mended = await applyObject(client, Services, wanted({ a: "1", b: "2" }), drifted);
  assert.equal(mended.spec?.ports?.[0]?.targetPort, 8080);
  const fewer = await applyObject(client, Services, wanted({ a: "1" }), mended);
  assert.deepEqual(fewer.metadata.labels, { a: "1" });
});
