import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps } from "@capstan/api/generated/resources";
import { createMemoryStore } from "@capstan/core/store";
import { TestCluster } from "@capstan/testing/cluster";

interface Line {
  type: string;
  object: {
    kind?: string;
    code?: number;
    reason?: string;
    metadata: {
      name?: string;
      resourceVersion?: string;
      annotations?: Record<string, string>;
      labels?: Record<string, string>;
    };
    rows?: unknown[];
    columnDefinitions?: unknown[];
  };
}

/** The lines of a watch, one by one. */
async function open(cluster: TestCluster, query: string, accept = "application/json") {
  const stop = new AbortController();
  const url = `/api/v1/namespaces/default/configmaps?watch=true&${query}`;
  const { body } = await cluster.client.request({
    url,
    headers: { accept },
    signal: AbortSignal.any([cluster.signal, stop.signal]),
  });
  const lines = (body as AsyncIterable<Uint8Array>)[Symbol.asyncIterator]();
  const next = async (): Promise<Line> => {
    const { value, done } = await lines.next();
    assert.equal(done, false, "the watch has ended");
    return JSON.parse(new TextDecoder().decode(value)) as Line;
  };
  const ended = async () => (await lines.next()).done;
  return { next, ended, stop: () => stop.abort() };
}

const create = (cluster: TestCluster, name: string, labels: Record<string, string> = {}) =>
  cluster.client.create(ConfigMaps, { metadata: { namespace: "default", name, labels } });
const label = (cluster: TestCluster, name: string, labels: Record<string, string | null>) =>
  cluster.client.patch(ConfigMaps, { namespace: "default", name }, { type: "merge", body: { metadata: { labels } } });

test("initial events end with a marked bookmark, then changes follow", async () => {
  await using cluster = await TestCluster.start();
  await create(cluster, "a");
  const watch = await open(
    cluster,
    "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true",
  );
  assert.equal((await watch.next()).object.metadata.name, "a");
  const mark = await watch.next();
  assert.equal(mark.type, "BOOKMARK");
  assert.equal(mark.object.kind, "ConfigMap");
  assert.equal(mark.object.metadata.annotations?.["k8s.io/initial-events-end"], "true");
  assert.equal(mark.object.metadata.resourceVersion, String(cluster.store.revision));
  await create(cluster, "b");
  const added = await watch.next();
  assert.deepEqual([added.type, added.object.metadata.name], ["ADDED", "b"]);
});

test("from a version on, only what came after it", async () => {
  await using cluster = await TestCluster.start();
  const first = await create(cluster, "a");
  await create(cluster, "b");
  const watch = await open(cluster, `resourceVersion=${first.metadata.resourceVersion}`);
  assert.equal((await watch.next()).object.metadata.name, "b");
  await cluster.client.delete(ConfigMaps, { namespace: "default", name: "a" });
  const gone = await watch.next();
  assert.deepEqual([gone.type, gone.object.metadata.name], ["DELETED", "a"]);
  assert.equal(gone.object.metadata.resourceVersion, String(cluster.store.revision));
});

test("an object that enters a selector is ADDED, one that leaves is DELETED with its old body and the new revision", async () => {
  await using cluster = await TestCluster.start();
  await create(cluster, "a", { on: "no" });
  const watch = await open(cluster, "labelSelector=on%3Dyes&resourceVersion=0");
  await label(cluster, "a", { on: "yes" });
  const entered = await watch.next();
  assert.deepEqual([entered.type, entered.object.metadata.labels], ["ADDED", { on: "yes" }]);
  await label(cluster, "a", { on: "yes", more: "1" });
  assert.equal((await watch.next()).type, "MODIFIED");
  const changed = await label(cluster, "a", { on: "no" });
  const left = await watch.next();
  assert.deepEqual([left.type, left.object.metadata.labels], ["DELETED", { on: "yes", more: "1" }]);
  assert.equal(left.object.metadata.resourceVersion, changed.metadata.resourceVersion);
});

test("a version older than the history is one ERROR event, then the end", async () => {
  const store = await createMemoryStore({ history: { events: 4 } });
  await using cluster = await TestCluster.start({ store });
  for (let i = 0; i < 10; i++) await create(cluster, `c${i}`);
  const watch = await open(cluster, "resourceVersion=2");
  const error = await watch.next();
  assert.deepEqual([error.type, error.object.code, error.object.reason], ["ERROR", 410, "Expired"]);
  assert.equal(await watch.ended(), true);
});

test("a watch ends after its timeout, with a bookmark", async () => {
  await using cluster = await TestCluster.start();
  const watch = await open(cluster, "timeoutSeconds=1&allowWatchBookmarks=true&resourceVersion=2");
  for (;;) {
    const line = await watch.next();
    if (line.type === "BOOKMARK") break;
  }
  assert.equal(await watch.ended(), true);
});

test("a Table's columns come with its first event alone", async () => {
  await using cluster = await TestCluster.start();
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  await create(cluster, "a");
  const watch = await open(cluster, "resourceVersion=0", accept);
  const first = await watch.next();
  assert.deepEqual(
    [first.object.kind, first.object.rows?.length, first.object.columnDefinitions?.length],
    ["Table", 1, 3],
  );
  await create(cluster, "b");
  assert.deepEqual((await watch.next()).object.columnDefinitions, []);
});
