// The argo command line against the embedded API, without an Argo server; and what capstan workflow says to the same.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { createClient, waitFor } from "@capstan/core/client";
import { openKubeconfig } from "@capstan/core/wire";
import * as manifests from "./manifests.ts";
import { Scene, still } from "./scene.ts";

let scene: Scene;
before(async () => {
  scene = await Scene.start();
});
after(() => scene[Symbol.asyncDispose]());

const argo = (...args: string[]) => scene.argo(...args);
const ours = (...args: string[]) => scene.ours(...args);

/** Both say the same, in the same columns. */
async function same(...args: string[]): Promise<string> {
  const [theirs, own] = await Promise.all([argo(...args), ours(...args)]);
  assert.equal(theirs.code, 0, theirs.stderr);
  assert.equal(own.code, 0, own.stderr);
  assert.equal(still(own.stdout), still(theirs.stdout), args.join(" "));
  return theirs.stdout;
}

async function ok(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await argo(...args);
  assert.equal(code, 0, `argo ${args.join(" ")}: ${stderr}`);
  return stdout;
}

async function until(name: string, wanted: (workflow: Workflow) => boolean): Promise<void> {
  const { transport } = await openKubeconfig(scene.instance.kubeconfig);
  try {
    const client = createClient(transport.handler);
    await waitFor(client, Workflows, { namespace: "default", name }, wanted, AbortSignal.timeout(30_000));
  } finally {
    transport.close();
  }
}
const someNode = (workflow: Workflow, type: string) =>
  Object.values(workflow.status?.nodes ?? {}).some((node) => node.type === type && node.phase === "Running");
const untilSuspended = (name: string) => until(name, (workflow) => someNode(workflow, "Suspend"));
const untilRunning = (name: string) => until(name, (workflow) => someNode(workflow, "Pod"));
/** It is in the archive: nobody writes it any more. The argo command line does not try again after a conflict. */
const untilKept = (name: string) =>
  until(name, ({ metadata }) => metadata.labels?.["workflows.argoproj.io/workflow-archiving-status"] !== "Pending");

test("submit, watch, get, list and logs", async () => {
  const file = scene.file("pipeline.yaml", manifests.pipeline);
  const watched = await ok("submit", file, "--name", "first", "--watch");
  assert.match(watched, /Status: +Succeeded/);
  await same("get", "first");
  await same("get", "first", "-o", "wide");
  await same("get", "first", "--status", "Succeeded");
  await same("get", "first", "--node-field-selector", "templateName=say");
  await same("get", "first", "-o", "short");
  assert.equal(await same("get", "first", "-o", "name"), "first\n");
  const json = async (run: typeof argo) => JSON.parse((await run("get", "first", "-o", "json")).stdout);
  assert.deepEqual((await json(ours)).status.nodes, (await json(argo)).status.nodes);
  await same("list");
  await same("list", "-o", "wide");
  await same("list", "-o", "name", "--prefix", "fi");
  await same("list", "--status", "Succeeded", "--no-headers");
  await same("list", "--since", "1h", "-l", "workflows.argoproj.io/completed=true");
  assert.match(await same("list", "--running"), /No workflows found/);
  const lines = (await same("logs", "first"))
    .trim()
    .split("\n")
    .map((line) => line.replace(/^\S+ /, ""));
  assert.deepEqual(
    lines,
    ["one", "item 1", "item 2", "last"].sort((a, b) => lines.indexOf(a) - lines.indexOf(b)),
  );
  assert.equal(lines[0], "one");
  assert.equal(lines.at(-1), "last");
  await same("logs", "first", "--grep", "item 2");
  assert.equal((await argo("get", "none")).code, 1);
  assert.equal((await ours("get", "none")).code, 1);
});

test("submit with parameters, logs and from a template", async () => {
  const file = scene.file("pipeline.yaml", manifests.pipeline);
  const logged = await ok("submit", file, "--name", "second", "-p", "message=two", "--log");
  assert.match(logged, /second-say-\d+: two\n/);
  assert.match(await ok("wait", "second"), /second Succeeded at /);
  assert.match((await ours("wait", "second")).stdout, /second Succeeded at /);
  const lib = scene.file("lib.yaml", manifests.template);
  await ok("template", "create", lib);
  assert.match(await same("template", "list"), /^lib\s*$/m);
  await same("template", "get", "lib");
  await same("template", "get", "lib", "-o", "name");
  const from = await ok("submit", "--from", "workflowtemplate/lib", "-p", "message=three", "--wait", "-o", "name");
  assert.match(from, /^lib-\w+/);
  const own = await ours("submit", "--from", "workflowtemplate/lib", "-p", "message=four", "--log");
  assert.equal(own.code, 0, own.stderr);
  assert.match(own.stdout, /four\n/);
  await ok("template", "update", lib);
  assert.match(await ok("template", "delete", "lib"), /WorkflowTemplate 'lib' deleted/);
  const wide = scene.file("wide.yaml", manifests.template.replace("kind: W", "kind: ClusterW"));
  await ok("cluster-template", "create", wide);
  assert.match(await ok("cluster-template", "list"), /^lib\s*$/m);
  await ok("submit", "--from", "clusterworkflowtemplate/lib", "--wait");
  assert.match(await ok("cluster-template", "delete", "lib"), /'lib' deleted/);
});

test("logs -f goes on until the workflow is over", async () => {
  const file = scene.file("pipeline.yaml", manifests.pipeline);
  await ok("submit", file, "--name", "followed");
  const [theirs, own] = await Promise.all([argo("logs", "followed", "-f"), ours("logs", "followed", "-f")]);
  const lines = (text: string) => text.trim().split("\n").sort();
  assert.equal(lines(theirs.stdout).length, 4);
  assert.deepEqual(lines(own.stdout), lines(theirs.stdout));
});

test("a workflow that is wrong is refused, and lint says why", async () => {
  const wrong = scene.file("wrong.yaml", manifests.pipeline.replace("template: say}", "template: sya}"));
  for (const args of [
    ["submit", wrong],
    ["lint", "--offline", wrong],
  ])
    assert.equal((await argo(...args)).code, 1, args[0]);
  const own = await ours("submit", wrong);
  assert.equal(own.code, 1);
  assert.match(own.stderr, /did you mean say/);
  const right = scene.file("right.yaml", manifests.pipeline);
  assert.match(await ok("lint", right), /no linting errors found/);
  assert.deepEqual([(await ours("lint", wrong)).code, (await ours("lint", right)).code], [1, 0]);
});

test("suspend, resume, and values that somebody supplies", async () => {
  await ok("submit", scene.file("approval.yaml", manifests.approval), "--name", "asked");
  await untilSuspended("asked");
  assert.match(await same("get", "asked"), /ǁ ask/);
  await same("list", "--running", "-o", "wide");
  assert.match(await ok("suspend", "asked"), /workflow asked suspended/);
  const refused = await ours("node", "set", "asked", "-p", "approve=MAYBE", "--node-field-selector", "displayName=ask");
  assert.match(refused.stderr, /"MAYBE" is none of YES, NO/);
  const set = ["node", "set", "asked", "-p", "approve=YES", "-m", "by Ann", "--node-field-selector", "displayName=ask"];
  assert.match(await ok(...set), /workflow values set/);
  assert.match(await ok("resume", "asked"), /workflow asked resumed/);
  assert.equal((await argo("wait", "asked")).code, 0);
  assert.match(await same("logs", "asked"), /: YES$/m);
  await same("get", "asked");
  await ok("submit", scene.file("approval.yaml", manifests.approval), "--name", "denied");
  await untilSuspended("denied");
  await ok("stop", "denied", "--node-field-selector", "displayName=ask", "--message", "not now");
  assert.equal((await argo("wait", "denied")).code, 1);
  assert.match(await same("get", "denied"), /✖ ask .*not now/);
});

test("stop runs the exit handler, terminate does not, and what is over can be neither", async () => {
  const file = scene.file("endless.yaml", manifests.endless);
  for (const [verb, exits] of [
    ["stop", true],
    ["terminate", false],
  ] as const) {
    await ok("submit", file, "--name", verb);
    const logs = argo("logs", verb, "-f");
    await untilRunning(verb);
    assert.match(await ok(verb, verb), new RegExp(`workflow ${verb} ${verb}p?e?d`));
    assert.equal((await argo("wait", verb)).code, 1);
    assert.equal(/cleaned up/.test((await logs).stdout), exits);
    assert.match(await same("get", verb), /Failed \(Terminated\)/);
    assert.equal((await argo(verb, verb)).code, 1);
    assert.match((await ours(verb, verb)).stderr, /is over/);
  }
});

test("retry and resubmit, of what failed and of what succeeded", async () => {
  const file = scene.file("failing.yaml", manifests.failing);
  for (const [name, run] of [
    ["theirs", argo],
    ["own", ours],
  ] as const) {
    assert.equal((await run("submit", file, "--name", name, "--wait")).code, 1);
    const memoized = await run("resubmit", name, "--memoized", "-p", "code=0", "--wait", "-o", "name");
    assert.equal(memoized.code, 0, memoized.stderr);
    const again = memoized.stdout.split("\n")[0] ?? "";
    assert.match((await argo("get", again)).stdout, /○ good .*original pod: /);
    await untilKept(name);
    const retried = await run("retry", name, "-p", "code=0", "--wait");
    assert.equal(retried.code, 0, retried.stderr);
    await untilKept(name);
    const once = await run(
      "retry",
      name,
      "--restart-successful",
      "--node-field-selector",
      "displayName=good",
      "--wait",
    );
    assert.equal(once.code, 0, once.stderr);
    assert.match((await run("resubmit", name, "--log")).stdout, /good\n/);
    assert.equal((await run("retry", name)).code, 1);
  }
  const tree = async (name: string) =>
    still((await argo("get", name, "-o", "short")).stdout)
      .replaceAll(name, "it")
      .replace(/-\d+/g, "");
  assert.equal(await tree("own"), await tree("theirs"));
});

test("cron workflows", async () => {
  const file = scene.file("cron.yaml", manifests.cron);
  const created = await ok("cron", "create", file);
  assert.match(created, /Schedules: +0 6 \* \* \*/);
  await same("cron", "list");
  await same("cron", "list", "-o", "name");
  const details = (text: string) => still(text).replace(" (assumes workflow-controller is in UTC)", "");
  assert.equal(details((await ours("cron", "get", "nightly")).stdout), details(await ok("cron", "get", "nightly")));
  assert.match(await ok("cron", "suspend", "nightly"), /CronWorkflow 'nightly' suspended/);
  assert.match(await same("cron", "list"), /true\s*$/);
  assert.match(await ok("cron", "resume", "nightly"), /CronWorkflow 'nightly' resumed/);
  const from = await ok("submit", "--from", "cronwf/nightly", "--wait", "-o", "name");
  assert.match(from, /^nightly-\w+/);
  const period = ["--start", "2026-01-01T00:00:00Z", "--end", "2026-01-03T12:00:00Z"];
  const filled = await ours("cron", "backfill", "nightly", ...period, "--name", "jan");
  assert.match(filled.stdout, /Created 3 workflows/);
  const first = `nightly-backfill-jan-${Date.parse("2026-01-01T06:00:00Z") / 1000}`;
  assert.equal((await argo("wait", first)).code, 0);
  assert.match(await ok("logs", first), /at 2026-01-01T06:00:00Z/);
  await ok("cron", "update", file);
  await ok("cron", "delete", "nightly");
  assert.match(await ok("cron", "list", "-o", "name"), /^$/);
});

test("delete", async () => {
  await same("delete", "--completed", "--dry-run", "--prefix", "fir");
  assert.match(await ok("delete", "first"), /Workflow 'first' deleted/);
  assert.match((await ours("delete", "first")).stdout, /Workflow 'first' not found/);
  await ok("delete", "--all");
  assert.match(await same("list"), /No workflows found/);
});
