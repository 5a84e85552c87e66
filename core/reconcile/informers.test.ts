import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps } from "@capstan/api/generated/resources";
import { StatusError } from "@capstan/api/meta";
import { silent } from "@capstan/base/log";
import type { Client, WatchEvent, WatchOptions } from "@capstan/core/client";
import { TestCluster } from "@capstan/testing/cluster";
import { createInformers } from "./index.ts";

const never = new AbortController().signal;
const named = (name: string, data: Record<string, string> = {}) => ({ metadata: { namespace: "default", name }, data });

test("a copy follows the server, and what was written can be waited for", async () => {
  await using cluster = await TestCluster.start();
  const { client, informers } = cluster;
  await client.create(ConfigMaps, named("early"));
  const maps = informers.informer(ConfigMaps);
  await maps.synced();
  assert.ok(maps.get({ namespace: "default", name: "early" }));
  const made = await client.create(ConfigMaps, named("late", { a: "1" }));
  await maps.until(made.metadata.resourceVersion, never);
  assert.equal(maps.get({ namespace: "default", name: "late" })?.data?.a, "1");
  assert.deepEqual(
    maps.list("default").map(({ metadata }) => metadata.name),
    ["early", "late"],
  );
  await client.delete(ConfigMaps, { namespace: "default", name: "late" });
  await maps.when({ namespace: "default", name: "late" }, (object) => object === undefined, never);
  assert.deepEqual(maps.list("elsewhere"), []);
});

test("indexes and handlers see objects from before and after", async () => {
  await using cluster = await TestCluster.start();
  const { client, informers } = cluster;
  const maps = informers.informer(ConfigMaps);
  maps.addIndex("color", ({ data }) => (data?.color ? [data.color] : []));
  await client.create(ConfigMaps, named("a", { color: "red" }));
  const b = await client.create(ConfigMaps, named("b", { color: "red" }));
  await maps.until(b.metadata.resourceVersion, never);
  maps.addIndex("length", ({ data }) => [String(data?.color?.length ?? 0)]);
  const seen: string[] = [];
  maps.onChange(({ type, object, old }) => seen.push(`${type} ${object.metadata.name} ${old?.data?.color ?? "-"}`));
  const moved = await client.update(ConfigMaps, { ...b, data: { color: "green" } });
  await client.delete(ConfigMaps, { namespace: "default", name: "a" });
  await maps.until(moved.metadata.resourceVersion, never);
  await maps.when({ namespace: "default", name: "a" }, (object) => !object, never);
  assert.deepEqual(seen, ["ADDED a -", "ADDED b -", "MODIFIED b red", "DELETED a red"]);
  assert.deepEqual(maps.byIndex("color", "red"), []);
  assert.deepEqual(
    maps.byIndex("color", "green").map(({ metadata }) => metadata.name),
    ["b"],
  );
  assert.equal(maps.byIndex("length", "5").length, 1);
  assert.throws(() => maps.byIndex("shape", "round"), /no index "shape"/);
});

type Script = (options: WatchOptions) => AsyncIterable<WatchEvent<never>>;

/** A client whose watches follow a script: what a server does that expires, breaks off, or cannot stream its state. */
function scripted(scripts: Script[], asked: (string | undefined)[]): Client {
  const watch = (_: unknown, options: WatchOptions) => {
    asked.push(options.resourceVersion);
    const script = scripts.shift();
    return script ? script(options) : quiet(options.signal);
  };
  const list = async () => ({ items: [object("listed", "40")], resourceVersion: "41" });
  return { watch, list } as unknown as Client;
}
async function* quiet(signal: AbortSignal): AsyncGenerator<never> {
  await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
}
const object = (name: string, resourceVersion: string) => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "default", resourceVersion },
});
const added = (name: string, version: string) =>
  ({ type: "ADDED", object: object(name, version) }) as WatchEvent<never>;
const end = (version: string): WatchEvent<never> => ({
  type: "BOOKMARK",
  object: { metadata: { resourceVersion: version, annotations: { "k8s.io/initial-events-end": "true" } } },
});

test("a watch that breaks off is resumed, and one that expired starts again from the whole state", async () => {
  const asked: (string | undefined)[] = [];
  const client = scripted(
    [
      async function* () {
        yield added("a", "10");
        yield added("b", "11");
        yield end("12");
        yield added("c", "13");
      },
      async function* () {
        yield* [];
        throw new StatusError("Expired", "too old");
      },
      async function* ({ signal }) {
        yield added("b", "11");
        yield added("d", "20");
        yield end("21");
        yield* quiet(signal);
      },
    ],
    asked,
  );
  const stop = new AbortController();
  const informers = createInformers(client, { log: silent });
  const maps = informers.informer(ConfigMaps);
  const seen: string[] = [];
  maps.onChange(({ type, object }) => seen.push(`${type} ${object.metadata.name}`));
  const ended = informers.start(stop.signal);
  await maps.until("21", stop.signal);
  stop.abort();
  await ended;
  assert.deepEqual(asked, [undefined, "13", undefined]);
  assert.deepEqual(seen, ["ADDED a", "ADDED b", "ADDED c", "DELETED a", "DELETED c", "ADDED d"]);
});

test("a server that does not stream its state is listed", async () => {
  const asked: (string | undefined)[] = [];
  const refuse: Script = async function* () {
    yield* [];
    throw new StatusError("Invalid", "sendInitialEvents is forbidden");
  };
  const informers = createInformers(scripted([refuse], asked), { log: silent });
  const stop = new AbortController();
  const maps = informers.informer(ConfigMaps);
  const ended = informers.start(stop.signal);
  await maps.synced();
  assert.equal(maps.list().length, 1);
  stop.abort();
  await ended;
  assert.deepEqual(asked, [undefined, "41"]);
});
