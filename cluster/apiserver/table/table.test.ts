import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { humanDuration } from "./age.ts";
import { podColumns } from "./pod.ts";

const second = 1000;
const hour = 3600 * second;
const day = 24 * hour;

test("durations as kubectl writes them", () => {
  const texts: [number, string][] = [
    [-5 * second, "<invalid>"],
    [0, "0s"],
    [119 * second, "119s"],
    [125 * second, "2m5s"],
    [10 * 60 * second, "10m"],
    [3 * hour, "3h"],
    [3 * hour + 60 * second, "3h1m"],
    [30 * hour, "30h"],
    [50 * hour, "2d2h"],
    [10 * day, "10d"],
    [800 * day, "2y70d"],
    [4000 * day, "10y"],
  ];
  for (const [milliseconds, text] of texts) assert.equal(humanDuration(milliseconds), text);
});

const spec = { containers: [{ name: "a" }, { name: "b" }] };
const ready = { type: "Initialized", status: "True" };
const cells = (status: object, more: { spec?: object; metadata?: object } = {}): string => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", ...more.metadata },
    spec: { ...spec, ...more.spec },
    status,
  } as Pod;
  return podColumns
    .slice(1, 4)
    .map((column) => column.cell(pod))
    .join(" ");
};

test("what a pod shows", () => {
  const running = (name: string) => ({ name, ready: true, restartCount: 0, state: { running: {} } });
  assert.equal(cells({ phase: "Pending" }), "0/2 Pending 0");
  assert.equal(cells({ phase: "Running", containerStatuses: [running("a"), running("b")] }), "2/2 Running 0");
  const failing = { name: "b", ready: false, restartCount: 3, state: { waiting: { reason: "CrashLoopBackOff" } } };
  assert.equal(cells({ phase: "Running", containerStatuses: [running("a"), failing] }), "1/2 CrashLoopBackOff 3");
  const ended = { name: "b", ready: false, restartCount: 0, state: { terminated: { exitCode: 7 } } };
  assert.equal(cells({ phase: "Failed", containerStatuses: [ended] }), "0/2 ExitCode:7 0");
  const deletionTimestamp = "2026-01-01T00:00:00Z";
  assert.equal(
    cells({ phase: "Running", containerStatuses: [running("a")] }, { metadata: { deletionTimestamp } }),
    "1/2 Terminating 0",
  );
});

test("what a pod shows while its init containers run", () => {
  const more = { spec: { initContainers: [{ name: "i" }, { name: "j" }] } };
  const done = { name: "i", restartCount: 0, state: { terminated: { exitCode: 0 } } };
  const waits = { name: "j", restartCount: 0, state: { waiting: { reason: "PodInitializing" } } };
  assert.equal(cells({ phase: "Pending", initContainerStatuses: [done, waits] }, more), "0/2 Init:1/2 0");
  const failed = { name: "j", restartCount: 2, state: { terminated: { exitCode: 1, reason: "Error" } } };
  assert.equal(cells({ phase: "Pending", initContainerStatuses: [done, failed] }, more), "0/2 Init:Error 2");
  const finished = { ...failed, state: { terminated: { exitCode: 0 } } };
  assert.equal(
    cells({ phase: "Running", conditions: [ready], initContainerStatuses: [done, finished] }, more),
    "0/2 Running 0",
  );
});
