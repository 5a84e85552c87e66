// The programs as containers of a pod without a node: argoexec runs the step's own, and a directory is the shared volume.
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { CustomResourceDefinitions } from "@capstan/api/generated/resources";
import { type Template, WorkflowTaskResults, workflowDefinitions } from "@capstan/api/kinds/workflow";
import { sharedPath, wrapCommand } from "@capstan/api/kinds/workflow-pod";
import { TestCluster } from "@capstan/testing/cluster";
import { buildArgoexec, compilerMissing } from "../argoexec/build.ts";
import { runProgram } from "../program.ts";
import { openPodContainer } from "./index.ts";
import { createPlaces } from "./places.ts";

const skip = compilerMissing() ?? false;
const root = mkdtempSync(join(tmpdir(), "capstan-pod-"));
const argoexec = join(root, "argoexec");
const account = "/var/run/secrets/kubernetes.io/serviceaccount";
const children = new Set<ChildProcess>();
let cluster: TestCluster | undefined;

before(async () => {
  if (skip) return;
  buildArgoexec(argoexec);
  mkdirSync(join(root, "account"));
  writeFileSync(join(root, "account/token"), "token");
  cluster = await TestCluster.start({
    async parts({ client }) {
      for (const definition of workflowDefinitions) await client.create(CustomResourceDefinitions, definition);
      return [];
    },
  });
});
after(async () => {
  for (const child of children) child.kill("SIGKILL");
  await cluster?.[Symbol.asyncDispose]();
  rmSync(root, { recursive: true, force: true });
});

/** A pod whose containers are processes. */
function pod(template: Template, nodeId: string) {
  const directory = mkdtempSync(join(root, "p-"));
  const shared = join(directory, "shared");
  const start = (args: string[]) => {
    const child = spawn(argoexec, args, { env: { ...process.env, ARGOEXEC_SHARED: shared }, stdio: "ignore" });
    children.add(child);
    return child;
  };
  const printed: string[] = [];
  return {
    directory,
    shared,
    printed,
    async init(...names: string[]) {
      await once(start(["init", `--containers=${names.join(",")}`, "--stage-only"]), "close");
    },
    run: (name: string, script: string, saves: string[] = []) =>
      start(wrapCommand(["sh", "-c", script], { name, capture: true, saves }).slice(1)),
    async started(name: string) {
      const watching = watch(join(shared, "ctr", name));
      while (!existsSync(join(shared, "ctr", name, "started"))) await once(watching, "change");
      watching.close();
    },
    async execute(verb: "init" | "wait", signal = new AbortController().signal) {
      const env = {
        ARGO_TEMPLATE: JSON.stringify(template).slice(0, 20),
        ARGO_TEMPLATE_1: JSON.stringify(template).slice(20),
        ARGO_NODE_ID: nodeId,
        ARGO_WORKFLOW_NAME: "wf",
        ARGO_WORKFLOW_UID: "u",
        ARGO_INCLUDE_SCRIPT_OUTPUT: "true",
        ARGO_CONTAINER_NAME: verb,
      };
      const mounts = [
        { at: sharedPath, host: shared },
        { at: account, host: join(root, "account") },
        { at: "/argo/staging", host: join(directory, "staging") },
        { at: "/mainctrfs/data", host: join(directory, "data") },
      ];
      const print = (text: string) => void printed.push(text);
      const options = { args: [verb], env, signal, print, namespace: "default", shared, mounts };
      using opened = await openPodContainer(options, template);
      const handler: TestCluster["handler"] = (request) =>
        (cluster as TestCluster).handler({ ...request, principal: { name: "admin", groups: ["system:masters"] } });
      return await runProgram(opened.container, handler, join(directory, "artifacts"));
    },
    outputs: async () =>
      (await cluster?.client.get(WorkflowTaskResults, { namespace: "default", name: nodeId }))?.outputs,
  };
}

test("init stages, wait collects from main's root and volumes, and ends side-cars", { skip }, async () => {
  const made = join(root, "made");
  const one = pod(
    {
      script: { image: "i", source: "echo" },
      sidecars: [{ name: "side", image: "i" }],
      archiveLocation: { file: { key: "wf/pod" } },
      outputs: {
        parameters: [
          { name: "p", valueFrom: { path: `${made}/p` } },
          { name: "v", valueFrom: { path: "/data/v" } },
        ],
        artifacts: [{ name: "a", path: `${made}/d`, archive: { none: {} } }],
      },
    } as Template,
    "collects",
  );
  await one.init("main", "side");
  assert.equal(await one.execute("init"), 0, one.printed.join());
  assert.equal(readFileSync(join(one.directory, "staging/script"), "utf8"), "echo");
  mkdirSync(join(one.directory, "data"));
  writeFileSync(join(one.directory, "data/v"), "on a volume");
  const waiting = one.execute("wait");
  const side = one.run("side", "trap 'exit 9' TERM; while :; do sleep 0.02; done");
  one.run("main", `mkdir -p ${made}/d; echo x >${made}/d/x; echo v >${made}/p; echo result`, [
    `${made}/p`,
    `${made}/d`,
  ]);
  const [[code]] = (await Promise.all([once(side, "close"), waiting])) as [[number], number];
  // It may be asked before its shell has set the trap.
  assert.ok([9, 143].includes(code), String(code));
  assert.equal(await waiting, 0, one.printed.join());
  const outputs = await one.outputs();
  assert.equal(outputs?.result, "result");
  assert.deepEqual(
    outputs?.parameters?.map(({ value }) => value),
    ["v", "on a volume"],
  );
  assert.equal(readFileSync(join(one.directory, "artifacts/default/wf/pod/d/x"), "utf8"), "x\n");
});

test("wait learns of a main container that was killed with all that was in it", { skip }, async () => {
  const one = pod({ container: { image: "i" } } as Template, "killed");
  await one.init("main");
  const waiting = one.execute("wait");
  const main = one.run("main", "read -r _");
  await one.started("main");
  main.kill("SIGKILL");
  assert.equal(await waiting, 0);
  assert.equal((await one.outputs())?.result, "");
  const late = one.execute("wait");
  assert.equal(await late, 0, "and one that starts after it");
});

test("what a container puts in the place of its own log is not followed out of the volume", { skip }, async () => {
  const one = pod({ container: { image: "i" } } as Template, "linked");
  await one.init("main");
  writeFileSync(join(one.directory, "secret"), "secret");
  const stdout = join(one.shared, "ctr/main/stdout");
  const main = one.run("main", `rm ${stdout}; ln -s ${join(one.directory, "secret")} ${stdout}`);
  await once(main, "close");
  assert.equal(await one.execute("wait"), 0, one.printed.join());
  assert.equal((await one.outputs())?.result, "");
  const two = pod({ container: { image: "i" } } as Template, "piped");
  await two.init("main");
  const pipe = join(two.shared, "ctr/main/stdout");
  await once(two.run("main", `rm ${pipe}; mkfifo ${pipe}`), "close");
  await assert.rejects(two.execute("wait"), /what main printed is no regular file/);
});

test("a wait that is told to end leaves nothing half written", { skip }, async () => {
  const one = pod(
    { container: { image: "i" }, outputs: { parameters: [{ name: "p", valueFrom: { path: "/p" } }] } } as Template,
    "ended",
  );
  await one.init("main");
  const stop = new AbortController();
  const waiting = one.execute("wait", stop.signal);
  stop.abort();
  assert.equal(await waiting, 143);
});

test("no link of a step leads out of what it left", () => {
  const outputs = mkdtempSync(join(root, "o-"));
  symlinkSync("/etc", join(outputs, "away"));
  const place = createPlaces("wait", [{ at: "/mainctrfs/data", host: join(root, "data") }], outputs);
  assert.equal(place("main", "/away/passwd"), join(outputs, "etc/passwd"));
  assert.equal(place("main", "/data/../../x"), join(outputs, "x"));
  assert.equal(place("main", "/data/y"), join(root, "data/y"));
  assert.throws(() => place("wait", "/etc/passwd"), /on none of its volumes/);
});
