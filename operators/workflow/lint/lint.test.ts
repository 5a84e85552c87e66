import assert from "node:assert/strict";
import { test } from "node:test";
import { readManifests } from "../manifest.ts";
import { type Finding, type LintOptions, lintFiles, printFindings } from "./index.ts";

const head = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: w-}\n";
const lint = async (text: string, options: LintOptions = {}, ...others: string[]) =>
  lintFiles(
    [text, ...others].map((one, i) => ({ name: `${i}.yaml`, text: one })),
    options,
  );
const told = (findings: Finding[]) =>
  findings.map(
    ({ file, line, column, severity, path, message }) => `${file}:${line}:${column} ${severity} ${path}: ${message}`,
  );

test("each finding has its line, column and path", async () => {
  const text = `${head}spec:
  entrypoint: main
  templates:
  - name: main
    container:
      image: a
      comand: [x]
---
${head}spec:
  entrypoint: gone
  templates:
  - name: main
    container: {image: a, args: ["{{inputs.parameters.x}}"]}
`;
  assert.deepEqual(told(await lint(text)), [
    "0.yaml:10:7 error spec.templates[0].container.comand: unknown field; did you mean command?",
    "0.yaml:16:3 error spec.entrypoint: template gone not found in the workflow",
    "0.yaml:19:34 error spec.templates[0].container.args[0]: {{inputs.parameters.x}} names nothing that is there",
  ]);
  const lenient = await lint(text, { strict: false });
  assert.equal(lenient.length, 2);
});

test("a template that holds itself is told where it does", async () => {
  const text = `${head}spec:
  entrypoint: m
  templates:
  - &t
    name: m
    steps:
    - - {name: a, inline: *t}
`;
  const [line] = told(await lint(text));
  assert.match(line ?? "", /^0\.yaml:10:27 error .*: \*t stands inside of what it names/);
  await assert.rejects(readManifests(text), /^Error: line 10: \*t stands inside of what it names/);
});

test("JSON, lists and other kinds", async () => {
  const workflow = {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { name: "w" },
    spec: { templates: [] },
  };
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: [{ kind: "ConfigMap" }, workflow] }, null, 1);
  assert.deepEqual(told(await lint(list)), ["0.yaml:14:4 error items[1].spec.entrypoint: is required"]);
  assert.deepEqual(told(await lint("kind: ConfigMap\n")), []);
  assert.deepEqual(told(await lint("apiVersion: argoproj.io/v1alpha1\nkind: Worflow\n")), [
    "0.yaml:2:1 error kind: unknown kind Worflow; did you mean Workflow?",
  ]);
});

test("what is not YAML is told with its place", async () => {
  const [broken] = await lint("a: [1\nb: }");
  assert.match(broken?.message ?? "", /flow sequence/i);
  const twice = `${head}spec: {entrypoint: a, entrypoint: b, templates: [{name: b, suspend: {}}]}`;
  assert.match(told(await lint(twice)).join(), /0\.yaml:4:23 error : Map keys must be unique/);
  assert.deepEqual(await lint(twice, { strict: false }), []);
  const endless = `${head}spec: &a {entrypoint: m, templates: [{name: m, steps: [[{name: s, inline: {steps: [[{name: t, inline: *a}]]}}]]}]}`;
  assert.ok((await lint(endless)).length > 0);
});

test("templates are found in all files, then where the caller looks", async () => {
  const uses = `${head}spec:
  entrypoint: m
  templates:
  - name: m
    steps: [[{name: s, templateRef: {name: lib, template: t}}]]
`;
  const lib = `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: lib}
spec: {templates: [{name: t, inputs: {parameters: [{name: p}]}, suspend: {}}]}
`;
  assert.deepEqual(told(await lint(uses)), [
    "0.yaml:8:24 error spec.templates[0].steps[0][0].templateRef: WorkflowTemplate lib not found",
  ]);
  assert.deepEqual(told(await lint(uses, {}, lib)), [
    "0.yaml:8:14 error spec.templates[0].steps[0][0].arguments.parameters: p was not supplied, and template t has no default for it",
  ]);
  const templates = () => ({ templates: [{ name: "t", suspend: {} }] });
  assert.deepEqual(await lint(uses, { templates }), []);
  assert.deepEqual(await lint(lib, { kinds: ["Workflow"] }), []);
});

test("schedules and time zones", async () => {
  const cron = (rest: string) => `apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: c}
spec:
  ${rest}
  workflowSpec: {entrypoint: m, templates: [{name: m, suspend: {}}]}
`;
  assert.deepEqual(await lint(cron('schedules: ["0 3 * * *"]\n  timezone: Europe/Zurich')), []);
  const wrong = await lint(cron('schedules: ["0 3 * *"]\n  timezone: Europe/Zurich\n  startingDeadlineSeconds: -1'));
  assert.deepEqual(
    wrong.map(({ path, line }) => `${line} ${path}`),
    ["5 spec.schedules[0]", "7 spec.startingDeadlineSeconds"],
  );
  assert.match(told(await lint(cron('schedule: "@daily"\n  timezone: Nowhere/City'))).join(), /Nowhere/);
  assert.match(told(await lint(cron("suspend: true"))).join(), /at least one schedule is required/);
});

test("values that become a shell's program are warned of", async () => {
  const body = (command: string) => `${head}spec:
  entrypoint: m
  arguments: {parameters: [{name: x, value: a}]}
  templates:
  - {name: m, inputs: {parameters: [{name: x, value: b}]}, ${command}}
`;
  const warned = async (command: string) =>
    (await lint(body(command))).map(({ severity, path }) => `${severity} ${path}`);
  assert.deepEqual(await warned('container: {image: i, command: [sh, -c], args: ["echo {{inputs.parameters.x}}"]}'), [
    "warning spec.templates[0].container.args[0]",
  ]);
  assert.deepEqual(await warned('script: {image: i, command: [/bin/bash], source: "echo {{workflow.parameters.x}}"}'), [
    "warning spec.templates[0].script.source",
  ]);
  assert.deepEqual(await warned('container: {image: i, command: [sh, -c, "echo $0", "{{inputs.parameters.x}}"]}'), []);
  assert.deepEqual(await warned('container: {image: i, command: [echo, "{{inputs.parameters.x}}"]}'), []);
  assert.deepEqual(await warned('container: {image: i, command: [sh, -c, "echo {{workflow.name}}"]}'), []);
});

test("findings are printed for people, programs and GitHub", async () => {
  const findings = await lint(`${head}spec: {entrypoint: gone, templates: [{name: m, suspend: {}}]}\n`);
  assert.equal(
    printFindings(findings, "simple", 1),
    "0.yaml:4:8: error: spec.entrypoint: template gone not found in the workflow (Workflow w-)",
  );
  assert.equal(
    printFindings(findings, "github", 1),
    "::error file=0.yaml,line=4,col=8,title=Workflow w-::spec.entrypoint: template gone not found in the workflow",
  );
  assert.deepEqual(JSON.parse(printFindings(findings, "json", 1)), findings);
  assert.match(
    printFindings(findings, "pretty", 1),
    /0\.yaml:\n {2}✖ 4:8 {2}spec\.entrypoint: .*\n\n1 error, 0 warnings in 1 file$/s,
  );
  assert.equal(printFindings([], "pretty", 2), "✔ no problems in 2 files");
});

test("types of parameters are held against values in templates and CronWorkflows, with their lines", async () => {
  const text = `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata:
  name: t
  annotations:
    capstan.dev/parameter-types: |
      n: integer
      o: string
spec:
  entrypoint: m
  arguments: {parameters: [{name: n, value: a}]}
  templates: [{name: m, container: {image: i}}]
---
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: c, annotations: {capstan.dev/parameter-types: "d: duration"}}
spec:
  schedules: ["* * * * *"]
  workflowSpec:
    entrypoint: m
    arguments: {parameters: [{name: d, value: soon}]}
    templates: [{name: m, container: {image: i}}]
---
${head}spec:
  workflowTemplateRef: {name: t}
  arguments: {parameters: [{name: n, value: b}]}
`;
  assert.deepEqual(told(await lint(text)), [
    "0.yaml:6:5 error metadata.annotations.capstan.dev/parameter-types.o: the workflow has no parameter o; did you mean n?",
    '0.yaml:11:38 error spec.arguments.parameters[0].value: n must be an integer, not "a"',
    '0.yaml:21:40 error spec.workflowSpec.arguments.parameters[0].value: d must be a duration such as 30s or 1h30m, not "soon"',
    "0.yaml:28:3 error spec.workflowTemplateRef.o: the workflow has no parameter o; did you mean n?",
    '0.yaml:29:38 error spec.arguments.parameters[0].value: n must be an integer, not "b"',
  ]);
});
