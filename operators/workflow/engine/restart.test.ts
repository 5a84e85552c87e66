// An engine that forgets everything between any two operations, as one that is killed does, comes to the same.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeStatus, Template, Workflow } from "@capstan/api/kinds/workflow";
import { chaosWorkflows } from "@capstan/testing/chaos";
import { createRandom, type PodEnd, simulate } from "@capstan/testing/workflow";

/** What a pod of the template would come to, as far as the engine sees it. */
function endOf(template: Template): PodEnd {
  const script = template.script?.source ?? template.container?.command?.at(-1) ?? "";
  const [, tries, needed] = /\[ (\d+) -ge (\d+) \] \|\| exit 3/.exec(script) ?? [];
  if (tries !== undefined && Number(tries) < Number(needed)) return { exitCode: 3 };
  if (/^exit 4$/m.test(script)) return { exitCode: 4 };
  const [, list] = /echo '(\[.*\])'/.exec(script) ?? [];
  const values: Record<string, string> = { y: "17", size: String((JSON.parse(list ?? "[]") as unknown[]).length) };
  const parameters = template.outputs?.parameters?.map(({ name }) => ({ name, value: values[name] ?? "" }));
  const artifacts = template.outputs?.artifacts?.map(({ name }) => ({ name, file: { key: `made/${template.name}` } }));
  return {
    outputs: {
      ...(list ? { result: list } : {}),
      ...(parameters ? { parameters } : {}),
      ...(artifacts ? { artifacts } : {}),
    },
  };
}

function run(workflow: Workflow, forgetful: boolean | (() => boolean), seed: number) {
  const random = createRandom(seed);
  const names = workflow.spec.templates?.map(({ name = "" }) => name) ?? [];
  const { metadata } = workflow;
  return simulate(
    {
      ...structuredClone(workflow),
      metadata: { ...metadata, uid: "uid-1", creationTimestamp: "2026-01-02T03:04:05Z" },
    },
    { ends: Object.fromEntries(names.map((name) => [name, endOf])), linger: () => random() < 0.5, forgetful },
  );
}

const essence = ({ workflow }: ReturnType<typeof run>) => {
  const { phase, message, nodes = {} } = workflow.status ?? {};
  const shown = ({ type, phase: of, message: why, inputs, outputs }: NodeStatus) => [type, of, why, inputs, outputs];
  return {
    phase,
    message,
    nodes: Object.fromEntries(
      Object.values(nodes)
        .map((one) => [one.name, shown(one)])
        .sort(),
    ),
  };
};

test("restarts between operations change nothing, and make no pod twice", () => {
  for (const [i, { workflow }] of chaosWorkflows(5, 40, "/traces").entries()) {
    const once = run(workflow, false, i);
    assert.ok(once.workflow.status?.finishedAt, `workflow ${i} ends`);
    const random = createRandom(i);
    for (const forgetful of [true, () => random() < 0.2]) {
      const disturbed = run(workflow, forgetful, i);
      assert.deepEqual(essence(disturbed), essence(once), `workflow ${i}`);
      assert.equal(new Set(disturbed.order).size, disturbed.order.length, `workflow ${i}: no pod twice`);
    }
  }
});
