import assert from "node:assert/strict";
import { test } from "node:test";
import { type Simulation, simulate } from "@capstan/testing/workflow";

const value = "{{workflow.name}} {{=1+1}} {{inputs.parameters.x}} {{item}} {{retries}}";
const workflow = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: wf}
spec:
  entrypoint: m
  templates:
  - name: m
    steps:
    - - {name: a, template: make}
    - - {name: plain, template: show, arguments: {parameters: [{name: x, value: "{{steps.a.outputs.result}}"}]}}
      - {name: loop, template: nest, withItems: [1], arguments: {parameters: [{name: x, value: "{{steps.a.outputs.result}}"}]}}
      - {name: list, template: show, withParam: "{{steps.a.outputs.parameters.list}}", arguments: {parameters: [{name: x, value: "{{item}}"}]}}
      - {name: again, template: retried, arguments: {parameters: [{name: x, value: "{{steps.a.outputs.result}}"}]}}
  - {name: make, container: {image: i, command: [echo]}, outputs: {parameters: [{name: list, valueFrom: {path: /l}}]}}
  - name: show
    inputs: {parameters: [{name: x}]}
    container: {image: i, args: ["{{inputs.parameters.x}}"]}
  - name: retried
    retryStrategy: {limit: 1}
    inputs: {parameters: [{name: x}]}
    container: {image: i, args: ["{{retries}}: {{inputs.parameters.x}}"]}
  - name: nest
    inputs: {parameters: [{name: x}]}
    dag: {tasks: [{name: inner, template: show, arguments: {parameters: [{name: x, value: "{{inputs.parameters.x}}"}]}}]}
`;

const argsOf = ({ pods }: Simulation) =>
  Object.fromEntries(
    [...pods.values()].map(({ metadata, spec }) => [
      metadata.annotations?.["workflows.argoproj.io/node-name"],
      spec.containers.find(({ name }) => name === "main")?.args,
    ]),
  );

test("a value that looks like tags is never taken for them, on any way", () => {
  const outputs = { result: value, parameters: [{ name: "list", value: JSON.stringify([value]) }] };
  const run = simulate(workflow, { ends: { a: { outputs }, "again(0)": { exitCode: 1 } } });
  assert.equal(run.workflow.status?.phase, "Succeeded", run.workflow.status?.message);
  const args = argsOf(run);
  assert.deepEqual(args["wf[1].plain"], [value]);
  assert.deepEqual(args["wf[1].loop(0:1).inner"], [value]);
  assert.deepEqual(args["wf[1].again(0)"], [`0: ${value}`]);
  assert.deepEqual(args["wf[1].again(1)"], [`1: ${value}`]);
  const [list] = Object.entries(args).flatMap(([name, given]) => (name.startsWith("wf[1].list") ? [given] : []));
  assert.deepEqual(list, [value]);
});
