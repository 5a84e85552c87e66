import assert from "node:assert/strict";
import { test } from "node:test";
import type { Container } from "@capstan/api/generated/core-v1";
import { FakeRuntime } from "@capstan/core/runtime";
import { Prober } from "./prober.ts";

/** A container whose probes' commands say how they end. */
async function probing(container: Partial<Container>, before?: { started: boolean; ready: boolean }) {
  const runtime = new FakeRuntime(([verb, code, output]) =>
    verb === "exit" ? { exitCode: Number(code), output } : {},
  );
  const namespaces = {};
  const { id } = await runtime.runPodSandbox({
    name: "p",
    namespace: "n",
    uid: "u",
    hostname: "h",
    labels: {},
    namespaces,
  });
  await runtime.pullImage("i");
  const config = { name: "c", attempt: 0, image: "i", env: [], mounts: [], labels: {}, logPath: "/dev/null" };
  const containerId = await runtime.createContainer(id, config);
  await runtime.startContainer(containerId);
  const changed = Promise.withResolvers<void>();
  const failures: string[] = [];
  const results: string[] = [];
  const prober = new Prober({
    target: { runtime, containerId, container: { name: "c", ...container }, address: "127.0.0.1" },
    startedAt: new Date(),
    onChange: changed.resolve,
    onFailure: (message) => failures.push(message),
    onWarning: () => {},
    onResult: (kind, healthy) => results.push(`${kind} ${healthy}`),
    before,
  });
  return { prober, changed: changed.promise, failures, results };
}

const never = new AbortController().signal;
const exit = (code: number) => ({ exec: { command: ["exit", String(code), "said"] }, periodSeconds: 1 });

test("liveness asks for a restart after enough failures, within its own grace", async () => {
  const stop = new AbortController();
  const livenessProbe = { ...exit(1), failureThreshold: 2, terminationGracePeriodSeconds: 3 };
  const { prober, changed, failures, results } = await probing({ livenessProbe });
  prober.start(stop.signal, never);
  await changed;
  stop.abort();
  assert.equal(prober.unhealthy, "Container c failed liveness probe, will be restarted");
  assert.equal(prober.graceSeconds, 3);
  assert.deepEqual(failures, ["Liveness probe failed: said", "Liveness probe failed: said"]);
  assert.deepEqual(results, ["liveness false", "liveness false"]);
});

test("nothing else is asked before the startup probe has passed", async () => {
  const stop = new AbortController();
  const { prober, changed, results } = await probing({
    startupProbe: exit(0),
    livenessProbe: exit(1),
    readinessProbe: exit(0),
  });
  assert.deepEqual([prober.started, prober.ready], [false, false]);
  prober.start(stop.signal, never);
  await changed;
  stop.abort();
  assert.equal(prober.started, true);
  assert.deepEqual(results, ["startup true"]);
});

test("what an earlier agent knew counts, until a probe says otherwise", async () => {
  const stop = new AbortController();
  const before = { started: true, ready: true };
  const { prober, changed, results } = await probing(
    { startupProbe: exit(1), readinessProbe: { ...exit(1), failureThreshold: 1 } },
    before,
  );
  assert.deepEqual([prober.started, prober.ready], [true, true]);
  prober.start(stop.signal, never);
  await changed;
  stop.abort();
  assert.deepEqual([prober.started, prober.ready, prober.unhealthy], [true, false, undefined]);
  assert.deepEqual(results, ["readiness false"]);
});

test("a pod that ends is only asked for its readiness", async () => {
  const stop = new AbortController();
  const { prober, changed, results } = await probing({ livenessProbe: exit(1), readinessProbe: exit(0) });
  prober.start(stop.signal, AbortSignal.abort());
  await changed;
  stop.abort();
  assert.deepEqual(results, ["readiness true"]);
});
