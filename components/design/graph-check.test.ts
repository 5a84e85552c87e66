import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Template, Workflow } from "@capstan/api/kinds/workflow";
import { parse } from "yaml";
import { createGraphCheck } from "./index.ts";

const examples = join(import.meta.dirname, "../../examples");

function repository(context: TestContext): { root: string; artifacts(namespace: string): string } {
  const root = mkdtempSync(join(tmpdir(), "capstan-design-"));
  context.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, "quickstart/datasets"), { recursive: true });
  writeFileSync(join(root, "quickstart/datasets/penguins.csv"), readFileSync(join(examples, "penguins.csv")));
  return { root, artifacts: (namespace) => join(root, namespace) };
}

/** The quickstart's workflow after some words of it were replaced. */
function quickstart(changes: Record<string, string> = {}): [Workflow, Map<string, Template>] {
  let text = readFileSync(join(examples, "quickstart/workflow-template.yaml"), "utf8");
  for (const [from, to] of Object.entries(changes)) {
    assert.ok(text.includes(from), from);
    text = text.replace(from, to);
  }
  const workflow = parse(text) as Workflow;
  const templates = new Map((workflow.spec.templates ?? []).map((template) => [`local/${template.name}`, template]));
  return [workflow, templates];
}

async function problemsOf(context: TestContext, changes: Record<string, string>): Promise<string[]> {
  const check = createGraphCheck(repository(context));
  return (await check(...quickstart(changes))).map(({ path, message }) => `${path}: ${message}`);
}

test("the quickstart has no problem", async (context) => {
  assert.deepEqual(await problemsOf(context, {}), []);
});

test("an unknown column is refused where it stands, with the nearest name, however far down", async (context) => {
  assert.deepEqual(await problemsOf(context, { "name: label, value: species": "name: label, value: specis" }), [
    'spec.templates[0].dag.tasks[1].arguments.parameters[0].value: no column "specis": did you mean "species"?',
  ]);
  assert.deepEqual(await problemsOf(context, { 'value: "bill_length_mm,': 'value: "bil_length_mm,' }), [
    'spec.templates[0].dag.tasks[5].arguments.parameters[0].value: no column "bil_length_mm": did you mean "bill_length_mm"?',
  ]);
});

test("columns of the wrong type, dropped columns and wrong wires are refused", async (context) => {
  assert.deepEqual(await problemsOf(context, { 'value: "island, sex"': "value: body_mass_g" }), [
    'spec.templates[0].dag.tasks[4].arguments.parameters[0].value: column "body_mass_g" is of type number; needed is string',
  ]);
  assert.deepEqual(await problemsOf(context, { "name: drop, value: year": "name: drop, value: island" }), [
    'spec.templates[0].dag.tasks[4].arguments.parameters[0].value: no column "island": the columns are "species", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex", "year"',
  ]);
  assert.deepEqual(
    await problemsOf(context, { "tasks.split.outputs.artifacts.test": "tasks.split.outputs.artifacts.tests" }),
    ['spec.templates[0].dag.tasks[7].arguments.artifacts[1]: no output port "tests": did you mean "test"?'],
  );
  assert.deepEqual(
    await problemsOf(context, { "tasks.gbdt.outputs.artifacts.model": "tasks.scale.outputs.artifacts.table" }),
    ["spec.templates[0].dag.tasks[7].arguments.artifacts[0]: scale gives a table there; model takes a model"],
  );
});

test("text that nothing encodes, and a label that nobody named, are found before the training", async (context) => {
  assert.deepEqual(await problemsOf(context, { 'value: "island, sex"': "value: island" }), [
    'spec.templates[0].dag.tasks[6].arguments.parameters[features]: column "sex" is of type string: encode it with one-hot, or drop it',
  ]);
  const [problem] = await problemsOf(context, { "name: label, value: species": "name: id, value: species" });
  assert.match(problem ?? "", /tasks\[6\].*which column is to be predicted\?/);
});

test("a header that cannot name columns is refused", async (context) => {
  const [workflow, templates] = quickstart();
  const { root, artifacts } = repository(context);
  writeFileSync(join(root, "quickstart/datasets/penguins.csv"), "a,,c\n1,2,3\n");
  const problems = await createGraphCheck({ artifacts })(workflow, templates);
  assert.deepEqual(problems, [{ path: "spec.templates[0].dag.tasks[0]", message: "line 1: column 2 has no name" }]);
});

test("files out of reach are not read: nothing is known, nothing is refused", async (context) => {
  const { root, artifacts } = repository(context);
  writeFileSync(join(root, "secret.csv"), "x\n1\n");
  symlinkSync(join(root, "secret.csv"), join(root, "quickstart/datasets/link.csv"));
  for (const key of ["../secret.csv", "datasets/link.csv", "datasets", "datasets/none.csv"]) {
    const [workflow, templates] = quickstart({ "datasets/penguins.csv": key });
    assert.deepEqual(await createGraphCheck({ artifacts })(workflow, templates), [], key);
  }
});

test("types guessed from the start of a large file do not refuse text that may follow", async (context) => {
  const { root, artifacts } = repository(context);
  const file = join(root, "quickstart/datasets/penguins.csv");
  const [header = "", ...rows] = readFileSync(file, "utf8").trim().split("\n");
  const many = Array.from({ length: 200 }, () => rows).flat();
  writeFileSync(file, [header, ...many].join("\n"));
  const [workflow, templates] = quickstart({
    'value: "island, sex"': 'value: "island, sex, year"',
    "name: drop, value: year": 'name: drop, value: ""',
  });
  assert.deepEqual(await createGraphCheck({ artifacts })(workflow, templates), []);
});

test("templates of a WorkflowTemplate are named in the path", async (context) => {
  const [, templates] = quickstart({ "name: label, value: species": "name: label, value: specis" });
  const workflow = {
    metadata: { name: "w", namespace: "quickstart" },
    spec: { workflowTemplateRef: { name: "penguins" } },
  };
  const named = new Map([...templates].map(([, template]) => [`namespaced/penguins/${template.name}`, template]));
  const [problem] = await createGraphCheck(repository(context))(workflow as Workflow, named);
  assert.equal(problem?.path, "spec.templates[main].dag.tasks[1].arguments.parameters[0].value");
});
