import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container, Pod } from "@capstan/api/generated/core-v1";
import type { ContainerStatus as Run } from "@capstan/core/runtime";
import { decide } from "./decide.ts";
import { podStatus } from "./status.ts";
import { type ContainerView, containersOf } from "./views.ts";

const facts = {
  hostIP: "10.0.0.1",
  podIP: "10.1.0.2",
  startTime: "2026-01-01T00:00:00Z",
  now: "2026-01-01T00:00:01Z",
  sandboxReady: true,
};

interface Case {
  policy?: string;
  init?: string[];
  side?: string[];
  /** container → its runs, the latest first: "running", "created", an exit code, or "cut" for an interrupted one. */
  runs?: Record<string, (string | number)[]>;
  sandbox?: string;
  started?: boolean;
}

function setup({ policy = "Always", init = [], side = [], runs = {}, started = true }: Case): {
  pod: Pod;
  views: ContainerView[];
} {
  const named = (name: string, extra: Partial<Container> = {}): Container => ({ name, image: "i", ...extra });
  const spec = {
    restartPolicy: policy,
    initContainers: [
      ...init.map((name) => named(name)),
      ...side.map((name) => named(name, { restartPolicy: "Always" })),
    ],
    containers: [named("main"), named("other")],
  };
  const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "p", namespace: "n", uid: "u" }, spec };
  const views = containersOf(pod).map(({ spec: container, role }): ContainerView => {
    const list = runs[container.name] ?? [];
    return {
      spec: container,
      role,
      runs: list.map((state, index) => runOf(container.name, state, list.length - 1 - index)),
      started: started && list[0] === "running",
      ready: true,
      messages: new Map(),
    };
  });
  return { pod, views };
}

function runOf(name: string, state: string | number, attempt: number): Run {
  const config = { name, attempt, image: "i", mounts: [], labels: {}, logPath: "/l" };
  const base = { id: `${name}-${attempt}`, sandboxId: "s", config, imageId: "i", createdAt: new Date(0) };
  if (state === "created") return { ...base, state: "created" };
  if (state === "running") return { ...base, state: "running", startedAt: new Date(0) };
  const reason = state === "cut" ? "Interrupted" : state === 0 ? "Completed" : "Error";
  const exitCode = state === "cut" ? 137 : Number(state);
  return { ...base, state: "exited", startedAt: new Date(0), finishedAt: new Date(1000), exitCode, reason };
}

const names = (views: ContainerView[]) => views.map(({ spec }) => spec.name).join(" ");

test("what starts, what is retired, when it is over, and the phase meanwhile", () => {
  const cases: [Case, { start?: string; retire?: string; outcome?: string; phase: string }][] = [
    [{}, { start: "main other", phase: "Pending" }],
    [{ runs: { main: ["running"] } }, { start: "other", phase: "Pending" }],
    [{ runs: { main: ["running"], other: ["running"] } }, { phase: "Running" }],
    [{ runs: { main: [0], other: ["running"] } }, { start: "main", phase: "Running" }],
    [
      { policy: "OnFailure", runs: { main: [0], other: [1] } },
      { start: "other", phase: "Running" },
    ],
    [
      { policy: "OnFailure", runs: { main: [0], other: [0, 1] } },
      { outcome: "Succeeded", phase: "Succeeded" },
    ],
    [
      { policy: "Never", runs: { main: [0], other: [2] } },
      { outcome: "Failed", phase: "Failed" },
    ],
    [{ policy: "Never", runs: { main: ["running"], other: [2] } }, { phase: "Running" }],
    [
      { policy: "Never", runs: { main: ["cut"], other: [0] } },
      { start: "main", phase: "Running" },
    ],
    [{ init: ["a", "b"] }, { start: "a", phase: "Pending" }],
    [{ init: ["a", "b"], runs: { a: ["running"] } }, { phase: "Pending" }],
    [
      { init: ["a", "b"], runs: { a: [0] } },
      { start: "b", phase: "Pending" },
    ],
    [
      { init: ["a"], runs: { a: [1] } },
      { start: "a", phase: "Pending" },
    ],
    [
      { init: ["a"], policy: "Never", runs: { a: [1] } },
      { outcome: "Failed", phase: "Failed" },
    ],
    [
      { init: ["a"], runs: { a: [0] } },
      { start: "main other", phase: "Pending" },
    ],
    [{ side: ["s"] }, { start: "s", phase: "Pending" }],
    [{ side: ["s"], runs: { s: ["running"] }, started: false }, { phase: "Pending" }],
    [
      { side: ["s"], runs: { s: ["running"] } },
      { start: "main other", phase: "Pending" },
    ],
    [
      { side: ["s"], runs: { s: [1], main: ["running"], other: ["running"] } },
      { start: "s", phase: "Running" },
    ],
    [
      { side: ["s"], policy: "Never", runs: { s: ["running"], main: [0], other: [0] } },
      { retire: "s", phase: "Running" },
    ],
    [
      { side: ["s"], policy: "Never", runs: { s: [143], main: [0], other: [0] } },
      { outcome: "Succeeded", phase: "Succeeded" },
    ],
    [
      { init: ["a"], sandbox: "new", runs: { a: [0], main: ["cut"], other: ["cut"] } },
      { start: "a", phase: "Running" },
    ],
  ];
  for (const [given, { start = "", retire = "", outcome, phase }] of cases) {
    const { pod, views } = setup(given);
    const decision = decide(pod, views, given.sandbox ?? "s");
    const told = JSON.stringify(given);
    assert.equal(names(decision.start), start, told);
    assert.equal(names(decision.retire), retire, told);
    assert.equal(decision.outcome, outcome, told);
    const status = podStatus(pod, views, { ...facts, ...(outcome ? { outcome: decision.outcome } : {}) });
    assert.equal(status.phase, phase, told);
  }
});

test("an unhealthy container is stopped to start again", () => {
  const { pod, views } = setup({ runs: { main: ["running"], other: ["running"] } });
  const [main] = views;
  assert.ok(main);
  main.unhealthy = "Container main failed liveness probe, will be restarted";
  const decision = decide(pod, views, "s");
  assert.deepEqual([names(decision.restart), names(decision.start)], ["main", ""]);
});

test("a container's states as the kubelet tells them", () => {
  const { pod, views } = setup({ runs: { main: [1, 3], other: ["running", 0] } });
  const [main] = views;
  assert.ok(main);
  main.waiting = { reason: "CrashLoopBackOff", message: "back-off 10s" };
  const [first, second] = podStatus(pod, views, facts).containerStatuses ?? [];
  assert.deepEqual(first?.state, { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } });
  assert.equal(first?.lastState?.terminated?.exitCode, 1);
  assert.deepEqual([first?.restartCount, first?.ready], [1, false]);
  assert.deepEqual(second?.state, { running: { startedAt: "1970-01-01T00:00:00Z" } });
  assert.equal(second?.lastState?.terminated?.containerID, "capstan://other-0");
});

test("conditions name what is missing, and keep the time of their last change", () => {
  const { pod, views } = setup({ init: ["a"], runs: { a: ["running"] } });
  pod.status = { conditions: [{ type: "Initialized", status: "False", lastTransitionTime: "2025-01-01T00:00:00Z" }] };
  const conditions = podStatus(pod, views, facts).conditions ?? [];
  const of = (type: string) => conditions.find((one) => one.type === type);
  assert.equal(of("Initialized")?.message, "containers with incomplete status: [a]");
  assert.equal(of("Initialized")?.lastTransitionTime, "2025-01-01T00:00:00Z");
  assert.equal(of("Ready")?.message, "containers with unready status: [main other]");
  assert.equal(of("Ready")?.lastTransitionTime, facts.now);
  assert.equal(of("PodReadyToStartContainers")?.status, "True");
});

test("a readiness gate holds readiness back", () => {
  const { pod, views } = setup({ runs: { main: ["running"], other: ["running"] } });
  assert.ok(pod.spec);
  pod.spec.readinessGates = [{ conditionType: "a/b" }];
  const conditions = podStatus(pod, views, facts).conditions ?? [];
  const ready = conditions.find(({ type }) => type === "Ready");
  assert.equal(ready?.reason, "ReadinessGatesNotReady");
  assert.equal(conditions.find(({ type }) => type === "ContainersReady")?.status, "True");
});
