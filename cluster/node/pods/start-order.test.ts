import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { decide, startAfterAnnotation } from "./decide.ts";
import type { ContainerView } from "./views.ts";

const pod = (order: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", annotations: { [startAfterAnnotation]: order } },
  spec: { restartPolicy: "Never", containers: [] },
});
const view = (name: string, exitCode?: number, running = false): ContainerView => ({
  spec: { name },
  role: "main",
  runs:
    exitCode === undefined && !running
      ? []
      : [{ state: running ? "running" : "exited", exitCode } as unknown as ContainerView["runs"][number]],
  started: true,
  ready: true,
  messages: new Map(),
});
const starts = (order: string, ...views: ContainerView[]) => {
  const { start, outcome } = decide(pod(order), views, undefined);
  return outcome ?? start.map(({ spec }) => spec.name).join();
};
const diamond = '{"b":["a"],"c":["a"],"d":["b","c"]}';

test("containers start when those before them have ended well", () => {
  assert.equal(starts(diamond, view("a"), view("b"), view("c"), view("d")), "a");
  assert.equal(starts(diamond, view("a", undefined, true), view("b"), view("c"), view("d")), "");
  assert.equal(starts(diamond, view("a", 0), view("b"), view("c"), view("d")), "b,c");
  assert.equal(starts(diamond, view("a", 0), view("b", 0), view("c"), view("d")), "c");
  assert.equal(starts(diamond, view("a", 0), view("b", 0), view("c", 0), view("d")), "d");
  assert.equal(starts(diamond, view("a", 0), view("b", 0), view("c", 0), view("d", 0)), "Succeeded");
});

test("what waits for a failed container never starts, and does not hold the pod", () => {
  assert.equal(starts(diamond, view("a", 1), view("b"), view("c"), view("d")), "Failed");
  assert.equal(starts(diamond, view("a", 0), view("b", 1), view("c", undefined, true), view("d")), "");
  assert.equal(starts(diamond, view("a", 0), view("b", 1), view("c", 0), view("d")), "Failed");
});

test("an order that cannot be read orders nothing", () => {
  assert.equal(starts("nonsense", view("a"), view("b")), "a,b");
  assert.equal(starts('{"a":["a"]}', view("a"), view("b")), "b");
});
