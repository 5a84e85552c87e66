// Workflows without a cluster: one command, as a step of a CI pipeline has it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { capstan } from "./instance.ts";

const header = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\n";
const pipeline = `${header}metadata: {generateName: ci-}
spec:
  entrypoint: main
  arguments: {parameters: [{name: code, value: "0"}]}
  templates:
  - name: main
    steps:
    - [{name: build, templateRef: {name: lib, template: build}}]
    - - name: check
        template: check
        arguments: {artifacts: [{name: it, from: "{{steps.build.outputs.artifacts.it}}"}]}
  - name: check
    inputs: {artifacts: [{name: it, path: /tmp/it}]}
    container: {image: ci/image, command: [sh, -c, "cat /tmp/it; exit {{workflow.parameters.code}}"]}
`;
const lib = `apiVersion: argoproj.io/v1alpha1
kind: WorkflowTemplate
metadata: {name: lib}
spec:
  templates:
  - name: build
    outputs: {artifacts: [{name: it, path: /tmp/it, archive: {none: {}}}]}
    container: {image: ci/image, command: [sh, -c, "echo building; echo built > /tmp/it"]}
`;
const endless = `${header}metadata: {name: endless}
spec:
  entrypoint: main
  onExit: bye
  templates:
  - {name: main, container: {image: i, command: [sh, -c, "echo begun; exec sleep 1000"]}}
  - {name: bye, container: {image: i, command: [sh, -c, "echo cleaned up"]}}
`;

/** Modules are compiled once, not for each directory of temporary files. */
const cache = process.env.NODE_COMPILE_CACHE ?? join(tmpdir(), "node-compile-cache");
const environment = (temporary: string) => ({ TMPDIR: temporary, NODE_COMPILE_CACHE: cache });

function files(): { directory: string; temporary: string; path(name: string): string } & Disposable {
  const directory = mkdtempSync(join(tmpdir(), "workflow-run-"));
  const temporary = mkdtempSync(join(tmpdir(), "workflow-run-tmp-"));
  const path = (name: string) => join(directory, name);
  writeFileSync(path("ci.yaml"), pipeline);
  writeFileSync(path("lib.yaml"), lib);
  writeFileSync(path("endless.yaml"), endless);
  writeFileSync(path("wrong.yaml"), pipeline.replace("template: check", "template: chek"));
  writeFileSync(path("broken.yaml"), "kind: [Workflow");
  return {
    directory,
    temporary,
    path,
    [Symbol.dispose]() {
      for (const one of [directory, temporary]) rmSync(one, { recursive: true, force: true });
    },
  };
}

test("steps run with templates of another file, their logs and artifacts come out, and nothing is left", async () => {
  using scene = files();
  const { path, temporary } = scene;
  const args = ["workflow", "run", path("ci.yaml"), path("lib.yaml"), "--host-images"];
  const good = await capstan([...args, "--output-dir", path("out")], environment(temporary));
  assert.equal(good.code, 0, good.stderr);
  assert.match(good.stdout, /^build: building\ncheck: built\n/);
  assert.match(good.stdout, /✔ ci-\w+ +main\n ├───✔ build +lib\/build +ci-\w+-build-\d+ +\d+s\n └───✔ check /);
  assert.equal(readFileSync(path("out/build/it"), "utf8"), "built\n");
  const bad = await capstan([...args, "-p", "code=3"], environment(temporary));
  assert.equal(bad.code, 1);
  assert.match(bad.stdout, /✖ check .*main: Error \(exit code 3\)/);
  assert.match(bad.stderr, /^ci-\w+: Failed/m);
  assert.deepEqual(readdirSync(temporary), []);
});

test("input that is wrong is told by its place, before anything runs", async () => {
  using scene = files();
  const run = (...args: string[]) => capstan(["workflow", "run", ...args], environment(scene.temporary));
  const [wrong, broken, absent, parameter] = await Promise.all([
    run(scene.path("wrong.yaml"), scene.path("lib.yaml")),
    run(scene.path("broken.yaml")),
    run(scene.path("none.yaml")),
    run(scene.path("ci.yaml"), scene.path("lib.yaml"), "-p", "cod=1"),
  ]);
  assert.match(wrong.stderr, /^spec\.templates\[0\]\.steps\[1\]\[0\]\.template: .*chek/m);
  assert.match(broken.stderr, /broken\.yaml: .*line 1|broken\.yaml: .*line 2/);
  assert.match(absent.stderr, /none\.yaml/);
  assert.match(parameter.stderr, /no parameter cod; did you mean code/);
  for (const { code, stdout } of [wrong, broken, absent, parameter]) assert.deepEqual([code, stdout], [2, ""]);
  assert.deepEqual(readdirSync(scene.temporary), []);
});

test("Ctrl-C ends the steps at once and lets the exit handler run", async () => {
  using scene = files();
  const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;
  const args = [bin, "workflow", "run", scene.path("endless.yaml"), "--host-images"];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...environment(scene.temporary) } });
  let stdout = "";
  child.stdout.on("data", (chunk) => {
    stdout += chunk;
    if (stdout === "endless: begun\n") child.kill("SIGINT");
  });
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 130);
  assert.match(stdout, /^onExit: cleaned up$/m);
  assert.match(stdout, /✖ endless .*Stop/);
  assert.deepEqual(readdirSync(scene.temporary), []);
});

test("what a killed run has left goes with the next one", async () => {
  using scene = files();
  const bin = new URL("../../apps/capstan/bin.js", import.meta.url).pathname;
  const args = [bin, "workflow", "run", scene.path("endless.yaml"), "--host-images"];
  const child = spawn(process.execPath, args, { env: { ...process.env, ...environment(scene.temporary) } });
  child.stdout.once("data", () => child.kill("SIGKILL"));
  await once(child, "close");
  const [left = ""] = readdirSync(scene.temporary);
  assert.match(left, /^capstan-run-\d+-/);
  const holders = () =>
    readdirSync("/proc").filter((pid) => /^\d+$/.test(pid) && commandOf(pid).includes(join(scene.temporary, left)));
  assert.ok(holders().length > 0, "containers outlive the process");
  const next = await capstan(["workflow", "run", scene.path("broken.yaml")], environment(scene.temporary));
  assert.equal(next.code, 2);
  const { code } = await capstan(
    ["workflow", "run", scene.path("ci.yaml"), scene.path("lib.yaml"), "--host-images"],
    environment(scene.temporary),
  );
  assert.equal(code, 0);
  assert.deepEqual([holders(), readdirSync(scene.temporary)], [[], []]);
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    // It has ended meanwhile.
    return "";
  }
}
