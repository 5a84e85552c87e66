// Watches: what they begin with, what they send, how they end.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Stream, WatchEvent } from "./exchange.ts";
import { openSubject, type Subject } from "./subject.ts";
import { tableType } from "./topics/tables.ts";

let subject: Subject;
before(async () => {
  subject = await openSubject();
});
after(() => subject[Symbol.asyncDispose]());

const merge = "application/merge-patch+json";

async function fresh() {
  const path = `/api/v1/namespaces/${await subject.namespace()}/configmaps`;
  const create = async (name: string, labels: Record<string, string> = {}) =>
    (await subject.send("POST", path, { body: { metadata: { name, labels } } })).json;
  const label = async (name: string, labels: Record<string, string | null>) =>
    (await subject.send("PATCH", `${path}/${name}`, { body: { metadata: { labels } }, type: merge })).json;
  const watch = (query: string, accept?: string) =>
    subject.watch(`${path}?watch=true&${query}`, accept ? { accept } : {});
  return { path, create, label, watch };
}

async function take(stream: Stream, count: number): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  while (events.length < count) {
    const event = await stream.next();
    if (!event) break;
    if (event.type !== "BOOKMARK") events.push(event);
  }
  return events;
}
const names = (events: WatchEvent[]) => events.map(({ type, object }) => `${type} ${object.metadata.name}`);

test("from revision 0 or none all there is comes first", async () => {
  const { create, watch } = await fresh();
  await create("a");
  await create("b");
  for (const query of ["resourceVersion=0", ""]) {
    await using stream = await watch(query);
    assert.equal(stream.status, 200);
    assert.match(String(stream.headers["content-type"]), /^application\/json/);
    assert.deepEqual(names(await take(stream, 2)).sort(), ["ADDED a", "ADDED b"]);
  }
});

test("from a revision on only what came after it", async () => {
  const { path, create, label, watch } = await fresh();
  const made = await create("a");
  await using stream = await watch(`resourceVersion=${made.metadata.resourceVersion}`);
  await label("a", { x: "1" });
  await create("b");
  await subject.send("DELETE", `${path}/a`);
  const events = await take(stream, 3);
  assert.deepEqual(names(events), ["MODIFIED a", "ADDED b", "DELETED a"]);
  const [modified, added, deleted] = events.map(({ object }) => BigInt(object.metadata.resourceVersion));
  assert.ok(modified! < added! && added! < deleted!, "revisions rise, the last with the deletion");
  assert.deepEqual(events[2]?.object.metadata.labels, { x: "1" });
  assert.equal(events[0]?.object.kind, "ConfigMap");
});

test("initial events end with a marked bookmark, then the watch goes on", async () => {
  const { create, watch } = await fresh();
  await create("a");
  await using stream = await watch("sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true");
  assert.equal((await stream.next())?.object.metadata.name, "a");
  const bookmark = await stream.next();
  assert.equal(bookmark?.type, "BOOKMARK");
  assert.equal(bookmark?.object.kind, "ConfigMap");
  assert.equal(bookmark?.object.apiVersion, "v1");
  assert.equal(bookmark?.object.metadata.annotations["k8s.io/initial-events-end"], "true");
  assert.match(bookmark?.object.metadata.resourceVersion, /^[1-9]\d*$/);
  await create("b");
  assert.deepEqual(names(await take(stream, 1)), ["ADDED b"]);
});

test("who leaves the selector is DELETED with its old body and the event's revision", async () => {
  const { create, label, watch } = await fresh();
  const made = await create("a", { x: "1" });
  await using stream = await watch(`resourceVersion=${made.metadata.resourceVersion}&labelSelector=x%3D1`);
  const left = await label("a", { x: "2" });
  const back = await label("a", { x: "1" });
  const [deleted, added] = await take(stream, 2);
  assert.equal(deleted?.type, "DELETED");
  assert.deepEqual(deleted?.object.metadata.labels, { x: "1" });
  assert.equal(deleted?.object.metadata.resourceVersion, left.metadata.resourceVersion);
  assert.equal(added?.type, "ADDED");
  assert.equal(added?.object.metadata.resourceVersion, back.metadata.resourceVersion);
});

test("a field selector of one name", async () => {
  const { create, watch } = await fresh();
  await create("a");
  await using stream = await watch("fieldSelector=metadata.name%3Db&resourceVersion=0");
  await create("b");
  assert.deepEqual(names(await take(stream, 1)), ["ADDED b"]);
});

test("a watch ends after timeoutSeconds", async () => {
  const { create, watch } = await fresh();
  await create("a");
  await using stream = await watch("timeoutSeconds=1");
  assert.equal((await take(stream, 5)).length, 1);
});

test("rows of a Table, of which the first alone names the columns", async () => {
  const { create, watch } = await fresh();
  await create("a");
  await create("b");
  await using stream = await watch("resourceVersion=0", tableType);
  const [first, second] = await take(stream, 2).catch(async () => []);
  assert.equal(first?.object.kind, "Table");
  assert.ok(first?.object.columnDefinitions.length > 0);
  assert.equal(second?.object.columnDefinitions?.length ?? 0, 0);
  assert.equal(second?.object.rows.length, 1);
});

test("metadata alone", async () => {
  const { create, watch } = await fresh();
  await create("a");
  await using stream = await watch("resourceVersion=0", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io");
  const [event] = await take(stream, 1);
  assert.equal(event?.object.kind, "PartialObjectMetadata");
  assert.equal(event?.object.data, undefined);
});

test("what a watch cannot be asked is refused before it begins", async () => {
  const { path } = await fresh();
  const ask = async (query: string) => {
    const { status, json } = await subject.send("GET", `${path}?watch=true&${query}`);
    return [status, json.reason, json.details?.causes?.[0]?.field];
  };
  const match = [422, "Invalid", "resourceVersionMatch"];
  assert.deepEqual(await ask("sendInitialEvents=true"), match);
  assert.deepEqual(await ask("resourceVersionMatch=NotOlderThan"), match);
  assert.deepEqual(await ask("sendInitialEvents=true&resourceVersionMatch=Exact"), match);
  assert.deepEqual(await ask("labelSelector=x%3D%3D%3D1"), [400, "BadRequest", undefined]);
});

test("a list ahead of the server waits, then says how far it is", async () => {
  const { path } = await fresh();
  const answer = await subject.send("GET", `${path}?resourceVersion=900000000&resourceVersionMatch=NotOlderThan`);
  assert.equal(answer.status, 504);
  assert.equal(answer.json.reason, "Timeout");
  assert.equal(answer.json.details.causes[0].reason, "ResourceVersionTooLarge");
  assert.match(answer.json.message, /^Timeout: Too large resource version: 900000000, current: \d+$/);
});
