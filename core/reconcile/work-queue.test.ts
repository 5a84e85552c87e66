import assert from "node:assert/strict";
import { test } from "node:test";
import { WorkQueue } from "./index.ts";

test("a key waits once, and comes again when it was added while worked on", async () => {
  const queue = new WorkQueue();
  for (const key of ["a", "b", "a"]) queue.add(key);
  assert.equal(queue.size, 2);
  assert.equal(await queue.take(), "a");
  queue.add("a");
  queue.add("a");
  assert.equal(await queue.take(), "b");
  const next = queue.take();
  queue.done("a");
  assert.equal(await next, "a");
});

test("retries come later each time until the key succeeds", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const queue = new WorkQueue({ base: 10, cap: 25 });
  const retried = (wait: number) => {
    queue.retry("a");
    context.mock.timers.tick(wait - 1);
    assert.equal(queue.size, 0);
    context.mock.timers.tick(1);
    assert.equal(queue.size, 1);
    void queue.take();
    queue.done("a");
  };
  for (const wait of [10, 20, 25, 25]) retried(wait);
  queue.forget("a");
  retried(10);
});

test("a later delay replaces an earlier one, working on the key drops it, and long delays do not fire at once", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const queue = new WorkQueue();
  queue.addAfter("a", 10);
  queue.addAfter("a", 50);
  context.mock.timers.tick(49);
  assert.equal(queue.size, 0);
  queue.add("a");
  void queue.take();
  queue.done("a");
  context.mock.timers.tick(10);
  assert.equal(queue.size, 0);
  queue.addAfter("b", 2 ** 40);
  context.mock.timers.tick(1000);
  assert.equal(queue.size, 0);
});

test("closing lets waiting workers go and takes nothing more", async () => {
  const queue = new WorkQueue();
  const waiting = queue.take();
  queue.close();
  queue.add("a");
  assert.equal(await waiting, undefined);
  assert.equal(await queue.take(), undefined);
});

test("a key that rests collects what is added and comes once afterwards", (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const queue = new WorkQueue();
  queue.add("a");
  void queue.take();
  queue.done("a", 20);
  queue.add("a");
  queue.add("a");
  context.mock.timers.tick(19);
  assert.equal(queue.size, 0);
  context.mock.timers.tick(1);
  assert.equal(queue.size, 1);
});

test("lanes take turns, and none has more keys out than it may", async () => {
  const queue = new WorkQueue(undefined, { of: (key) => key.slice(0, 1), width: 2 });
  for (const key of ["a1", "a2", "a3", "a4", "b1", "c1"]) queue.add(key);
  const taken = [await queue.take(), await queue.take(), await queue.take(), await queue.take()];
  assert.deepEqual(taken, ["a1", "b1", "c1", "a2"]);
  const next = queue.take();
  assert.equal(queue.size, 2, "a is full");
  queue.done("b1");
  assert.equal(queue.size, 2);
  queue.done("a1");
  assert.equal(await next, "a3");
});
