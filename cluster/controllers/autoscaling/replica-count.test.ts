import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { milliOf } from "./pod-groups.ts";
import {
  type Count,
  countByAverage,
  countByShare,
  countByUtilization,
  countByValue,
  type PodMetrics,
} from "./replica-count.ts";

const now = Date.UTC(2026, 0, 1);
const time = (ago: number) => new Date(now - ago).toISOString();
const minute = 60_000;

interface Given {
  phase?: string;
  ready?: boolean;
  age?: number;
  changed?: number;
  deleted?: boolean;
  request?: string | null;
}
function pod(name: string, given: Given = {}): Pod {
  const { phase = "Running", ready = true, age = 10 * minute, changed = age, deleted, request = "1" } = given;
  const requests = request === null ? undefined : { cpu: request };
  return {
    metadata: { name, ...(deleted ? { deletionTimestamp: time(0) } : {}) },
    spec: { containers: [{ name: "c", resources: { requests } }] },
    status: {
      phase,
      startTime: time(age),
      conditions: [{ type: "Ready", status: ready ? "True" : "False", lastTransitionTime: time(changed) }],
    },
  } as unknown as Pod;
}
const count = (pods: Pod[], current = pods.length): Count => ({
  pods,
  current,
  tolerance: { up: 0.1, down: 0.1 },
  settling: { now, cpuInitialization: 5 * minute, readinessDelay: 30_000 },
});
const used = (values: Record<string, number>): PodMetrics =>
  new Map(Object.entries(values).map(([name, value]) => [name, { time: now, window: 15_000, value }]));
const cpu = { resource: "cpu", container: "", target: 50 };

test("a ratio of requests makes so many pods, unless it is close to what is wanted", () => {
  const pods = [pod("a"), pod("b"), pod("c")];
  const of = (value: number) => countByUtilization(count(pods), used({ a: value, b: value, c: value }), cpu);
  assert.deepEqual(of(900), { replicas: 6, utilization: 90, usage: 900 });
  assert.deepEqual(of(540), { replicas: 3, utilization: 54, usage: 540 });
  assert.deepEqual(of(100), { replicas: 1, utilization: 10, usage: 100 });
});

test("unknown pods count as idle on the way up and as busy on the way down; pending ones as idle", () => {
  const pods = [pod("a"), pod("b"), pod("c")];
  assert.equal(countByUtilization(count(pods), used({ a: 900, b: 900 }), cpu).replicas, 4);
  assert.equal(countByUtilization(count(pods), used({ a: 600 }), cpu).replicas, 3);
  assert.equal(countByUtilization(count(pods), used({ a: 100, b: 100 }), cpu).replicas, 3);
  const waiting = [pod("a"), pod("b", { phase: "Pending" }), pod("c", { phase: "Pending" })];
  assert.equal(countByUtilization(count(waiting), used({ a: 1000 }), cpu).replicas, 3);
  const gone = [pod("a"), pod("b", { deleted: true }), pod("c", { phase: "Failed" })];
  assert.equal(countByUtilization(count(gone), used({ a: 1000, b: 1000, c: 1000 }), cpu).replicas, 2);
});

test("a pod that just started counts once it is ready and measured since", () => {
  const of = (given: Given) => {
    const metrics = used({ a: 1000, b: 1000 });
    return countByUtilization(count([pod("a"), pod("b", given)]), metrics, cpu).usage;
  };
  assert.equal(of({ age: minute, changed: 20_000 }), 1000);
  assert.throws(() => countByUtilization(count([pod("b", { age: minute, changed: 5000 })]), used({ b: 1 }), cpu), {
    message: "did not receive metrics for targeted pods (pods might be unready)",
  });
  const never = [pod("b", { age: 10 * minute, changed: 10 * minute - 1000, ready: false })];
  assert.throws(() => countByUtilization(count(never), used({ b: 1 }), cpu), /pods might be unready/);
  const was = [pod("b", { age: 10 * minute, changed: minute, ready: false })];
  assert.equal(countByUtilization(count(was), used({ b: 1000 }), cpu).replicas, 2);
});

test("what cannot be told is said", () => {
  const fails = (pods: Pod[], metrics: PodMetrics, message: string) =>
    assert.throws(() => countByUtilization(count(pods), metrics, cpu), { message });
  fails([], used({}), "no pods returned by selector while calculating replica count");
  fails([pod("a", { request: null })], used({ a: 1 }), "missing request for cpu in container c of Pod a");
  fails([pod("a")], used({ b: 1 }), "no metrics returned matched known pods");
});

test("averages, single values and shares of one value", () => {
  const pods = [pod("a"), pod("b")];
  assert.deepEqual(countByAverage(count(pods), used({ a: 3000, b: 5000 }), "", 2000), { replicas: 4, usage: 4000 });
  assert.equal(countByAverage(count([...pods, pod("c")]), used({ a: 100, b: 100 }), "", 2000).replicas, 2);
  assert.deepEqual(countByValue(count(pods), 9000, 3000), { replicas: 6, usage: 9000 });
  assert.equal(countByValue(count(pods), 3100, 3000).replicas, 2);
  assert.equal(countByValue(count(pods, 0), 9000, 3000).replicas, 3);
  assert.deepEqual(countByShare({ up: 0.1, down: 0.1 }, 2, 9000, 3000), { replicas: 3, usage: 4500 });
  assert.equal(countByShare({ up: 0.6, down: 0.1 }, 2, 9000, 3000).replicas, 2);
  assert.deepEqual(["250m", "9m", "12345n", "64Mi"].map(milliOf), [250, 9, 1, 67_108_864_000]);
});
