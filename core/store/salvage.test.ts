// Damage of all kinds: either all is there, or the store says which keys it cannot tell of. Nothing else is ever read.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isStoreError, openStore, type Store, salvageStore } from "./index.ts";

const page = 4096;
type State = Map<string, string>;

/** A generator of numbers below a limit, the same each time. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
}

/** A store of some hundred keys; its state after each of the last two commits. */
async function build(directory: string): Promise<State[]> {
  const state: State = new Map();
  await using store = openStore(directory);
  const put = async (key: string, text: string) => {
    const encode = () => ({ bytes: Buffer.from(text), meta: { size: text.length } });
    await (state.has(key) ? store.update(key, undefined, encode) : store.create(key, encode));
    state.set(key, text);
  };
  const random = numbers(7);
  for (let i = 0; i < 300; i++) {
    const kind = ["configmaps", "pods", "secrets"][i % 3];
    await put(`${kind}/n${i % 7}/${i}`, `${i} is ${random(1e9)} `.repeat(1 + random(i % 25 === 0 ? 900 : 30)));
  }
  for (let i = 0; i < 300; i += 9) await put(`${["configmaps", "pods", "secrets"][i % 3]}/n${i % 7}/${i}`, `new ${i}`);
  await store.delete("pods/n1/1", undefined);
  state.delete("pods/n1/1");
  const before = new Map(state);
  await put("secrets/n0/last", "the last one");
  return [state, before];
}

/** As a new file: the old one may still be mapped. */
function replace(path: string, data: Buffer): void {
  writeFileSync(`${path}-lock`, data);
  renameSync(`${path}-lock`, path);
}

function damageAtRandom(whole: Buffer, random: (limit: number) => number): Buffer {
  const data = Buffer.from(whole);
  const pages = data.length / page;
  switch (random(6)) {
    case 0:
      return data.subarray(0, random(pages) * page + random(page));
    case 1:
      for (let i = random(3); i >= 0; i--) data.fill(0, page * random(pages), page * (1 + random(pages)));
      return data;
    case 2: {
      const at = random(pages) * page;
      data.fill(random(256), at, at + 1 + random(page));
      return data;
    }
    case 3: {
      const [from, to] = [random(pages) * page, random(pages) * page];
      whole.copy(data, to, from, from + page);
      return data;
    }
    case 4: {
      const at = random(3) * page + random(200);
      data.writeUInt8((data.readUInt8(at) ?? 0) ^ (1 << random(8)), at);
      return data;
    }
    default:
      for (let i = random(4); i >= 0; i--) {
        const at = random(data.length);
        data.writeUInt8(data.readUInt8(at) ^ (1 << random(8)), at);
      }
      return data;
  }
}

/** All that can be read is right; what is missing lies where the store says that something may be. */
function assertHonest(store: Store, states: State[], why: string): void {
  const matches = states.some((state) => {
    const { records } = store.list("");
    const right = records.every(({ key, bytes }) => state.get(key) === Buffer.from(bytes).toString());
    const lost = [...state.keys()].filter((key) => !store.get(key));
    const told = lost.every((key) => store.damage.some(({ from, to }) => from <= key && key < to));
    return right && told;
  });
  assert.ok(matches, `${why}: ${store.failure?.message}`);
}

test("damage: all is there, or what is missing is told; nothing wrong is read, nothing breaks", async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-salvage-"));
  const path = join(directory, "data.mdb");
  try {
    const states = await build(directory);
    const whole = readFileSync(path);
    const random = numbers(20);
    let salvaged = 0;
    for (let round = 0; round < 300; round++) {
      replace(path, damageAtRandom(whole, random));
      const why = `round ${round}`;
      let store: Store;
      try {
        store = openStore(directory);
      } catch (error) {
        assert.ok(isStoreError(error, "Corrupted"), `${why}: ${error}`);
        store = salvageStore(directory);
        salvaged++;
        assert.ok(isStoreError(store.failure, "Corrupted"));
        assertHonest(store, states, why);
        const write = store.create("pods/n0/more", () => ({ bytes: new Uint8Array(1) }));
        await assert.rejects(write, (thrown) => isStoreError(thrown, "ReadOnly"));
        await store.close();
        continue;
      }
      assert.deepEqual(store.damage, []);
      assertHonest(store, states.slice(0, 1), why);
      await store.close();
    }
    assert.ok(salvaged > 100, `${salvaged} of 300`);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("damage: a value is lost alone, a page with its keys, a file altogether", async () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-salvage-"));
  const path = join(directory, "data.mdb");
  try {
    const [state = new Map()] = await build(directory);

    const whole = readFileSync(path);
    const holed = Buffer.from(whole);
    for (let at = holed.indexOf("the last one"); at > 0; at = holed.indexOf("the last one", at + 1)) holed[at] = 0;
    replace(path, holed);
    {
      await using store = salvageStore(directory);
      assert.equal(store.count(""), state.size - 1);
      assert.match(store.failure?.message ?? "", /"secrets\/n0\/last" on disk is damaged.*capstan backup --salvage/);
      assert.deepEqual(
        store.damage.map(({ from }) => from),
        ["secrets/n0/last"],
      );
      using snapshot = store.snapshot();
      assert.equal([...snapshot.records()].length, state.size - 1);
    }
    for (const nothing of [Buffer.alloc(0), Buffer.alloc(3 * page, 7)]) {
      replace(path, nothing);
      await using store = salvageStore(directory);
      assert.equal(store.count(""), 0);
      assert.equal(store.damage.length, 1);
      assert.ok(store.damage[0]?.from === "" && store.damage[0].to > "zzz");
    }
    rmSync(path);
    await using store = salvageStore(directory);
    assert.match(store.failure?.message ?? "", /data\.mdb is gone/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
