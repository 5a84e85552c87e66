import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { testStore } from "@capstan/testing/contracts";
import { isStoreError, openStore, type Store, type StoreErrorCode } from "./index.ts";

/** A directory that is removed with the test's scope. */
function directory() {
  const path = mkdtempSync(join(tmpdir(), "capstan-store-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
const text = (value: string) => () => ({ bytes: new TextEncoder().encode(value), meta: { value } });
const fails = (code: StoreErrorCode) => (error: unknown) => isStoreError(error, code);

testStore("lmdb", async (options) => {
  const at = directory();
  const store = openStore(at.path, options);
  const close = store.close;
  store[Symbol.asyncDispose] = async () => {
    await close();
    at[Symbol.dispose]();
  };
  return store;
});

test("lmdb: what was acknowledged is there after closing and opening again", async () => {
  using at = directory();
  let revision = 0;
  {
    await using store = openStore(at.path);
    await store.create("pods/a/x", text("1"));
    await store.create("pods/a/y", text("2"));
    await store.delete("pods/a/y", undefined);
    revision = store.revision;
  }
  await using store = openStore(at.path);
  assert.equal(store.revision, revision, "deletions count too");
  assert.deepEqual(store.get("pods/a/x")?.meta, { value: "1" });
  assert.equal(store.count(""), 1);
  const { signal } = new AbortController();
  assert.throws(() => store.watch("pods/", { after: revision - 1, signal }), fails("Expired"));
  store.watch("pods/", { after: revision, signal });
});

test("lmdb: a directory in use is refused and its holder named; a dead holder's is taken over", async () => {
  using at = directory();
  {
    await using _store = openStore(at.path);
    assert.throws(() => openStore(at.path), new RegExp(`in use by process ${process.pid}`));
  }
  writeFileSync(join(at.path, "store.lock"), JSON.stringify({ pid: process.pid, birth: "an earlier boot/1" }));
  {
    await using _store = openStore(at.path);
  }
  assert.deepEqual(readdirSync(at.path).sort(), ["data.mdb", "data.mdb-lock", "store.json"]);
});

test("lmdb: a holder that was killed and that its parent has not asked after holds nothing", async (t) => {
  if (process.platform !== "linux") return t.skip("reads /proc");
  using at = directory();
  const script = "sleep 0.01 & echo $!; exec sleep 1000";
  const parent = spawn("sh", ["-c", script], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    const [line] = (await once(createInterface(parent.stdout), "line")) as [string];
    const stat = () => readFileSync(`/proc/${line}/stat`, "utf8");
    while (!/\) Z/.test(stat())) await new Promise((resolve) => setImmediate(resolve));
    const start = stat().split(") ")[1]?.split(" ")[19];
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    writeFileSync(join(at.path, "store.lock"), JSON.stringify({ pid: Number(line), birth: `${boot}/${start}` }));
    await using _store = openStore(at.path);
  } finally {
    parent.kill("SIGKILL");
  }
});

test("lmdb: a foreign directory and a newer format are refused, and nothing is written there", async () => {
  using at = directory();
  writeFileSync(join(at.path, "thesis.tex"), "");
  assert.throws(() => openStore(at.path), fails("Foreign"));
  assert.deepEqual(readdirSync(at.path), ["thesis.tex"]);
  const inner = join(at.path, "newer");
  mkdirSync(inner);
  writeFileSync(join(inner, "store.json"), JSON.stringify({ format: "capstan-store", version: 2 }));
  assert.throws(() => openStore(inner), /version 2/);
});

test("lmdb: damage is found and named, never served", async () => {
  using at = directory();
  {
    await using store = openStore(at.path);
    await store.create("pods/a/x", text("a value to be found on disk"));
  }
  const path = join(at.path, "data.mdb");
  const data = readFileSync(path);
  let position = data.indexOf("to be found");
  assert.ok(position > 0);
  for (; position > 0; position = data.indexOf("to be found", position + 1)) data[position] = 0;
  writeFileSync(path, data);
  assert.throws(() => openStore(at.path), /"pods\/a\/x".*damaged.*restore the cluster from a backup/);
  chmodSync(path, 0o600);
  writeFileSync(path, Buffer.alloc(8192, 7));
  assert.throws(() => openStore(at.path), fails("Corrupted"));
});

test("lmdb: a file that was cut, emptied, removed or written over in its middle is told, never half served", async () => {
  using at = directory();
  {
    await using store = openStore(at.path);
    for (let i = 0; i < 200; i++) await store.create(`pods/a/${i}`, text(`${i} `.repeat(500)));
  }
  const path = join(at.path, "data.mdb");
  const whole = readFileSync(path);
  const page = 4096;
  const pages = whole.length / page;
  const told = /damaged.*restore the cluster from a backup/;
  for (const size of [0, page + 1, Math.floor(pages / 2) * page, whole.length - 8 * page]) {
    writeFileSync(path, whole.subarray(0, size));
    assert.throws(() => openStore(at.path), told, `cut to ${size} bytes`);
  }
  rmSync(path);
  assert.throws(() => openStore(at.path), told);
  const flagsOf = (at: number) => whole.readUInt16LE(at * page + 18);
  const leaves = [...Array(pages).keys()].slice(2).filter((number) => flagsOf(number) === 2);
  const holed = Buffer.from(whole);
  for (const number of leaves) holed.fill(0, number * page + 20, number * page + 24);
  writeFileSync(path, holed);
  assert.throws(() => openStore(at.path), told);
  // Pages at the end that were given back are counted, though nothing was ever written there.
  const spare = Buffer.from(whole);
  for (const meta of [0, page]) spare.writeBigUInt64LE(BigInt(pages + 5), meta + 144);
  writeFileSync(path, spare);
  await using store = openStore(at.path);
  assert.equal(store.revision, 201);
});

test("lmdb: the directory is its owner's alone", async () => {
  using at = directory();
  const inner = join(at.path, "data");
  await using _store = openStore(inner);
  assert.equal(statSync(inner).mode & 0o777, 0o700);
});

/** Writes and deletes until it is killed, telling each acknowledged write on a line. */
const writer = `
import { openStore } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
const store = openStore(process.argv[1]);
const bytes = new Uint8Array(3000).fill(65);
let n = store.count("n/");
const work = async (lane) => {
  for (let i = 0; ; i++) {
    const key = "n/" + lane + "/" + store.revision + "-" + i;
    const made = await store.create(key, () => ({ bytes }));
    if (i % 5 === 4) {
      await store.delete(key, made.revision);
      process.stdout.write("- " + key + " " + store.revision + "\\n");
    } else process.stdout.write("+ " + key + " " + made.revision + "\\n");
  }
};
await Promise.all([0, 1, 2, 3].map(work));
`;

test("lmdb: nothing acknowledged is lost by kill -9, and revisions never go back", async () => {
  using at = directory();
  const acknowledged = new Set<string>();
  let newest = 0;
  for (let round = 0; round < 3; round++) {
    const child = spawn(process.execPath, ["--input-type=module", "-e", writer, at.path], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let lines = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      const [sign, key = "", revision] = line.split(" ");
      if (sign === "+") acknowledged.add(key);
      newest = Math.max(newest, Number(revision));
      if (++lines === 150 + round * 37) child.kill("SIGKILL");
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    await using store: Store = openStore(at.path);
    for (const key of acknowledged) assert.ok(store.get(key), `${key} was acknowledged`);
    assert.ok(store.revision >= newest, `${store.revision} after ${newest}`);
  }
});

/** Fills the disk, and shows what the store says then, and what a new one finds after room was made. */
const filler = `
import { openStore } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
import { rmSync, writeFileSync } from "node:fs";
const directory = process.argv[1];
writeFileSync(directory + "/ballast", Buffer.alloc(400_000));
const store = openStore(directory + "/s");
const said = [];
const create = (key) => store.create(key, () => ({ bytes: new Uint8Array(20_000) }));
let written = 0;
try {
  for (;; written++) await create("n/" + written);
} catch (error) {
  said.push(error.code);
}
try {
  await create("n/more");
} catch (error) {
  said.push(error.code);
}
said.push(store.list("n/").records.length === written, store.failure?.code);
await store.close();
rmSync(directory + "/ballast");
const again = openStore(directory + "/s");
said.push(again.count("n/") === written);
await again.create("n/after", () => ({ bytes: new Uint8Array(20_000) }));
await again.close();
console.log(JSON.stringify(said));
`;

const canMount = spawnSync("unshare", ["-m", "true"]).status === 0;

test("lmdb: a full disk is named, makes the store read-only, and loses nothing", {
  skip: canMount ? false : "mounting a small file system needs root",
}, async () => {
  using at = directory();
  const mount = 'mount -t tmpfs -o size=1500k none "$1" && exec "$0" --input-type=module -e "$2" "$1"';
  const child = spawnSync("unshare", ["-m", "sh", "-c", mount, process.execPath, at.path, filler], {
    encoding: "utf8",
  });
  const last = child.stdout.trim().split("\n").at(-1) ?? "";
  assert.equal(last, JSON.stringify(["Full", "ReadOnly", true, "Full", true]), child.stderr);
});
