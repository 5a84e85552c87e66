import assert from "node:assert/strict";
import { test } from "node:test";
import { aborted, deferred } from "@capstan/base/async";
import { silent } from "@capstan/base/log";
import { createParts } from "./parts.ts";

test("parts stop in the reverse order of their start, each before the next", async () => {
  const stop = new AbortController();
  const order: string[] = [];
  const parts = createParts(silent, stop.signal);
  for (const name of ["store", "api", "node"]) {
    parts.add({ name, start: (signal) => aborted(signal).then(() => void order.push(name)) });
  }
  await parts.ready();
  stop.abort();
  await parts.stopped();
  assert.deepEqual(order, ["node", "api", "store"]);
});

test("status tells what is ready and what is not", async () => {
  const stop = new AbortController();
  const slow = deferred();
  const parts = createParts(silent, stop.signal);
  parts.add({ name: "fast", start: aborted, about: () => "port 1" });
  parts.add({ name: "slow", start: aborted, ready: slow.promise });
  await new Promise(setImmediate);
  assert.deepEqual(parts.status(), [
    { name: "fast", ready: true, message: "port 1" },
    { name: "slow", ready: false, message: "starting" },
  ]);
  slow.resolve();
  await parts.ready();
  assert.equal(parts.status()[1]?.ready, true);
  stop.abort();
  await parts.stopped();
});

test("a part that fails is named, and fails the whole", async () => {
  const parts = createParts(silent, new AbortController().signal);
  parts.add({ name: "gateway", start: () => Promise.reject(new Error("port 8080 is taken")) });
  await assert.rejects(parts.failed, /gateway: port 8080 is taken/);
  assert.deepEqual(parts.status(), [{ name: "gateway", ready: false, message: "port 8080 is taken" }]);
});
