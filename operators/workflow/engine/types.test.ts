import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "@capstan/testing/workflow";
import { specWithTypes } from "../parameter-types/index.ts";

const types = (text: string) => `metadata: {annotations: {capstan.dev/parameter-types: "${text}"}}`;
const pod = "container: {image: busybox, command: [echo, '{{inputs.parameters.n}}']}";

test("what one step makes is held against the types of the next one's inputs, before it has a pod", () => {
  const run = (value: string) =>
    simulate(
      `metadata: {name: wf}
spec:
  entrypoint: m
  templates:
  - name: m
    steps:
    - - {name: a, template: make}
    - - {name: b, template: use, arguments: {parameters: [{name: n, value: "{{steps.a.outputs.parameters.n}}"}]}}
  - name: make
    container: {image: busybox, command: [echo]}
    outputs: {parameters: [{name: n, valueFrom: {path: /n}}]}
  - {name: use, ${types("n: {type: integer, maximum: 9}")}, inputs: {parameters: [{name: n}]}, ${pod}}`,
      { ends: { a: { outputs: { parameters: [{ name: "n", value }] } } } },
    );
  assert.equal(run("7").workflow.status?.phase, "Succeeded");
  const wrong = run("many".repeat(50));
  const { phase, message } = wrong.node("b");
  assert.deepEqual(
    [phase, message],
    ["Error", `template use: inputs.parameters.n must be an integer, at most 9, not "${"many".repeat(15)}"…`],
  );
  assert.deepEqual(
    [...wrong.pods.values()].map(({ metadata }) => metadata.annotations?.["workflows.argoproj.io/node-name"]),
    ["wf[0].a"],
  );
});

test("a workflow's arguments are held against the types that its template's metadata says", () => {
  const template = specWithTypes({
    metadata: { annotations: { "capstan.dev/parameter-types": "n: duration" } },
    spec: {
      entrypoint: "m",
      arguments: { parameters: [{ name: "n", valueFrom: { configMapKeyRef: { name: "c", key: "k" } } }] },
      templates: [{ name: "m", container: { image: "busybox", command: ["echo"] } }],
    },
  });
  const run = (k: string) =>
    simulate("metadata: {name: wf}\nspec: {workflowTemplateRef: {name: t}}", {
      templates: { "namespaced/t": template },
      configMaps: { c: { k } },
    });
  assert.equal(run("30s").workflow.status?.phase, "Succeeded");
  const { phase, message } = run("soon").workflow.status ?? {};
  assert.equal(phase, "Error");
  assert.match(message ?? "", /spec\.arguments\.parameters\.n: must be a duration such as 30s or 1h30m, not "soon"/);
});
