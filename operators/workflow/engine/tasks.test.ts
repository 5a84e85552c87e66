import assert from "node:assert/strict";
import { test } from "node:test";
import { type Simulation, simulate } from "@capstan/testing/workflow";

const head = (spec: string) =>
  `apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n${spec.replace(/^/gm, "  ")}`;
const http = "inputs: {parameters: [{name: u}]}, http: {url: 'http://{{inputs.parameters.u}}'}";
const agents = (run: Simulation) => [...run.pods.values()].filter(({ metadata }) => metadata.name.endsWith("-agent"));
const done = (run: Simulation, kind: string) => run.effects.filter((effect) => effect.do === kind).length;

test("requests become tasks of one agent, and what they answer is a result", () => {
  const run = simulate(
    head(`entrypoint: m
podMetadata: {labels: {team: a}}
templates:
- name: m
  steps:
  - - {name: a, template: h, arguments: {parameters: [{name: u, value: x}]}}
    - {name: b, template: h, arguments: {parameters: [{name: u, value: y}]}, continueOn: {failed: true}}
  - - {name: c, template: h, arguments: {parameters: [{name: u, value: "{{steps.a.outputs.result}}/{{steps.b.status}}"}]}}
- {name: h, ${http}}`),
    {
      ends: {
        a: { outputs: { result: "one" } },
        b: { exitCode: 1, message: "received non-2xx response code: 500" },
        c: ({ http }) => ({ outputs: { result: http?.url ?? "" } }),
      },
    },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded", run.workflow.status?.message);
  assert.deepEqual([run.node("a").type, run.node("a").phase], ["HTTP", "Succeeded"]);
  assert.equal(run.node("b").message, "received non-2xx response code: 500");
  assert.equal(run.node("c").outputs?.result, "http://one/Failed");
  assert.equal(done(run, "add task"), 3);
  assert.equal(done(run, "remove task"), 3);
  assert.equal(done(run, "close tasks"), 1);
  const [agent, ...others] = agents(run);
  assert.equal(others.length, 0);
  assert.equal(agent?.metadata.labels?.team, "a");
  assert.equal(agent?.metadata.labels?.["workflows.argoproj.io/component"], "agent");
  assert.deepEqual(agent?.spec.containers[0]?.args, ["agent"]);
});

test("a request that fails is tried again as its retryStrategy says", () => {
  let tries = 0;
  const run = simulate(
    head(`entrypoint: h\ntemplates:\n- {name: h, retryStrategy: {limit: 3}, http: {url: 'http://x'}}`),
    { ends: { h: () => ({ exitCode: ++tries < 3 ? 1 : 0, outputs: { result: String(tries) } }) } },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.equal(run.node("wf").outputs?.result, "3");
  assert.deepEqual(
    ["wf(0)", "wf(1)", "wf(2)"].map((name) => run.node(name).phase),
    ["Failed", "Failed", "Succeeded"],
  );
});

test("a stopped workflow waits for no answer, and a request without one ends by its template's timeout", () => {
  const forever = { ends: { h: { forever: true } } };
  const yaml = (more: string) => head(`entrypoint: h\ntemplates:\n- {name: h, ${more} http: {url: 'http://x'}}`);
  const stopped = simulate(yaml(""), {
    ...forever,
    before: (workflow, round) => {
      if (round === 1) workflow.spec.shutdown = "Stop";
    },
  });
  assert.equal(stopped.workflow.status?.phase, "Failed");
  assert.equal(stopped.node("wf").message, "workflow shutdown with strategy: Stop");
  const late = simulate(yaml("timeout: 5s,"), forever);
  assert.equal(late.node("wf").message, "Step exceeded its deadline");
  assert.equal(done(late, "close tasks"), 1);
});

test("an agent that failed ends its tasks with its reason", () => {
  const run = simulate(head(`entrypoint: h\ntemplates:\n- {name: h, http: {url: 'http://x'}}`), {
    ends: { h: { forever: true } },
    pods: (pod) => ({ ...pod, status: { phase: "Failed", message: "Evicted" } }),
  });
  assert.equal(run.workflow.status?.phase, "Error");
  assert.equal(run.node("wf").message, 'agent pod failed with reason:"Evicted"');
});
