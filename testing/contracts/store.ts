// What every Store does, whatever its driver: called by each driver's tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isStoreError, type Store, type StoreErrorCode, type StoreOptions } from "@capstan/core/store";

export type OpenStore = (options?: StoreOptions) => Promise<Store>;

const text = (value: string) => () => ({ bytes: new TextEncoder().encode(value), meta: { value } });
const read = (bytes: Uint8Array | undefined) => bytes && new TextDecoder().decode(bytes);
const fails = (code: StoreErrorCode) => (error: unknown) => isStoreError(error, code);

export function testStore(name: string, open: OpenStore): void {
  const check = (title: string, body: (store: Store) => Promise<void>, options?: StoreOptions) =>
    test(`${name}: ${title}`, async () => {
      await using store = await open(options);
      await body(store);
    });
  testWrites(check);
  testLists(check);
  testWatches(check);
  testRaces(check);
  testSnapshots(check);
}

type Check = (title: string, body: (store: Store) => Promise<void>, options?: StoreOptions) => void;

function testWrites(check: Check): void {
  check("a write has the revision its bytes were encoded with", async (store) => {
    let given = 0;
    const made = await store.create("pods/a/x", (revision) => {
      given = revision;
      return { bytes: new TextEncoder().encode(String(revision)), meta: { n: revision } };
    });
    assert.equal(made.revision, given);
    assert.equal(store.revision, given);
    const got = store.get("pods/a/x");
    assert.deepEqual([got?.revision, read(got?.bytes), got?.meta], [given, String(given), { n: given }]);
  });
  check("create refuses a key that exists", async (store) => {
    await store.create("a/b", text("1"));
    await assert.rejects(store.create("a/b", text("2")), fails("Exists"));
    assert.equal(read(store.get("a/b")?.bytes), "1");
  });
  check("update and delete refuse another revision and a missing key", async (store) => {
    const { revision } = await store.create("a/b", text("1"));
    await store.update("a/b", revision, text("2"));
    await assert.rejects(store.update("a/b", revision, text("3")), fails("Conflict"));
    await assert.rejects(store.delete("a/b", revision), fails("Conflict"));
    await assert.rejects(store.update("a/c", undefined, text("3")), fails("NotFound"));
    await assert.rejects(store.delete("a/c", undefined), fails("NotFound"));
  });
  check("delete answers the state before and moves the revision", async (store) => {
    await store.create("a/b", text("1"));
    const before = store.revision;
    assert.equal(read((await store.delete("a/b", undefined)).bytes), "1");
    assert.equal(store.get("a/b"), undefined);
    assert.ok(store.revision > before);
  });
  check("an encoder that throws writes nothing and costs no revision", async (store) => {
    const before = store.revision;
    const throwing = () => {
      throw new RangeError("no");
    };
    await assert.rejects(store.create("a/b", throwing), RangeError);
    const { revision } = await store.create("a/b", text("1"));
    assert.equal(revision, before + 1);
  });
  check("keys and sizes that cannot be stored are refused", async (store) => {
    for (const key of ["", "/a", "a/", "a//b", "a/\u0000", "a".repeat(2000)]) {
      await assert.rejects(store.create(key, text("1")), fails("InvalidKey"), JSON.stringify(key));
    }
    const large = () => ({ bytes: new Uint8Array(9 * 2 ** 20) });
    await assert.rejects(store.create("a/b", large), fails("TooLarge"));
  });
}

function testLists(check: Check): void {
  const keys = (answer: { records: { key: string }[] }) => answer.records.map((record) => record.key);
  check("a prefix holds what is below it and nothing else", async (store) => {
    for (const key of ["pods/ab/x", "pods/a/y", "pods/a-b/w", "podsx/a/z", "pods/a/x"])
      await store.create(key, text(key));
    assert.deepEqual(keys(store.list("pods/a/")), ["pods/a/x", "pods/a/y"]);
    assert.deepEqual(keys(store.list("pods/a/x")), ["pods/a/x"]);
    assert.deepEqual(keys(store.list("pods/a")), []);
    assert.equal(store.list("pods/").records.length, 4);
    assert.deepEqual([store.count("pods/"), store.count("pods/a/"), store.count(""), store.count("q/")], [4, 2, 5, 0]);
  });
  check("pages cover everything once, in order, with the right remainder", async (store) => {
    const all = Array.from({ length: 1200 }, (_, i) => `n/${String(i).padStart(5, "0")}`);
    await Promise.all([...all].reverse().map((key) => store.create(key, text(key))));
    const seen: string[] = [];
    for (let after: string | undefined; ; ) {
      const page = store.list("n/", { limit: 500, ...(after ? { after } : {}) });
      seen.push(...keys(page));
      assert.equal(page.remaining, all.length - seen.length);
      after = page.records.at(-1)?.key;
      if (page.remaining === 0) break;
    }
    assert.deepEqual(seen, all);
    const odd = store.list("n/", { limit: 10, filter: (_, key) => /[13579]$/.test(key) });
    assert.deepEqual([odd.records.length, odd.remaining], [10, 590]);
  });
  check("a list of an older revision is what it was", async (store) => {
    await store.create("n/a", text("a1"));
    await store.create("n/b", text("b1"));
    const then = store.revision;
    await store.update("n/a", undefined, text("a2"));
    await store.delete("n/b", undefined);
    await store.create("n/c", text("c1"));
    const old = store.list("n/", { revision: then });
    assert.deepEqual(
      old.records.map((record) => [record.key, read(record.bytes)]),
      [
        ["n/a", "a1"],
        ["n/b", "b1"],
      ],
    );
    assert.equal(old.revision, then);
    assert.throws(() => store.list("n/", { revision: store.revision + 1 }), fails("Future"));
  });
  check(
    "values come back from the driver when memory drops them",
    async (store) => {
      for (let i = 0; i < 50; i++) await store.create(`n/${i}`, text(`value ${i}`));
      await store.update("n/7", undefined, text("new"));
      assert.equal(read(store.get("n/3")?.bytes), "value 3");
      assert.equal(store.list("n/").records.filter((record) => read(record.bytes)?.startsWith("value")).length, 49);
    },
    { cacheBytes: 40 },
  );
}

function testWatches(check: Check): void {
  const take = async (store: Store, count: number, after?: number) => {
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const event of store.watch("n/", { signal: stop.signal, ...(after ? { after } : {}) })) {
      if (event.type === "progress") continue;
      seen.push(`${event.type} ${event.key} ${read(event.value.bytes)} ${read(event.previous?.bytes) ?? "-"}`);
      if (seen.length === count) break;
    }
    stop.abort();
    return seen;
  };
  check("a watch resumes from history and goes on live, with old and new state", async (store) => {
    await store.create("n/a", text("1"));
    const after = store.revision;
    await store.update("n/a", undefined, text("2"));
    await store.create("other/a", text("9"));
    const seen = take(store, 3, after);
    await store.delete("n/a", undefined, text("gone"));
    await store.create("n/b", text("3"));
    assert.deepEqual(await seen, ["updated n/a 2 1", "deleted n/a gone 2", "created n/b 3 -"]);
  });
  check(
    "a revision before the history is Expired, one ahead is Future",
    async (store) => {
      const { signal } = new AbortController();
      const first = store.revision;
      for (let i = 0; i < 9; i++) await store.create(`n/${i}`, text("1"));
      assert.ok(store.oldest > first);
      assert.throws(() => store.watch("n/", { after: first, signal }), fails("Expired"));
      assert.throws(() => store.list("n/", { revision: first }), fails("Expired"));
      assert.throws(() => store.watch("n/", { after: store.revision + 1, signal }), fails("Future"));
      assert.equal((await take(store, 4, store.oldest)).length, 4);
    },
    { history: { events: 4 } },
  );
  check("a reader that falls behind is ended with Overflow", async (store) => {
    const { signal } = new AbortController();
    const watch = store.watch("n/", { signal, buffer: 5 });
    for (let i = 0; i < 9; i++) await store.create(`n/${i}`, text("1"));
    await assert.rejects(async () => {
      for await (const _ of watch);
    }, fails("Overflow"));
  });
  check("progress comes after every event it vouches for", async (store) => {
    const { signal } = new AbortController();
    const watch = store.watch("n/", { signal });
    await store.create("n/a", text("1"));
    const { revision } = await store.create("other/a", text("1"));
    watch.requestProgress();
    await store.create("n/b", text("1"));
    const seen: unknown[] = [];
    for await (const event of watch) {
      seen.push(event.type === "progress" ? event.revision : event.key);
      if (seen.length === 3) break;
    }
    assert.deepEqual(seen, ["n/a", revision, "n/b"]);
  });
  check("aborting ends a watch, closing the store throws Closed", async (store) => {
    const stop = new AbortController();
    const drain = async (signal: AbortSignal) => {
      for await (const _ of store.watch("n/", { signal }));
    };
    const ended = drain(stop.signal);
    const broken = assert.rejects(drain(new AbortController().signal), fails("Closed"));
    stop.abort();
    await ended;
    await store.close();
    await broken;
    await assert.rejects(store.create("n/a", text("1")), fails("Closed"));
    assert.throws(() => store.get("n/a"), fails("Closed"));
  });
}

function testSnapshots(check: Check): void {
  check("a snapshot is the state of one revision, whatever is written while it is read", async (store) => {
    const kept = new Map<string, string>();
    for (let i = 0; i < 300; i++) {
      const key = `n/${String(i).padStart(4, "0")}`;
      kept.set(key, `value ${i}`);
      await store.create(key, text(`value ${i}`));
    }
    const { revision } = store;
    using snapshot = store.snapshot();
    const seen = new Map<string, string | undefined>();
    for (const record of snapshot.records()) {
      seen.set(record.key, read(record.bytes));
      assert.deepEqual(record.meta, { value: read(record.bytes) });
      if (seen.size % 30 !== 0) continue;
      await store.update(`n/${String(299 - seen.size / 3).padStart(4, "0")}`, undefined, text("changed"));
      await store.create(`n/9${seen.size}`, text("new"));
      await store.delete(`n/0${String(299 - seen.size / 30).padStart(3, "0")}`, undefined);
    }
    assert.equal(snapshot.revision, revision);
    assert.deepEqual([...seen], [...kept]);
  });
  check("a store that is closed has no snapshot", async (store) => {
    await store.close();
    assert.throws(() => store.snapshot(), fails("Closed"));
  });
}

function testRaces(check: Check): void {
  check("reads see nothing before its commit, and writers see writes under way", async (store) => {
    const first = store.create("a/b", text("1"));
    assert.equal(store.get("a/b"), undefined);
    await assert.rejects(store.create("a/b", text("2")), fails("Exists"));
    assert.equal(read(store.get("a/b")?.bytes), "1", "the refusal came before the state it rests on was visible");
    const { revision } = await first;
    const second = store.update("a/b", revision, text("2"));
    await assert.rejects(store.update("a/b", revision, text("3")), fails("Conflict"));
    await second;
  });
  check("many writers of one counter lose nothing", async (store) => {
    await store.create("a/n", text("0"));
    const add = async () => {
      for (;;) {
        const now = store.get("a/n");
        const next = String(Number(read(now?.bytes)) + 1);
        try {
          return await store.update("a/n", now?.revision, text(next));
        } catch (error) {
          if (!isStoreError(error, "Conflict")) throw error;
        }
      }
    };
    const answers = await Promise.all(Array.from({ length: 60 }, add));
    assert.equal(read(store.get("a/n")?.bytes), "60");
    assert.equal(new Set(answers.map((answer) => answer.revision)).size, 60);
  });
  check("unconditional updates build on each other", async (store) => {
    await store.create("a/n", text("0"));
    const bump = () =>
      store.update("a/n", undefined, (_, current) => ({
        bytes: new TextEncoder().encode(String(Number(read(current.bytes)) + 1)),
      }));
    await Promise.all(Array.from({ length: 100 }, bump));
    assert.equal(read(store.get("a/n")?.bytes), "100");
  });
  check("a key deleted and made again in one group is the new one", async (store) => {
    await store.create("a/b", text("1"));
    const [, made] = await Promise.all([store.delete("a/b", undefined), store.create("a/b", text("2"))]);
    assert.equal(store.get("a/b")?.revision, made.revision);
    assert.equal(read(store.get("a/b")?.bytes), "2");
  });
}
