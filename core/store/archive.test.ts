import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  type ArchiveEntry,
  createMemoryStore,
  importStore,
  isStoreError,
  openStore,
  readArchive,
  type StoreErrorCode,
  type StoreRecord,
  writeArchive,
} from "./index.ts";

const value = (text: string) => () => ({ bytes: new TextEncoder().encode(text), meta: { text } });
const pki = { name: "pki/ca.key", bytes: new TextEncoder().encode("a key") };

async function archive(count: number): Promise<Buffer> {
  await using store = createMemoryStore();
  for (let i = 0; i < count; i++) await store.create(`n/${i}`, value(`value ${i}`));
  using snapshot = store.snapshot();
  return Buffer.concat([...writeArchive(snapshot, [pki], "2026-01-01T00:00:00Z")]);
}

/** The bytes in pieces of a size that no part has. */
async function* pieces(bytes: Uint8Array, size = 37): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Uint8Array): Promise<ArchiveEntry[]> {
  const entries: ArchiveEntry[] = [];
  for await (const entry of readArchive("monday", pieces(bytes))) entries.push(entry);
  return entries;
}

const fails = (code: StoreErrorCode, message: RegExp) => (error: unknown) =>
  isStoreError(error, code) && message.test((error as Error).message) && /^monday /.test((error as Error).message);

test("what was archived is read again, and imported with its revisions", async () => {
  const entries = await read(await archive(40));
  assert.deepEqual(entries[0], { type: "header", revision: 41, created: "2026-01-01T00:00:00Z" });
  const [, file] = entries;
  assert.ok(file?.type === "file" && Buffer.from(file.bytes).toString() === "a key");
  const records = entries.filter((entry) => entry.type === "record");
  assert.equal(records.length, 40);

  const root = mkdtempSync(join(tmpdir(), "capstan-archive-"));
  try {
    const source = async function* (): AsyncGenerator<StoreRecord> {
      yield* records;
    };
    await importStore(join(root, "store"), source(), () => 1000);
    await using store = openStore(join(root, "store"));
    assert.equal(store.revision, 1000);
    assert.equal(store.count("n/"), 40);
    assert.deepEqual(store.get("n/7")?.meta, { text: "value 7" });
    assert.equal(store.get("n/7")?.revision, 9);
    const { signal } = new AbortController();
    assert.throws(
      () => store.watch("", { after: 41, signal }),
      (e) => isStoreError(e, "Expired"),
    );
    await store.create("n/new", value("x"));
  } finally {
    rmSync(root, { recursive: true });
  }
});

test("an import refuses a directory that holds something", async () => {
  const root = mkdtempSync(join(tmpdir(), "capstan-archive-"));
  mkdirSync(join(root, "store"));
  writeFileSync(join(root, "store", "thesis.tex"), "");
  const nothing = (async function* (): AsyncGenerator<StoreRecord> {})();
  await assert.rejects(
    importStore(join(root, "store"), nothing, () => 1),
    /not empty: it holds thesis/,
  );
  assert.deepEqual(readdirSync(join(root, "store")), ["thesis.tex"]);
  rmSync(root, { recursive: true });
});

test("a half archive is told, wherever it ends", async () => {
  const whole = await archive(20);
  for (let length = 0; length < whole.length; length += 7) {
    const expected = length < 15 ? fails("Foreign", /not a backup/) : fails("Corrupted", /half a backup/);
    await assert.rejects(read(whole.subarray(0, length)), expected, `${length} of ${whole.length} bytes`);
  }
});

test("every flipped bit is found", async () => {
  const whole = await archive(12);
  for (let at = 0; at < whole.length; at++) {
    const copy = Buffer.from(whole);
    copy[at] = (copy[at] ?? 0) ^ (1 << (at % 8));
    await assert.rejects(read(copy), (error) => isStoreError(error, "Corrupted", "Foreign"), `byte ${at}`);
  }
});

test("other programs' files, newer versions, more than the end and absurd sizes are named", async () => {
  const whole = await archive(3);
  await assert.rejects(read(Buffer.from("PK\u0003\u0004 something else")), fails("Foreign", /not a backup of Capstan/));
  const newer = Buffer.from(whole.toString("latin1").replace('"version":1', '"version":2'), "latin1");
  await assert.rejects(read(newer), fails("Foreign", /has version 2, this Capstan reads 1/));
  await assert.rejects(read(Buffer.concat([whole, whole])), fails("Corrupted", /something follows its end/));
  const huge = Buffer.from(whole);
  huge.writeUInt32LE(0xfffffff0, 16);
  await assert.rejects(read(huge), fails("Corrupted", /frameBytes/));
});
