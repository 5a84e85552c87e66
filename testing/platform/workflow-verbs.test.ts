import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { type Workflow, Workflows, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { createWorkflowOperator } from "@capstan/operators/workflow";
import { TestCluster } from "@capstan/testing/cluster";
import { createFakeKubelet } from "@capstan/testing/workflow";
import { capstan } from "./instance.ts";

const body = `spec:
  entrypoint: main
  arguments: {parameters: [{name: code, value: "1"}]}
  templates:
  - name: main
    steps: [[{name: good, template: pod}], [{name: bad, template: pod}], [{name: ask, template: ask}]]
  - {name: pod, container: {image: i, args: ["{{workflow.parameters.code}}"]}}
  - {name: ask, suspend: {}, outputs: {parameters: [{name: answer, enum: ["yes", "no"], valueFrom: {supplied: {}}}]}}
`;
const header = (kind: string, name: string) =>
  `apiVersion: argoproj.io/v1alpha1\nkind: ${kind}\nmetadata: {name: ${name}}\n`;

async function scene() {
  const directory = mkdtempSync(join(tmpdir(), "workflow-verbs-"));
  const cluster = await TestCluster.start({
    async parts(cluster) {
      for (const definition of workflowDefinitions) await cluster.client.create(CustomResourceDefinitions, definition);
      const { client, informers, log } = cluster;
      // Fails as long as it is told so.
      const kubelet = createFakeKubelet(cluster, (node, pod) => {
        const main = pod.spec.containers.find(({ name }) => name === "main");
        return /bad/.test(node) && main?.args?.[0] === "1" ? { exitCode: 1 } : {};
      });
      return [...createWorkflowOperator({ client, informers, log }), kubelet];
    },
  });
  const { url } = await cluster.listen();
  const context = { name: "c", context: { cluster: "c", user: "u" } };
  const config = {
    clusters: [{ name: "c", cluster: { server: url } }],
    users: [{ name: "u", user: {} }],
    contexts: [context],
    "current-context": "c",
  };
  const kubeconfig = join(directory, "kubeconfig");
  writeFileSync(kubeconfig, JSON.stringify(config));
  return {
    cluster,
    file(name: string, text: string) {
      writeFileSync(join(directory, name), text);
      return join(directory, name);
    },
    run: (...args: string[]) => capstan(["workflow", ...args, "--kubeconfig", kubeconfig]),
    async [Symbol.asyncDispose]() {
      await cluster[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

test("a workflow is submitted, seen, retried, answered, and deleted", async () => {
  await using world = await scene();
  const { run, cluster } = world;
  const file = world.file("wf.yaml", header("Workflow", "wf") + body);
  const [dry, submitted] = [await run("submit", file, "--dry-run", "-o", "name"), await run("submit", file, "--wait")];
  assert.equal(dry.stdout, "wf\n", dry.stderr);
  assert.equal(submitted.code, 1, submitted.stderr);
  assert.match(submitted.stdout, /^wf Failed at /);
  const [list, get, typo] = await Promise.all([
    run("list", "--status", "Failed"),
    run("get", "@latest"),
    run("get", "wf", "--node-field-selector", "phas=Failed"),
  ]);
  assert.match(
    list.stdout,
    /^NAME +STATUS +AGE +DURATION +PRIORITY +MESSAGE\nwf +Failed +\d+s +\d+s +0 +child 'wf-\d+' failed\n$/,
  );
  assert.match(
    get.stdout,
    /\nSTEP +TEMPLATE +PODNAME +DURATION +MESSAGE\n ✖ wf +main .*\n ├───✔ good +pod +wf-pod-\d+ +\d+s\n └───✖ bad /,
  );
  assert.match(typo.stderr, /nodes have no field phas; did you mean phase\?/);
  assert.equal((await run("retry", "wf", "-p", "code=0", "-o", "name")).stdout, "wf\n");
  const waits = (workflow: Workflow | undefined) =>
    Object.values(workflow?.status?.nodes ?? {}).some(
      ({ type, phase, outputs }) => type === "Suspend" && phase === "Running" && outputs,
    );
  await cluster.until(Workflows, { namespace: "default", name: "wf" }, waits);
  const selector = ["--node-field-selector", "displayName=ask"];
  const [early, wrong] = await Promise.all([
    run("resume", "wf"),
    run("node", "set", "wf", "-p", "answer=maybe", ...selector),
  ]);
  assert.match(early.stderr, /outputs\.parameters\.answer of ask has no value .*node set wf -p answer=VALUE/);
  assert.match(wrong.stderr, /"maybe" is none of yes, no/);
  assert.equal(
    (await run("node", "set", "wf", "-p", "answer=yes", "--phase", "Succeeded", ...selector)).stdout,
    "workflow values set\n",
  );
  assert.match((await run("wait", "wf")).stdout, /^wf Succeeded at /);
  const [over, gone] = [await run("stop", "wf"), await run("delete", "--completed", "--prefix", "w")];
  assert.match(over.stderr, /default\/wf is over/);
  assert.equal(gone.stdout, "Workflow 'wf' deleted\n");
  assert.equal((await run("list")).stdout, "No workflows found\n");
});

test("templates and crons are kept, and submitted from", async () => {
  await using world = await scene();
  const { run } = world;
  const template = world.file("t.yaml", header("WorkflowTemplate", "lib") + body);
  const cron = world.file(
    "c.yaml",
    `${header("CronWorkflow", "nightly")}spec:\n  schedules: ["0 6 * * *"]\n  workflowSpec:\n${body.replace(/^spec:\n/, "").replace(/^/gm, "  ")}`,
  );
  assert.match((await run("template", "create", template)).stdout, /^Name: +lib\nNamespace: +default\nCreated: /);
  const [from, typo, created] = await Promise.all([
    run("submit", "--from", "workflowtemplate/lib", "-p", "code=0", "--name", "x", "-o", "name"),
    run("submit", "--from", "workflowtemplate/lib", "-p", "cod=0"),
    run("cron", "create", cron),
  ]);
  assert.equal(from.stdout, "x\n", from.stderr);
  assert.match(typo.stderr, /no parameter cod; did you mean code/);
  assert.match(created.stdout, /^Schedules: +0 6 \* \* \*$/m);
  const period = ["--start", "2026-01-01T00:00:00Z", "--end", "2026-01-03T00:00:00Z", "--name", "b"];
  const [many, filled] = [
    await run("cron", "backfill", "nightly", ...period, "--maxworkflowcount", "1"),
    await run("cron", "backfill", "nightly", ...period),
  ];
  assert.match(many.stderr, /2 times are in that period, more than --maxworkflowcount 1/);
  assert.match(
    filled.stdout,
    /^Created 2 workflows .*\nNAMESPACE +WORKFLOW +SCHEDULED TIME\ndefault +nightly-backfill-b-1767247200 +2026-01-01T06:00:00Z\n/,
  );
  const [suspended, removed] = [await run("cron", "suspend", "nightly"), await run("cron", "delete", "nightly")];
  assert.deepEqual(
    [suspended.stdout, removed.stdout],
    ["CronWorkflow 'nightly' suspended\n", "CronWorkflow 'nightly' deleted\n"],
  );
});

test("every verb teaches itself, and wrong words are refused", async () => {
  const overview = await capstan(["workflow", "--help"]);
  const names = [...overview.stdout.matchAll(/^ {2}([a-z-]+) {2,}/gm)].map(([, name = ""]) => name);
  assert.ok(names.length > 18);
  const { findVerb } = await import("../../apps/capstan/commands/workflow/verbs.ts");
  for (const name of names) {
    const { help } = await findVerb(name).load();
    assert.match(help, new RegExp(`^Usage: capstan workflow ${name} `), name);
    assert.match(help, /\nTry:\n {2}capstan workflow /, name);
  }
  const wrong = await capstan(["workflow", "submt"]);
  assert.deepEqual([wrong.code, /did you mean "submit"/.test(wrong.stderr)], [2, true]);
});
