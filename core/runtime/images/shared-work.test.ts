import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedWork } from "./shared-work.ts";

function bench() {
  const shared = new SharedWork<string>();
  const runs: { signal: AbortSignal; end: (value: string) => void }[] = [];
  const work = (signal: AbortSignal) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    signal.addEventListener("abort", () => reject(signal.reason));
    runs.push({ signal, end: resolve });
    return promise;
  };
  return { shared, runs, work };
}

test("those who want the same get it from one run, and a later one from another", async () => {
  const { shared, runs, work } = bench();
  const all = [shared.run("a", work), shared.run("a", work), shared.run("b", work)];
  assert.equal(runs.length, 2);
  runs[0]?.end("A");
  runs[1]?.end("B");
  assert.deepEqual(await Promise.all(all), ["A", "A", "B"]);
  const again = shared.run("a", work);
  runs[2]?.end("again");
  assert.equal(await again, "again");
});

test("one who leaves stops nothing for the others; the last one does", async () => {
  const { shared, runs, work } = bench();
  const [first, second] = [new AbortController(), new AbortController()];
  const leaving = shared.run("a", work, first.signal);
  const staying = shared.run("a", work, second.signal);
  first.abort(new Error("left"));
  await assert.rejects(leaving, /left/);
  assert.equal(runs[0]?.signal.aborted, false);
  second.abort(new Error("left too"));
  await assert.rejects(staying, /left too/);
  assert.ok(runs[0]?.signal.aborted);
  const anew = shared.run("a", work);
  assert.equal(runs.length, 2);
  runs[1]?.end("anew");
  assert.equal(await anew, "anew");
});

test("a failure is everybody's", async () => {
  const shared = new SharedWork<string>();
  const fail = async () => {
    throw new Error("broken");
  };
  const both = [shared.run("a", fail), shared.run("a", fail)];
  for (const one of both) await assert.rejects(one, /broken/);
});
