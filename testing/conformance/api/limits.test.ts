// Bodies that are too large or too deep, names that are made up, answers that are compressed, protobuf.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { openSubject, type Subject } from "./subject.ts";

let subject: Subject;
let path: string;
before(async () => {
  subject = await openSubject();
  path = `/api/v1/namespaces/${await subject.namespace()}/configmaps`;
});
after(() => subject[Symbol.asyncDispose]());

test("a body beyond three megabytes is too large", async () => {
  const answer = await subject.send("POST", path, {
    body: { metadata: { name: "big" }, data: { k: "x".repeat(3 * 1024 * 1024) } },
  });
  assert.equal(answer.status, 413);
  assert.equal(answer.json.reason, "RequestEntityTooLarge");
  assert.match(answer.json.message, /^Request entity too large: limit is 3145728$/);
});

test("a config map holds a mebibyte", async () => {
  const half = "x".repeat(512 * 1024);
  const body = (name: string, more: string) => ({ metadata: { name }, data: { a: half, b: half + more } });
  assert.equal((await subject.send("POST", path, { body: body("full", "") })).status, 201);
  const answer = await subject.send("POST", path, { body: body("over", "x") });
  assert.equal(answer.status, 422);
  assert.equal(answer.json.details.causes[0].reason, "FieldValueTooLong");
});

test("annotations hold 256 KiB", async () => {
  const annotations = { a: "x".repeat(256 * 1024) };
  const answer = await subject.send("POST", path, { body: { metadata: { name: "noted", annotations } } });
  assert.equal(answer.status, 422);
  assert.equal(answer.json.details.causes[0].field, "metadata.annotations");
  assert.equal(answer.json.details.causes[0].reason, "FieldValueTooLong");
});

test("deep nesting is refused, and the server goes on", async () => {
  const body = `{"metadata":{"name":"deep"},"data":${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}}`;
  const answer = await subject.send("POST", path, { body });
  assert.equal(answer.status, 400);
  assert.equal(answer.json.reason, "BadRequest");
  assert.equal((await subject.send("GET", path)).status, 200);
});

test("generated names start with what was asked, and are all different", async () => {
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => subject.send("POST", path, { body: { metadata: { generateName: "made-" } } })),
  );
  const names = answers.map(({ json }) => json.metadata.name);
  assert.equal(new Set(names).size, 10);
  for (const name of names) assert.match(name, /^made-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  const long = await subject.send("POST", path, { body: { metadata: { generateName: "x".repeat(80) } } });
  assert.equal(long.json.metadata.name.length, 63);
  assert.equal(long.json.metadata.generateName.length, 80);
});

test("large lists are compressed for who takes that", async () => {
  const data = { k: "y".repeat(200 * 1024) };
  await subject.send("POST", path, { body: { metadata: { name: "large" }, data } });
  const answer = await subject.send("GET", path, { headers: { "accept-encoding": "gzip" } });
  assert.equal(answer.headers["content-encoding"], "gzip");
  const { items } = JSON.parse(gunzipSync(answer.bytes).toString());
  assert.ok(items.some((item: { metadata: { name: string } }) => item.metadata.name === "large"));
  const plain = await subject.send("GET", path);
  assert.equal(plain.headers["content-encoding"], undefined);
});

/** A field of a protobuf message that holds bytes. */
function field(number: number, value: Buffer | string): Buffer {
  const bytes = Buffer.from(value);
  const length: number[] = [];
  for (let rest = bytes.length; ; rest >>>= 7) {
    if (rest < 128) {
      length.push(rest);
      break;
    }
    length.push((rest & 127) | 128);
  }
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length]), bytes]);
}

const envelope = (apiVersion: string, kind: string, raw: Buffer) =>
  Buffer.concat([Buffer.from("k8s\0"), field(1, Buffer.concat([field(1, apiVersion), field(2, kind)])), field(2, raw)]);

test("protobuf bodies are read", async () => {
  const type = "application/vnd.kubernetes.protobuf";
  const entry = Buffer.concat([field(1, "k"), field(2, "v")]);
  const raw = Buffer.concat([field(1, field(1, "proto")), field(2, entry)]);
  const made = await subject.send("POST", path, { body: envelope("v1", "ConfigMap", raw), type });
  assert.equal(made.status, 201, made.text);
  assert.deepEqual(made.json.data, { k: "v" });
  const broken = await subject.send("POST", path, { body: Buffer.from("k8s\0\xff\xff", "latin1"), type });
  assert.equal(broken.status, 400);
  const foreign = await subject.send("POST", path, { body: Buffer.from("{}"), type });
  assert.equal(foreign.status, 400);
});

test("managers stand in order: appliers first, then by time and name", async () => {
  const at = `${path}/managed`;
  await subject.send("POST", `${path}?fieldManager=zoe`, { body: { metadata: { name: "managed" }, data: { z: "1" } } });
  const merge = { type: "application/merge-patch+json" };
  await subject.send("PATCH", `${at}?fieldManager=adam`, { body: { data: { a: "1" } }, ...merge });
  const applied = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "managed" }, data: { p: "1" } };
  const answer = await subject.send("PATCH", `${at}?fieldManager=paul`, {
    body: applied,
    type: "application/apply-patch+yaml",
  });
  const entries: { manager: string; operation: string; time: string }[] = answer.json.metadata.managedFields;
  assert.deepEqual(entries[0]?.manager, "paul");
  const updates = entries.slice(1);
  const keys = updates.map(({ time, manager }) => time + manager);
  assert.deepEqual(keys, [...keys].sort());
  assert.deepEqual(updates.map(({ manager }) => manager).sort(), ["adam", "zoe"]);
});

test("an expired page hands out a token that goes on in the newest state", { timeout: 20_000 }, async () => {
  const first = await subject.send("GET", `${path}?limit=1`);
  const token = Buffer.from(first.json.metadata.continue, "base64url").toString();
  const old = Buffer.from(JSON.stringify({ ...JSON.parse(token), rv: 1 })).toString("base64url");
  const answer = await subject.send("GET", `${path}?limit=1&continue=${old}`);
  // A store that still has that state goes on in it.
  if (answer.status === 200) return;
  assert.equal(answer.status, 410);
  assert.equal(answer.json.reason, "Expired");
  const next = await subject.send(
    "GET",
    `${path}?limit=1&continue=${encodeURIComponent(answer.json.metadata.continue)}`,
  );
  assert.equal(next.status, 200);
  assert.equal(next.json.items.length, 1);
});
