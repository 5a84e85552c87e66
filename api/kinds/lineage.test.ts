import assert from "node:assert/strict";
import { test } from "node:test";
import { makersOf } from "./lineage.ts";

const step = (uid: string, node: string, location: string, { at = 1, reused = false } = {}) => ({
  ...{ uid, node, finishedAt: `2026-01-01T00:00:0${at}Z`, reused },
  outputs: [{ artifact: "x", location }],
});

test("who made an input: by its place, then by its workflow, then by its work", () => {
  const made = step("one", "make", "file:one");
  const again = step("two", "make", "file:one", { reused: true });
  const copied = step("one", "copy", "file:copy", { at: 3 });
  const steps = [made, again, copied, step("three", "make", "file:three")];
  const ask = (uid: string, location: string, from = steps) =>
    makersOf(
      { uid, node: "use", finishedAt: "2026-01-01T00:00:02Z", reused: false },
      { artifact: "x", location },
      from,
    );
  assert.deepEqual(ask("one", "file:one"), [made]);
  assert.deepEqual(ask("two", "file:one"), [again]);
  assert.deepEqual(ask("four", "file:one"), [made]);
  assert.deepEqual(ask("one", "file:elsewhere"), [made]);
  assert.deepEqual(ask("four", "file:elsewhere"), [made, copied, steps[3]]);
  assert.deepEqual(ask("four", "file:elsewhere", [again]), [again]);
  assert.deepEqual(makersOf(made, { artifact: "x", location: "file:one" }, [made]), []);
  assert.deepEqual(makersOf(copied, { artifact: "y", location: "file:one" }, steps), []);
});
