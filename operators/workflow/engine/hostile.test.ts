// Workflows that would have no end, and values made to be taken for something else.
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Simulation, simulate } from "@capstan/testing/workflow";

const head = (spec: string) =>
  `apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n${spec.replace(/^/gm, "  ")}`;
const pod = "container: {image: busybox, command: [echo]}";
const mainArgs = (run: Simulation, node: string) => {
  const id = run.node(node).id;
  const found = [...run.pods.values()].find((p) => p.metadata.annotations?.["workflows.argoproj.io/node-id"] === id);
  return found?.spec.containers.find(({ name }) => name === "main")?.args;
};

test("templates that call themselves twice end with the limit's name, and nothing of them is left", () => {
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: m}\n    - {name: b, template: m}\n    - {name: c, template: t}\n- {name: t, ${pod}}`,
    ),
  );
  assert.equal(run.workflow.status?.phase, "Error");
  assert.match(run.workflow.status?.message ?? "", /more than 10000 nodes .*limit mostDeep/);
  assert.deepEqual([Object.keys(run.workflow.status?.nodes ?? {}), run.order], [[], []]);
});

test("values that look like tags or break quotes stay what they are", () => {
  const value = `a"b\n{{nope}} {{inputs.parameters.x}} {{steps.a.outputs.result}} '}]} \\u0022 $(id)`;
  const run = simulate(
    head(
      `entrypoint: m\ntemplates:\n- name: m\n  steps:\n  - - {name: a, template: t}\n  - - {name: b, template: u, arguments: {parameters: [{name: x, value: "{{steps.a.outputs.result}}"}]}}\n- {name: t, ${pod}}\n- name: u\n  inputs: {parameters: [{name: x}]}\n  container: {image: i, args: ["{{inputs.parameters.x}}"]}`,
    ),
    { ends: { a: { outputs: { result: value } } } },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.deepEqual(mainArgs(run, "b"), [value]);
});
