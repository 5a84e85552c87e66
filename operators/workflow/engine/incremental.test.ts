import assert from "node:assert/strict";
import { test } from "node:test";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { createRandom, type Operated, type PodEnd, randomWorkflow, simulate } from "@capstan/testing/workflow";

const workflows = 150;

/** How the pods of the random templates end: of three tries of a flaky one the last may be well. */
function endsOf(random: () => number): Record<string, () => PodEnd> {
  return {
    flaky: () => ({ exitCode: random() < 0.6 ? 1 : 0 }),
    bad: () => ({ exitCode: random() < 0.5 ? 3 : 0 }),
    ok: () => ({ outputs: { parameters: [{ name: "p", value: "v" }] } }),
    daemon: () => ({ forever: true }),
  };
}

const shown = ({ workflow, outcome }: Operated) => ({
  status: sorted(workflow.status),
  labels: workflow.metadata.labels,
  effects: outcome.effects.map((effect) => JSON.stringify(effect)).sort(),
});
/** Where several parents get a child in one operation, and which daemon stops first, does not matter. */
function sorted(status: Workflow["status"]) {
  const nodes = Object.values(status?.nodes ?? {}).map((node) => ({ ...node, children: node.children?.toSorted() }));
  return { ...status, nodes: nodes.sort((a, b) => (a.id < b.id ? -1 : 1)) };
}

test("a workflow that only waits, or is over, is not called for again at once", () => {
  const after: (number | undefined)[] = [];
  const compare = ({ outcome }: Operated) => {
    if (!outcome.changed) after.push(outcome.requeueAfter);
  };
  const waiting = simulate(randomWorkflow(createRandom(1)), { linger: () => true, roundLimit: 20, compare });
  assert.equal(waiting.workflow.status?.phase, "Running");
  const over = simulate(randomWorkflow(createRandom(1)));
  simulate(over.workflow, { compare });
  assert.ok(after.length > 1 && !after.includes(0), String(after));
});

test("what touches only what changed gives what looks at everything gives, in each operation", () => {
  for (let seed = 1; seed <= workflows; seed++) {
    const random = createRandom(seed);
    const workflow = randomWorkflow(random);
    let round = 0;
    const run = simulate(workflow, {
      ends: endsOf(random),
      linger: () => random() < 0.5,
      compare(incremental, whole) {
        assert.deepEqual(shown(incremental), shown(whole), `seed ${seed}, operation ${round}`);
        round++;
      },
    });
    assert.ok(run.workflow.status?.finishedAt, `seed ${seed} ends`);
  }
});
