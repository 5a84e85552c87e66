import assert from "node:assert/strict";
import { test } from "node:test";
import type { DAGTask, NodeStatus, Template, Workflow, WorkflowStep } from "@capstan/api/kinds/workflow";
import { simulate } from "@capstan/testing/workflow";
import { formulateResubmit, formulateRetry } from "./index.ts";

/** Numbers that are the same for the same seed. Source: mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const container = { image: "i", command: ["true"] };
const leaves: Template[] = [
  { name: "pod", container },
  { name: "again", retryStrategy: { limit: 1 }, container },
  {
    name: "set",
    containerSet: {
      containers: [
        { ...container, name: "main" },
        { ...container, name: "side", dependencies: ["main"] },
      ],
    },
  },
];

/** Steps and tasks of steps and tasks, with loops, retries, and hooks. */
function someWorkflow(seed: number): Workflow {
  const next = random(seed);
  const templates = [...leaves];
  const pick = () => (templates[Math.floor(next() * templates.length)] as Template).name as string;
  const invocation = (name: string) => ({
    name,
    template: pick(),
    ...(next() < 0.25 ? { withItems: ["x", "y"] } : {}),
    ...(next() < 0.15 ? { hooks: { exit: { template: "pod" } } } : {}),
    ...(next() < 0.1 ? { when: "1 == 2" } : {}),
  });
  for (let i = 0; i < 4; i++) {
    const count = 1 + Math.floor(next() * 4);
    const retryStrategy = next() < 0.2 ? { retryStrategy: { limit: 1 } } : {};
    if (next() < 0.5) {
      const tasks: DAGTask[] = Array.from({ length: count }, (_, at) => {
        const dependencies = Array.from({ length: at }, (_, before) => `t${before}`).filter(() => next() < 0.5);
        return { ...invocation(`t${at}`), ...(dependencies.length > 0 ? { dependencies } : {}) };
      });
      templates.push({ name: `c${i}`, dag: { tasks, failFast: next() < 0.5 }, ...retryStrategy });
    } else {
      const steps: WorkflowStep[][] = Array.from({ length: count }, (_, at) => {
        const group = [invocation(`s${at}`)];
        return next() < 0.4 ? [...group, invocation(`p${at}`)] : group;
      });
      templates.push({ name: `c${i}`, steps, ...retryStrategy });
    }
  }
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { name: "wf", namespace: "default", uid: "u", creationTimestamp: "2026-01-02T03:04:05Z" },
    spec: { entrypoint: "c3", templates, ...(next() < 0.5 ? { onExit: "pod" } : {}) },
  } as Workflow;
}

/** Pods by node name, of which each fails with this chance. */
function run(workflow: Workflow, chance: number, seed: number) {
  const next = random(seed);
  const end = () => (next() < chance ? { exitCode: 1 } : {});
  const names = leaves.map(({ name }) => [name as string, end] as const);
  const byTemplate = Object.fromEntries(names);
  return simulate(workflow, { ends: byTemplate, roundLimit: 500 });
}

const seeds = Number(process.env.SEEDS ?? 30);

const isHook = ({ name, nodeFlag }: NodeStatus) => nodeFlag?.hooked === true || name.includes("onExit");

test("whatever has failed, a retry ends well and does nothing twice", () => {
  let retried = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const first = run(someWorkflow(seed), 0.25, seed);
    const { phase, nodes = {} } = first.workflow.status ?? {};
    assert.match(phase ?? "", /^(Succeeded|Failed|Error)$/, `seed ${seed}: ${phase}`);
    if (phase === "Succeeded") continue;
    retried++;
    const done = new Set(
      Object.values(nodes).flatMap((node) =>
        node.type === "Pod" && node.phase === "Succeeded" && !isHook(node) ? [node.name] : [],
      ),
    );
    const { workflow } = formulateRetry(first.workflow, {}, Date.parse("2026-01-02T05:00:00Z"));
    const second = run(workflow, 0, seed);
    assert.equal(second.workflow.status?.phase, "Succeeded", `seed ${seed}: ${second.workflow.status?.message}`);
    const twice = second.order.filter((name) => done.has(name));
    assert.deepEqual(twice, [], `seed ${seed}`);
    const open = Object.values(second.workflow.status?.nodes ?? {}).filter(
      ({ phase }) => phase === "Running" || phase === "Pending",
    );
    assert.deepEqual(
      open.map(({ name }) => name),
      [],
      `seed ${seed}`,
    );
  }
  assert.ok(retried > seeds / 3, `${retried} of ${seeds} failed`);
});

test("whatever has failed, a memoized resubmit ends well and takes over what was done", () => {
  let again = 0;
  for (let seed = 1; seed <= seeds; seed++) {
    const first = run(someWorkflow(seed), 0.25, seed);
    const { phase, nodes = {} } = first.workflow.status ?? {};
    if (phase === "Succeeded") continue;
    again++;
    const options = { memoized: true, suffix: "again", now: Date.parse("2026-01-02T05:00:00Z") };
    const made = formulateResubmit(first.workflow, options) as Workflow;
    Object.assign(made.metadata, { uid: "v", creationTimestamp: "2026-01-02T05:00:00Z" });
    const second = run(made, 0, seed);
    assert.equal(second.workflow.status?.phase, "Succeeded", `seed ${seed}: ${second.workflow.status?.message}`);
    const done = new Set(
      Object.values(nodes).flatMap((node) =>
        node.type === "Pod" && node.phase === "Succeeded" && !node.name.startsWith("wf.onExit") ? [node.name] : [],
      ),
    );
    const twice = second.order.filter((name) => done.has(name.replace(made.metadata.name, "wf")));
    assert.deepEqual(twice, [], `seed ${seed}`);
  }
  assert.ok(again > seeds / 3);
});
