import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerState, Pod } from "@capstan/api/generated/core-v1";
import { podState } from "./pod-state.ts";

const container = (state: ContainerState, restartCount = 0, ready = false) => {
  return { name: "c", image: "i", imageID: "", state, restartCount, ready };
};
const pod = (status: Pod["status"], more: Partial<Pod["metadata"]> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", ...more },
  spec: { containers: [{ name: "c" }] },
  status,
});
const ended = (exitCode: number, reason: string): ContainerState => ({ terminated: { exitCode, reason } });

const cases: [what: string, pod: Pod, word: string, tone: string][] = [
  ["waiting for a node", pod({ phase: "Pending" }), "Pending", "busy"],
  ["running", pod({ phase: "Running", containerStatuses: [container({ running: {} }, 0, true)] }), "Running", "good"],
  [
    "running, not ready",
    pod({
      phase: "Running",
      conditions: [{ type: "Ready", status: "False" }],
      containerStatuses: [container({ running: {} })],
    }),
    "Running",
    "warn",
  ],
  ["done", pod({ phase: "Succeeded", containerStatuses: [container(ended(0, "Completed"))] }), "Completed", "good"],
  ["failed", pod({ phase: "Failed", containerStatuses: [container(ended(1, "Error"))] }), "Error", "bad"],
  [
    "crashing",
    pod({ phase: "Running", containerStatuses: [container({ waiting: { reason: "CrashLoopBackOff" } }, 3)] }),
    "CrashLoopBackOff",
    "bad",
  ],
  ["starting", pod({ phase: "Pending", initContainerStatuses: [container({ running: {} })] }), "Init:0/1", "busy"],
  [
    "init failed",
    pod({ phase: "Pending", initContainerStatuses: [container(ended(2, "Error"))] }),
    "Init:Error",
    "bad",
  ],
  ["going", pod({ phase: "Running" }, { deletionTimestamp: "2026-01-01T00:00:00Z" }), "Terminating", "warn"],
];
for (const [what, of, word, tone] of cases) {
  test(`a pod that is ${what}: ${word}`, () => {
    const state = podState(of);
    assert.deepEqual([state.word, state.tone], [word, tone]);
  });
}

test("ready containers and restarts are counted", () => {
  const of = pod({ phase: "Running", containerStatuses: [container({ running: {} }, 2, true)] });
  assert.deepEqual([podState(of).ready, podState(of).restarts], ["1/1", 2]);
});
