import assert from "node:assert/strict";
import { test } from "node:test";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { Workflows, WorkflowTemplates, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet, readWorkflow, simulate } from "@capstan/testing/workflow";
import { createWorkflowOperator, InvalidWorkflow, readManifests, submitWorkflow } from "./index.ts";
import { renderTree, watchWorkflow } from "./view/index.ts";

const manifest = `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: w-}
spec:
  entrypoint: m
  arguments: {parameters: [{name: x, value: "1"}]}
  templates:
  - name: m
    steps: [[{name: a, template: t}], [{name: b, template: t}]]
  - {name: t, container: {image: busybox, args: ["{{workflow.parameters.x}}"]}}
`;
const template = manifest.replace("kind: Workflow", "kind: WorkflowTemplate").replace("generateName: w-", "name: lib");

async function start() {
  return TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      const { client, informers, log } = cluster;
      return [...createWorkflowOperator({ client, informers, log }), createFakeKubelet(cluster, () => ({}))];
    },
  });
}

test("a text is submitted with parameters over its own, and can be watched to its end", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const [made] = await submitWorkflow(client, manifest, { namespace: "default", parameters: { x: "2" } });
  const ref = { namespace: "default", name: made?.metadata.name ?? "" };
  const phases = new Set<string>();
  let last: string[] = [];
  for await (const workflow of watchWorkflow(client, ref, cluster.signal)) {
    phases.add(workflow.status?.phase ?? "");
    last = renderTree(workflow, { now: 0 });
  }
  assert.ok(phases.has("Succeeded"));
  assert.match(last[0] ?? "", /^STEP +TEMPLATE {2}PODNAME +DURATION {2}MESSAGE$/);
  assert.match(last[1] ?? "", /^ ✔ w-\w+ {2}m$/);
  assert.match(last[2] ?? "", /^ ├───✔ a +t +w-\w+-t-\d+ +\ds$/);
  assert.match(last[3] ?? "", /^ └───✔ b /);
  assert.equal((await client.get(Workflows, ref)).spec.arguments?.parameters?.[0]?.value, "2");
});

test("a template is stored and run", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const [made] = await submitWorkflow(client, template, { namespace: "default", parameters: { x: "9" } });
  assert.equal(made?.spec.workflowTemplateRef?.name, "lib");
  assert.equal(made?.metadata.labels?.["workflows.argoproj.io/workflow-template"], "lib");
  assert.ok(await client.get(WorkflowTemplates, { namespace: "default", name: "lib" }));
  const ref = { namespace: "default", name: made?.metadata.name ?? "" };
  const done = await cluster.until(Workflows, ref, (o) => o?.status?.finishedAt != null);
  assert.equal(done?.status?.phase, "Succeeded", done?.status?.message);
});

test("what cannot run is refused before it is submitted", async () => {
  await using cluster = await start();
  const submit = (text: string, parameters = {}) =>
    submitWorkflow(cluster.client, text, { namespace: "default", parameters });
  await assert.rejects(submit(manifest.replace("template: t}]", "template: tt}]")), InvalidWorkflow);
  await assert.rejects(submit(manifest, { y: "1" }), /the workflow has no parameter y; did you mean x\?/);
  await assert.rejects(submit("kind: [a"), /line 1/);
  await assert.rejects(
    submit("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"),
    /ConfigMap cannot be submitted/,
  );
  await assert.rejects(submit(""), /holds no object/);
});

test("manifests are read as Go's parser reads them", async () => {
  const text =
    'apiVersion: v1\nkind: A\nspec:\n  args: ["\n  one &&\n  two\n  "]\n  more: 1\n---\n---\napiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: B}]\n';
  const [a, b] = await readManifests(text);
  assert.deepEqual(a as unknown, {
    apiVersion: "v1",
    kind: "A",
    spec: { args: [" one && two "], more: 1 },
    metadata: {},
  });
  assert.equal(b?.kind, "B");
});

test("a tree shows retries and loops below their own", () => {
  const spec = manifest
    .replace("steps: [[{name: a, template: t}]", "steps: [[{name: a, template: t, withItems: [1, 2]}]")
    .replace("{name: t, ", "{name: t, retryStrategy: {limit: 1}, ");
  const { workflow } = simulate(readWorkflow(spec.replace("generateName: w-", "name: wf")));
  assert.deepEqual(
    renderTree(workflow, { now: 0 }).map((line) => line.replace(/ {2}.*$/, "")),
    ["STEP", " ✔ wf", " ├─┬─✔ a(0:1)(0)", " │ └─✔ a(1:2)(0)", " └───✔ b(0)"],
  );
});
