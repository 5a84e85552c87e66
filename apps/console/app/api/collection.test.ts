import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps } from "@capstan/api/generated/resources";
import type { Handler } from "@capstan/base/http";
import { createClient } from "@capstan/core/client";
import { TestCluster } from "../../../../testing/cluster/index.ts";
import { type Collection, createCollection, type Snapshot } from "./collection.ts";

/** Resolves with the first snapshot that is as wanted. */
function until<T>(collection: Collection<T>, wanted: (snapshot: Snapshot<T>) => boolean): Promise<Snapshot<T>> {
  return new Promise((resolve) => {
    const look = () => {
      const snapshot = collection.snapshot();
      if (!wanted(snapshot)) return;
      stop();
      resolve(snapshot);
    };
    const stop = collection.subscribe(() => queueMicrotask(look));
    queueMicrotask(look);
  });
}

const admin = { name: "admin", groups: ["system:masters"] };
const namespace = "default";
const names = (snapshot: Snapshot<{ metadata: { name: string } }>) =>
  snapshot.items.map((item) => item.metadata.name).sort();

test("a collection begins with what is there and follows what happens", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  await client.create(ConfigMaps, { metadata: { namespace, name: "a" } });
  const collection = createCollection(client, ConfigMaps, { namespace });
  assert.equal(collection.snapshot().state, "loading");
  const keep = collection.subscribe(() => {});
  assert.deepEqual(names(await until(collection, ({ state }) => state === "live")), ["a"]);
  await client.create(ConfigMaps, { metadata: { namespace, name: "b" } });
  await client.delete(ConfigMaps, { namespace, name: "a" });
  await until(collection, (snapshot) => names(snapshot).join() === "b");
  keep();
});

test("a stream that breaks leaves the last state, and comes back with the whole of the new one", async () => {
  await using cluster = await TestCluster.start();
  let cut = new AbortController();
  const breaking: Handler = async (request) => {
    if (cut.signal.aborted) throw new TypeError("network");
    const signal = AbortSignal.any([request.signal, cut.signal]);
    const answer = await cluster.handler({ ...request, principal: admin, signal });
    return answer;
  };
  await cluster.client.create(ConfigMaps, { metadata: { namespace, name: "a" } });
  const collection = createCollection(createClient(breaking), ConfigMaps, { namespace });
  const keep = collection.subscribe(() => {});
  await until(collection, ({ state }) => state === "live");
  cut.abort();
  assert.deepEqual(names(await until(collection, ({ state }) => state === "stale")), ["a"]);
  await cluster.client.delete(ConfigMaps, { namespace, name: "a" });
  await cluster.client.create(ConfigMaps, { metadata: { namespace, name: "c" } });
  cut = new AbortController();
  const back = await until(collection, ({ state }) => state === "live");
  assert.deepEqual(names(back), ["c"]);
  keep();
});

test("a refusal is shown with its reason", async () => {
  await using cluster = await TestCluster.start();
  const unknown = { ...ConfigMaps, group: "none.example", resource: "nothings" };
  const collection = createCollection(cluster.client, unknown, {});
  const keep = collection.subscribe(() => {});
  const { state, error } = await until(collection, (snapshot) => snapshot.state !== "loading");
  assert.deepEqual([state, error?.reason], ["failed", "NotFound"]);
  keep();
});
