// What the records do, whatever the database: called by each driver's tests.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { parseLabelSelector } from "@capstan/api/meta";
import {
  ArchiveQueryError,
  createRecords,
  type LineageNode,
  LineageQueryError,
  type OpenRecords,
  type Records,
  type RecordsOptions,
} from "@capstan/core/records";

/** A database of its own for each call. */
export type MakeDatabase = () => Promise<RecordsOptions["database"]>;

export function testRecords(name: string, make: MakeDatabase): void {
  const check: Check = (title, body) =>
    test(`${name}: ${title}`, async () => {
      const database = await make();
      const made: Records[] = [];
      const open = async (cluster = "here", options: Partial<RecordsOptions> = {}) => {
        const records = createRecords({ database, cluster, ...options });
        made.push(records);
        return records.open();
      };
      try {
        await body(await open(), open);
      } finally {
        for (const records of made) await records[Symbol.asyncDispose]();
      }
    });
  testArchive(check);
  testMemos(check);
  testLocks(check);
  testLineage(check);
}

type Open = (cluster?: string, options?: Partial<RecordsOptions>) => Promise<OpenRecords>;
type Check = (title: string, body: (records: OpenRecords, open: Open) => Promise<void>) => void;

const hour = 3_600_000;
const at = (n: number) => new Date(Date.UTC(2026, 0, 1) + n * hour).toISOString();

function finished(n: number, changes: { namespace?: string; labels?: Record<string, string>; phase?: string } = {}) {
  const { namespace = "a", labels = {}, phase = "Succeeded" } = changes;
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { name: `wf-${n}`, namespace, uid: `uid-${n}`, creationTimestamp: at(n), labels },
    spec: { entrypoint: "main", workflowTemplateRef: { name: n % 2 ? "odd" : "even", clusterScope: n % 2 === 1 } },
    status: { phase, startedAt: at(n), finishedAt: at(n + 1), message: "a \0 in it" },
  } as Workflow;
}

function testArchive(check: Check): void {
  check("a workflow comes back whole, and is kept once however often it is added", async ({ archive }) => {
    const workflow = finished(1, { labels: { team: "x" } });
    await archive.add([workflow]);
    await archive.add([workflow, { ...workflow, metadata: { ...workflow.metadata, labels: { team: "y" } } }]);
    const { items } = await archive.search({});
    assert.equal(items.length, 1);
    assert.deepEqual(items[0]?.labels, { team: "y" });
    assert.equal((await archive.get("uid-1"))?.status?.message, "a \0 in it");
    assert.equal(await archive.get("uid-2"), undefined);
    assert.deepEqual(await archive.labelValues("team"), ["y"]);
  });
  check("another cluster's workflows are not seen", async ({ archive }, open) => {
    await archive.add([finished(1)]);
    const there = await open("there");
    assert.deepEqual(await there.archive.search({}), { items: [] });
    assert.equal(await there.archive.get("uid-1"), undefined);
    assert.equal(await there.archive.delete("uid-1"), false);
  });
  check("search by name, pattern, phase, template, labels, namespace and time", async ({ archive }) => {
    await archive.add([
      finished(1, { labels: { team: "x", tier: "1" } }),
      finished(2, { labels: { team: "y" }, phase: "Failed" }),
      finished(3, { namespace: "b" }),
      finished(12),
    ]);
    const names = async (query: Parameters<typeof archive.search>[0]) =>
      (await archive.search(query)).items.map(({ name }) => name);
    const selecting = (text: string) => ({ labels: parseLabelSelector(text) });
    assert.deepEqual(await names({}), ["wf-12", "wf-3", "wf-2", "wf-1"]);
    assert.deepEqual(await names({ name: "wf-1" }), ["wf-1"]);
    assert.deepEqual(await names({ namePrefix: "wf-1" }), ["wf-12", "wf-1"]);
    assert.deepEqual(await names({ namePattern: "*-?2" }), ["wf-12"]);
    assert.deepEqual(await names({ namePattern: "w_-1" }), []);
    assert.deepEqual(await names({ namePrefix: "%" }), []);
    assert.deepEqual(await names({ phases: ["Failed", "Error"] }), ["wf-2"]);
    assert.deepEqual(await names({ template: "cluster/odd" }), ["wf-3", "wf-1"]);
    assert.deepEqual(await names({ namespace: "b" }), ["wf-3"]);
    assert.deepEqual(await names({ startedAfter: at(2), startedBefore: at(3) }), ["wf-2"]);
    assert.deepEqual(await names({ finishedBefore: at(3) }), ["wf-1"]);
    assert.deepEqual(await names(selecting("team")), ["wf-2", "wf-1"]);
    assert.deepEqual(await names(selecting("!team")), ["wf-12", "wf-3"]);
    assert.deepEqual(await names(selecting("team=x,tier in (1,2)")), ["wf-1"]);
    assert.deepEqual(await names(selecting("team!=x")), ["wf-12", "wf-3", "wf-2"]);
    assert.deepEqual(await names({ ...selecting("team"), name: "' or 1=1 --" }), []);
    await assert.rejects(archive.search({ startedAfter: "yesterday" }), ArchiveQueryError);
    await assert.rejects(archive.search(selecting("tier>1")), ArchiveQueryError);
    await assert.rejects(archive.search({ continue: "{}" }), ArchiveQueryError);
    await assert.rejects(archive.search({ namePattern: "*".repeat(1000) }), /patternLimit/);
  });
  check("pages hold every workflow once, also when more are added between", async ({ archive }) => {
    await archive.add(Array.from({ length: 25 }, (_, n) => finished(n % 5 === 0 ? 5 : n)).map(withUid));
    const seen: string[] = [];
    let next: string | undefined;
    do {
      const page = await archive.search({ limit: 10, ...(next ? { continue: next } : {}) });
      seen.push(...page.items.map(({ uid }) => uid));
      next = page.continue;
      await archive.add([withUid(finished(100), 100 + seen.length)]);
    } while (next);
    assert.equal(new Set(seen).size, 25);
    assert.equal(seen.length, 25);
  });
  check("labels of a namespace", async ({ archive }) => {
    await archive.add([
      finished(1, { labels: { x: "1" } }),
      finished(2, { namespace: "b", labels: { x: "2", y: "" } }),
    ]);
    assert.deepEqual(await archive.labelKeys(), ["x", "y"]);
    assert.deepEqual(await archive.labelKeys("a"), ["x"]);
    assert.deepEqual(await archive.labelValues("x"), ["1", "2"]);
    assert.deepEqual(await archive.labelValues("x", "b"), ["2"]);
  });
  check("what is old enough goes, and the oldest of the rest is told", async ({ archive }) => {
    await archive.add(Array.from({ length: 10 }, (_, n) => finished(n)));
    assert.deepEqual(await archive.expire(at(4)), { deleted: 3, oldest: at(4) });
    assert.deepEqual(await archive.expire(at(4)), { deleted: 0, oldest: at(4) });
    assert.equal(await archive.delete("uid-9"), true);
    assert.equal((await archive.search({})).items.length, 6);
    assert.deepEqual(await archive.expire(at(100)), { deleted: 6 });
  });
  check("what was added is there for who opens it again", async ({ archive }, open) => {
    await archive.add([finished(1)]);
    assert.equal((await (await open()).archive.get("uid-1"))?.metadata.name, "wf-1");
  });
}

function withUid(workflow: Workflow, n: number): Workflow {
  return { ...workflow, metadata: { ...workflow.metadata, uid: `uid-${String(n).padStart(3, "0")}` } };
}

function testMemos(check: Check): void {
  const memo = { outputs: { parameters: [{ name: "o", value: "v\0" }] }, workflow: "wf", node: "n" };
  check("a memo is of its namespace, stays the first, and can be forgotten", async ({ memos }) => {
    assert.equal(await memos.recall("a", "k"), undefined);
    await memos.keep("a", "k", memo);
    await memos.keep("a", "k", { ...memo, workflow: "later" });
    assert.deepEqual(await memos.recall("a", "k"), memo);
    assert.equal(await memos.recall("b", "k"), undefined);
    await memos.forget("a", "k");
    assert.equal(await memos.recall("a", "k"), undefined);
  });
  check("memos that nobody uses go; large ones are refused by the limit's name", async ({ memos }) => {
    await memos.keep("a", "k", memo);
    assert.equal(await memos.expire(new Date(Date.now() - hour).toISOString()), 0);
    assert.equal(await memos.expire(new Date(Date.now() + hour).toISOString()), 1);
    await assert.rejects(memos.keep("a", "k", { ...memo, outputs: { result: "x".repeat(2 ** 20) } }), /memoLimit/);
  });
}

const mutex = (name: string) => ({ kind: "mutex" as const, name: `a/${name}` });
const semaphore = (name: string) => ({ kind: "semaphore" as const, name: `a/${name}` });
const order = (n: number, priority = 0) => ({ priority, createdAt: at(n) });

function testLocks(check: Check): void {
  check("one holds a mutex; the next is who waits with the highest priority, then the oldest", async ({ locks }) => {
    const take = async (holder: string, n: number, priority = 0) =>
      (await locks.acquire(holder, [mutex("m")], order(n, priority))).held;
    assert.equal(await take("a/one", 1), true);
    assert.equal(await take("a/one", 1), true);
    assert.deepEqual(await locks.acquire("a/three", [mutex("m")], order(3)), {
      held: false,
      waitsFor: mutex("m"),
      holders: ["a/one"],
      limit: 1,
    });
    assert.equal(await take("a/two", 2), false);
    assert.equal(await take("a/high", 4, 9), false);
    await locks.release("a/one");
    assert.equal(await take("a/two", 2), false);
    assert.equal(await take("a/high", 4, 9), true);
    await locks.release("a/high");
    assert.equal(await take("a/three", 3), false);
    assert.equal(await take("a/two", 2), true);
  });
  check("a semaphore has as many holders as its limit says, and none without one", async ({ locks }) => {
    const take = (holder: string) => locks.acquire(holder, [semaphore("s")], order(1));
    assert.deepEqual(await take("a/1"), { held: false, unlimited: semaphore("s") });
    assert.deepEqual(await locks.holders(), []);
    await locks.setLimit("a/s", 2);
    assert.deepEqual(await locks.limits("a"), [{ name: "a/s", limit: 2 }]);
    for (const holder of ["a/1", "a/2"]) assert.equal((await take(holder)).held, true);
    assert.equal((await take("a/3")).held, false);
    let freed = 0;
    const stop = locks.onFreed(() => freed++);
    await locks.setLimit("a/s", 3);
    assert.ok(freed > 0);
    stop();
    assert.equal((await take("a/3")).held, true);
    assert.equal(await locks.removeLimit("a/s"), true);
    assert.equal(await locks.removeLimit("a/s"), false);
  });
  check("several locks are taken all or none, whatever their order", async ({ locks }) => {
    const both = [mutex("x"), mutex("y")];
    const take = (holder: string, n: number, requests = both) => locks.acquire(holder, requests, order(n));
    assert.equal((await take("a/1", 1)).held, true);
    assert.equal((await take("a/2", 2, both.toReversed())).held, false);
    assert.equal((await take("a/3", 3)).held, false);
    await locks.release("a/1");
    assert.equal((await take("a/3", 3)).held, false);
    assert.equal((await take("a/2", 2, both.toReversed())).held, true);
  });
  check("who gives up a workflow gives up its nodes, and no other's", async ({ locks }) => {
    for (const [n, holder] of ["a/wf", "a/wf/node", "a/wf2", "a/w_/x"].entries())
      await locks.acquire(holder, [mutex(String(n))], order(n));
    await locks.release("a/w_");
    assert.deepEqual((await locks.holders()).sort(), ["a/wf", "a/wf/node", "a/wf2"]);
    await locks.release("a/wf");
    assert.deepEqual(await locks.holders(), ["a/wf2"]);
  });
  check("a dead cluster's locks stay its own, but its place in the queue does not", async ({ locks }, open) => {
    const dead = (await open("dead")).locks;
    assert.equal((await dead.acquire("a/held", [mutex("h")], order(0))).held, true);
    assert.equal((await locks.acquire("a/mine", [mutex("q")], order(1))).held, true);
    assert.equal((await dead.acquire("a/waits", [mutex("q")], order(2))).held, false);
    const later = (await open("here", { inactiveAfter: -1 })).locks;
    await later.release("a/mine");
    // Of whoever asks now, only its own heart has beaten since.
    const quick = (await open("here", { inactiveAfter: 0 })).locks;
    assert.equal((await quick.acquire("a/late", [mutex("h")], order(9))).held, false);
    assert.equal((await quick.acquire("a/next", [mutex("q")], order(9))).held, true);
  });
  check("many at once never hold more than the limit, and all get their turn", async ({ locks }, open) => {
    const others = (await open("there")).locks;
    await locks.setLimit("a/s", 2);
    let holding = 0;
    let most = 0;
    const work = async (n: number) => {
      const own = n % 2 ? locks : others;
      const holder = `a/wf-${n}`;
      for (;;) {
        const freed = new Promise<void>((resolve) => {
          const stop = own.onFreed(() => {
            stop();
            resolve();
          });
        });
        if ((await own.acquire(holder, [semaphore("s"), mutex(`m${n % 3}`)], order(n))).held) break;
        await freed;
      }
      most = Math.max(most, ++holding);
      await new Promise((resolve) => setImmediate(resolve));
      holding--;
      await Promise.all([own.release(holder)]);
      // SQLite is one process's: its clusters tell each other here.
      await Promise.all([locks.setLimit("a/s", 2), others.setLimit("a/s", 2)]);
    };
    await Promise.all(Array.from({ length: 12 }, (_, n) => work(n)));
    assert.ok(most <= 2, `${most} held it at once`);
    assert.deepEqual([...(await locks.holders()), ...(await others.holders())], []);
  });
}

function step(n: number, inputs: string[], outputs: string[]): LineageNode {
  const artifacts = (names: string[]) =>
    names.map((artifact, i) => ({ name: `p${i}`, artifact, location: `file:${n}/${artifact.slice(7, 15)}` }));
  return {
    uid: `uid-${n}`,
    namespace: "a",
    workflow: `wf-${n}`,
    node: `wf-${n}-7`,
    name: `wf-${n}.step`,
    template: "t",
    phase: "Succeeded",
    finishedAt: at(n),
    reused: false,
    parameters: { seed: String(n) },
    inputs: artifacts(inputs),
    outputs: artifacts(outputs),
  };
}
const digest = (n: number) => `sha256:${String(n).repeat(64)}`;

function testLineage(check: Check): void {
  const d = [0, 1, 2, 3].map(digest) as [string, string, string, string];
  const steps = [step(1, [d[0]], [d[1]]), step(2, [d[1]], [d[2]]), step(3, [d[1], d[2]], [d[3]])];
  const names = (nodes: LineageNode[]) => nodes.map(({ workflow }) => workflow).sort();
  check("an artifact leads up to all that made it, and down to all that came of it", async ({ lineage }) => {
    await lineage.record(steps);
    await lineage.record(steps);
    const trace = (artifact: string, direction: "up" | "down" | "both") =>
      lineage.trace({ namespace: "a", start: { artifact }, direction });
    assert.deepEqual(names((await trace(d[3], "up")).nodes), ["wf-1", "wf-2", "wf-3"]);
    assert.deepEqual(names((await trace(d[1], "up")).nodes), ["wf-1"]);
    assert.deepEqual(names((await trace(d[0], "down")).nodes), ["wf-1", "wf-2", "wf-3"]);
    assert.deepEqual(names((await trace(d[2], "down")).nodes), ["wf-3"]);
    assert.deepEqual(names((await trace(d[2], "both")).nodes), ["wf-1", "wf-2", "wf-3"]);
    assert.deepEqual((await trace("sha256:222222", "up")).artifacts, [d[2]]);
    assert.deepEqual(names((await trace("file:3/33333333", "up")).nodes), ["wf-1", "wf-2", "wf-3"]);
    assert.deepEqual((await trace(d[3], "up")).nodes[0], steps[2]);
    await assert.rejects(trace("sha256:22", "up"), LineageQueryError);
  });
  check("a step leads up and down, itself first", async ({ lineage }) => {
    await lineage.record(steps);
    const trace = (workflow: string, node: string | undefined, direction: "up" | "down") =>
      lineage.trace({ namespace: "a", start: { workflow, ...(node ? { node } : {}) }, direction });
    assert.deepEqual(names((await trace("wf-2", "step", "up")).nodes), ["wf-1", "wf-2"]);
    assert.deepEqual(names((await trace("wf-2", "wf-2-7", "down")).nodes), ["wf-2", "wf-3"]);
    assert.deepEqual(names((await trace("wf-1", undefined, "down")).nodes), ["wf-1", "wf-2", "wf-3"]);
    assert.deepEqual((await trace("wf-9", undefined, "up")).nodes, []);
    assert.deepEqual((await lineage.trace({ namespace: "b", start: { artifact: d[1] }, direction: "up" })).nodes, []);
  });
  check("of the same content made again, a step leads up to what it read", async ({ lineage }) => {
    const make = step(1, [], [d[0], d[1]]);
    const use = { ...step(1, [d[0]], [d[2]]), node: "use", name: "wf-1.use" };
    const last = { ...step(1, [d[1], d[2]], [d[3]]), node: "last", name: "wf-1.last" };
    const own = [make, use, last];
    const again = own.map((one) => ({ ...one, uid: "again", workflow: "again", reused: true }));
    await lineage.record([...own, ...again]);
    const trace = (workflow: string) =>
      lineage.trace({ namespace: "a", start: { workflow, node: "last" }, direction: "up" });
    assert.deepEqual(names((await trace("wf-1")).nodes), ["wf-1", "wf-1", "wf-1"]);
    assert.deepEqual(names((await trace("again")).nodes), ["again", "again", "again"]);
  });
  check("more steps than an answer holds are cut, and it says so", async ({ lineage }) => {
    const many = Array.from({ length: 2100 }, (_, n) => ({ ...step(n, [d[0]], [`file:${n}`]), workflow: "wide" }));
    await lineage.record(many);
    const { nodes, cut } = await lineage.trace({ namespace: "a", start: { artifact: d[0] }, direction: "down" });
    assert.equal(nodes.length, 2000);
    assert.equal(cut, true);
  });
}
