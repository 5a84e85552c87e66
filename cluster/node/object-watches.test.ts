import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps } from "@capstan/api/generated/resources";
import { createQueue } from "@capstan/base/async";
import { TestCluster } from "@capstan/testing/cluster";
import { ObjectWatches } from "./object-watches.ts";

test("what pods refer to is followed by name, as long as one of them does", async () => {
  await using cluster = await TestCluster.start();
  const namespace = "default";
  const told = createQueue<string>();
  const next = async () => (await told[Symbol.asyncIterator]().next()).value;
  const watches = new ObjectWatches({
    client: cluster.client,
    changed: (from, reference) => told.push(`${from} ${reference}`),
    log: cluster.log,
    signal: cluster.signal,
  });
  const create = (name: string) => cluster.client.create(ConfigMaps, { metadata: { namespace, name }, data: {} });
  const touch = (name: string, text: string) =>
    cluster.client.patch(ConfigMaps, { namespace, name }, { type: "merge", body: { data: { text } } });
  await create("there");
  await create("other");
  watches.keep("one", namespace, ["configmaps/there", "configmaps/late"]);
  watches.keep("two", namespace, ["configmaps/there"]);
  assert.equal(await next(), "default configmaps/there");
  await create("late");
  assert.equal(await next(), "default configmaps/late");
  await touch("other", "x");
  await touch("there", "x");
  assert.equal(await next(), "default configmaps/there");
  // The other pod still refers to it.
  watches.keep("one", namespace, ["configmaps/late"]);
  await touch("there", "y");
  assert.equal(await next(), "default configmaps/there");
  watches.drop("two");
  await touch("there", "z");
  await touch("late", "z");
  assert.equal(await next(), "default configmaps/late");
  watches.drop("one");
});
