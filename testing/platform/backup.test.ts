// Backup while clients write, restore elsewhere, and what is left when either is killed.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigMaps, Secrets } from "@capstan/api/generated/resources";
import { SemaphoreLimits } from "@capstan/api/kinds/records";
import { type Client, createClient } from "@capstan/core/client";
import { openStore } from "@capstan/core/store";
import { openKubeconfig } from "@capstan/core/wire";
import { capstan, startInstance } from "./instance.ts";

const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;

function temporary() {
  const path = mkdtempSync(join(tmpdir(), "capstan-backup-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

async function connect(kubeconfig: string): Promise<AsyncDisposable & { client: Client }> {
  const { transport } = await openKubeconfig(kubeconfig);
  return { client: createClient(transport.handler), [Symbol.asyncDispose]: async () => transport.close() };
}

const numberOf = async (client: Client, name: string) =>
  Number((await client.get(ConfigMaps, { namespace: "default", name })).data?.n);

/** Raises two counters in turn, the first one first, until it is told to stop. */
async function count(client: Client, signal: AbortSignal, told: (n: number) => void): Promise<void> {
  for (let n = 1; !signal.aborted; n++) {
    for (const name of ["first", "second"]) {
      await client.patch(ConfigMaps, { namespace: "default", name }, { type: "merge", body: { data: { n: `${n}` } } });
    }
    told(n);
  }
}

test("a backup taken while clients write is one moment of the cluster, and restores elsewhere", async () => {
  using at = temporary();
  const file = join(at.path, "one");
  let acknowledged = 0;
  let atStart = 0;
  let authority: string;
  {
    await using instance = startInstance();
    await instance.ready();
    await using cluster = await connect(instance.kubeconfig);
    for (const name of ["first", "second"]) {
      await cluster.client.create(ConfigMaps, { metadata: { namespace: "default", name }, data: { n: "0" } });
    }
    const metadata = { namespace: "default", name: "s" };
    await cluster.client.create(Secrets, { metadata, stringData: { word: "open" } });
    await cluster.client.create(SemaphoreLimits, { metadata: { namespace: "default", name: "l" }, spec: { limit: 7 } });
    const stop = new AbortController();
    const begun = Promise.withResolvers<void>();
    const counting = count(cluster.client, stop.signal, (n) => {
      acknowledged = n;
      if (n === 20) begun.resolve();
    });
    await begun.promise;
    atStart = acknowledged;
    const { code, stdout, stderr } = await capstan(["backup", file, "--data-dir", instance.directory]);
    stop.abort();
    await counting;
    assert.equal(code, 0, stderr);
    assert.match(stdout, /objects at revision \d+/);
    assert.equal(statSync(file).mode & 0o777, 0o600);
    assert.deepEqual(readdirSync(at.path), ["one"]);
    const running = await capstan(["restore", file, "--replace", "--data-dir", instance.directory]);
    assert.equal(running.code, 1);
    assert.match(running.stderr, /in use by process/);
    authority = readFileSync(join(instance.directory, "pki", "ca.crt"), "utf8");
  }
  const directory = join(at.path, "restored");
  const { code, stderr } = await capstan(["restore", file, "--data-dir", directory]);
  assert.equal(code, 0, stderr);
  assert.equal(readFileSync(join(directory, "pki", "ca.crt"), "utf8"), authority);
  await using instance = startInstance({ directory });
  await instance.ready();
  await using cluster = await connect(instance.kubeconfig);
  const [first, second] = [await numberOf(cluster.client, "first"), await numberOf(cluster.client, "second")];
  assert.ok(second >= atStart, `${second} after ${atStart} was acknowledged before the backup began`);
  assert.ok(first === second || first === second + 1, `${first} and ${second} were never true together`);
  const secret = await cluster.client.get(Secrets, { namespace: "default", name: "s" });
  assert.equal(atob(secret.data?.word ?? ""), "open");
  const limit = await cluster.client.get(SemaphoreLimits, { namespace: "default", name: "l" });
  assert.equal(limit.spec.limit, 7, "the records are in the backup too");
  const copies = readdirSync(directory).filter((name) => name.startsWith("records."));
  assert.deepEqual(
    copies.filter((name) => !/^records\.db(-wal|-shm)?$/.test(name)),
    [],
  );
});

/** A stopped cluster's directory, without the platform: a store with some megabytes, and keys. */
async function fill(root: string, objects: number): Promise<void> {
  await using store = openStore(join(root, "store"));
  const bytes = randomBytes(20_000);
  await Promise.all(Array.from({ length: objects }, (_, i) => store.create(`n/${i}`, () => ({ bytes }))));
  writeFileSync(join(root, "capstan.json"), '{"format":1}\n');
  writeFileSync(join(root, "network.json"), "{}");
}

/** Runs a command and kills it when a name that matches appears in a directory. */
async function killAt(args: string[], directory: string, name: RegExp): Promise<void> {
  const child = spawn(process.execPath, [bin, ...args], { stdio: "ignore" });
  using watcher = watching(directory, (seen) => name.test(seen) && child.kill("SIGKILL"));
  const [, signal] = await once(child, "exit");
  assert.ok(watcher.seen, "the name did not appear");
  assert.equal(signal, "SIGKILL");
}

function watching(directory: string, tell: (name: string) => unknown) {
  const state = { seen: false, [Symbol.dispose]: () => watcher.close() };
  const watcher = watch(directory, (_, name) => {
    state.seen = true;
    tell(String(name));
  });
  return state;
}

const stored = 4000;

test("kill -9 leaves no half backup and no half cluster", async () => {
  using source = temporary();
  using at = temporary();
  await fill(source.path, stored);
  const file = join(at.path, "b");
  await killAt(["backup", file, "--data-dir", source.path], at.path, /^b\.part/);
  assert.equal(existsSync(file), false);
  assert.equal((await capstan(["backup", file, "--data-dir", source.path])).code, 0);

  using target = temporary();
  await killAt(["restore", file, "--data-dir", target.path], target.path, /^restore\.part$/);
  const refused = await capstan(["up", "--data-dir", target.path]);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /cut short; run it again: capstan restore FILE/);
  const again = await capstan(["restore", file, "--data-dir", target.path]);
  assert.equal(again.code, 0, again.stderr);
  await using store = openStore(join(target.path, "store"));
  assert.equal(store.count("n/"), stored);
});

function bend(whole: Buffer, at: number): Buffer {
  const copy = Buffer.from(whole);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

test("wrong files and wrong directories are refused by name, and nothing changes", async () => {
  using source = temporary();
  using at = temporary();
  await fill(source.path, 30);
  const file = join(at.path, "good");
  assert.equal((await capstan(["backup", file, "--data-dir", source.path])).code, 0);
  const whole = readFileSync(file);
  const cases: [string, Buffer | undefined, RegExp][] = [
    ["half", whole.subarray(0, whole.length - 9000), /half ends in the middle: it is half a backup/],
    ["bent", bend(whole, whole.length >> 1), /bent is damaged/],
    ["tar", Buffer.alloc(5000), /tar is not a backup of Capstan/],
    ["newer", Buffer.from(whole.toString("latin1").replace('"version":1', '"version":7'), "latin1"), /has version 7/],
    ["absent", undefined, /cannot read .*absent: ENOENT/],
  ];
  const before = readdirSync(source.path).sort();
  for (const [name, bytes, expected] of cases) {
    if (bytes) writeFileSync(join(at.path, name), bytes);
    const { code, stderr } = await capstan(["restore", join(at.path, name), "--replace", "--data-dir", source.path]);
    assert.equal(code, 1, name);
    assert.match(stderr, expected);
    assert.deepEqual(readdirSync(source.path).sort(), before, name);
  }
  const taken = await capstan(["restore", file, "--data-dir", source.path]);
  assert.match(taken.stderr, /holds a cluster already; --replace/);
  const exists = await capstan(["backup", file, "--data-dir", source.path]);
  assert.match(exists.stderr, /exists already; --replace overwrites it/);
  assert.match((await capstan(["restore", file, "--data-dir", at.path])).stderr, /neither empty nor a data directory/);
  appendFileSync(join(source.path, "quickstart.json"), "{}");
  const replaced = await capstan(["restore", file, "--replace", "--data-dir", source.path]);
  assert.equal(replaced.code, 0, replaced.stderr);
  assert.equal(existsSync(join(source.path, "quickstart.json")), false, "settings are the backup's");
});
