import assert from "node:assert/strict";
import { test } from "node:test";
import { type Simulation, simulate } from "@capstan/testing/workflow";
import { MetricRegistry, type Sample } from "./registry.ts";

const head = (spec: string) =>
  `apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n${spec.replace(/^/gm, "  ")}`;
const pod = "container: {image: i, command: [c]}";
const short = (run: Simulation) =>
  run.samples.map(({ name, value, labels, since, until }) =>
    [name, since === undefined ? value : until === undefined ? "runs" : "ran", ...Object.values(labels)].join(" "),
  );
const metric = (text: string) => `metrics: {prometheus: [{help: h, ${text}}]}`;

test("templates count how their nodes end, and say what came out", () => {
  const run = simulate(
    head(`entrypoint: m
templates:
- name: m
  steps:
  - - {name: good, template: t, arguments: {parameters: [{name: x, value: "1"}]}}
    - {name: bad, template: t, arguments: {parameters: [{name: x, value: "2"}]}, continueOn: {failed: true}}
- name: t
  inputs: {parameters: [{name: x}]}
  outputs: {parameters: [{name: y, valueFrom: {path: /y, default: "0"}}]}
  metrics:
    prometheus:
    - {name: ends, help: h, labels: [{key: status, value: "{{status}}"}, {key: x, value: "{{inputs.parameters.x}}"}], counter: {value: "1"}}
    - {name: failures, help: h, when: "{{status}} == Failed", counter: {value: "{{exitCode}}"}}
    - {name: y, help: h, when: "{{status}} == Succeeded", histogram: {value: "{{outputs.parameters.y}}", buckets: [1, 2.5]}}
  ${pod}`),
    { ends: { good: { outputs: { parameters: [{ name: "y", value: "2" }] } }, bad: { exitCode: 3 } } },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded");
  assert.deepEqual(short(run).sort(), ["ends 1 Failed 2", "ends 1 Succeeded 1", "failures 3", "y 2"]);
});

test("a workflow's metrics come at its end; realtime gauges run from the start of what they count", () => {
  const run = simulate(
    head(`entrypoint: t
${metric('name: all, gauge: {value: "{{workflow.duration}}", realtime: true}')}
templates:
- {name: t, ${metric('name: one, labels: [{key: n, value: "{{node.name}}"}], gauge: {value: "{{duration}}", realtime: true}')}, ${pod}}`),
  );
  const names = short(run);
  assert.ok(names.includes("all runs") && names.includes("all ran"), names.join(", "));
  const of = simulate(
    head(
      `entrypoint: t\n${metric('name: status, labels: [{key: s, value: "{{workflow.status}}"}], counter: {value: "1"}')}\ntemplates:\n- {name: t, ${pod}}`,
    ),
    { ends: { t: { exitCode: 1 } } },
  );
  assert.deepEqual(short(of), ["status 1 Failed"]);
});

test("each attempt counts once", () => {
  let tries = 0;
  const run = simulate(
    head(
      `entrypoint: t\ntemplates:\n- {name: t, retryStrategy: {limit: 4}, ${metric('name: tries, labels: [{key: s, value: "{{status}}"}], counter: {value: "1"}')}, ${pod}}`,
    ),
    { ends: { t: () => ({ exitCode: ++tries < 3 ? 1 : 0 }) } },
  );
  assert.deepEqual(short(run), ["tries 1 Failed", "tries 1 Failed", "tries 1 Succeeded"]);
});

test("what cannot be counted is a condition of the workflow, and nothing else", () => {
  const run = simulate(
    head(
      `entrypoint: t\ntemplates:\n- {name: t, ${metric('name: y, gauge: {value: "{{outputs.parameters.none}}"}')}, ${pod}}`,
    ),
  );
  assert.equal(run.workflow.status?.phase, "Succeeded");
  const condition = run.workflow.status?.conditions?.find(({ type }) => type === "MetricsError");
  assert.match(condition?.message ?? "", /^metric y: "\{\{outputs\.parameters\.none\}\}" is no number$/);
});

const sample = (more: Partial<Sample>): Sample => ({
  name: "n",
  help: "h",
  labels: {},
  type: "gauge",
  value: 1,
  ...more,
});

test("the text is Prometheus'; gauges add, histograms cumulate, clocks run until they are stopped", () => {
  const registry = new MetricRegistry();
  for (const operation of ["Set", "Add", "Add", "Sub"] as const) registry.record(sample({ operation, value: 2 }));
  const labels = { a: 'x"\\\n' };
  for (const value of [0.5, 2, 9])
    registry.record(sample({ name: "hist", type: "histogram", buckets: [1, 3], labels, value }));
  registry.record(sample({ name: "clock", since: 1000 }));
  registry.record(sample({ name: "done", since: 1000 }));
  registry.record(sample({ name: "done", since: 1000, until: 2500 }));
  assert.equal(
    registry.text(5000),
    [
      "# HELP n h\n# TYPE n gauge\nn 4\n",
      '# HELP hist h\n# TYPE hist histogram\nhist_bucket{a="x\\"\\\\\\n",le="1"} 1\n',
      'hist_bucket{a="x\\"\\\\\\n",le="3"} 2\nhist_bucket{a="x\\"\\\\\\n",le="+Inf"} 3\n',
      'hist_sum{a="x\\"\\\\\\n"} 11.5\nhist_count{a="x\\"\\\\\\n"} 3\n',
      "# HELP clock h\n# TYPE clock gauge\nclock 4\n# HELP done h\n# TYPE done gauge\ndone 1.5\n",
    ].join(""),
  );
});

test("what a metric means does not change, and there is a limit of series", () => {
  const registry = new MetricRegistry();
  registry.record(sample({}));
  assert.match(registry.problem(sample({ help: "other" })) ?? "", /another help text/);
  assert.match(registry.problem(sample({ type: "counter" })) ?? "", /is a gauge already/);
  assert.match(registry.problem(sample({ name: "a-b" })) ?? "", /letters, digits and _/);
  assert.match(registry.problem(sample({ name: "b", type: "histogram", buckets: [2, 1] })) ?? "", /do not grow/);
  for (let i = 0; i < 10_000; i++) registry.record(sample({ labels: { i: String(i) } }));
  assert.match(registry.problem(sample({ labels: { i: "more" } })) ?? "", /limit series/);
  assert.equal(registry.problem(sample({})), undefined);
});
