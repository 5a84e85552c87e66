// An agent that is killed at any moment of its pods' lives leaves nothing that the next one, or a clean-up, does not end.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { silent } from "@capstan/base/log";
import { programsMissing } from "@capstan/testing/programs";
import { instancePrefix, removeLeftovers, sweepInstances } from "../leftovers.ts";
import { allocateInstanceNetwork, type InstanceNetwork } from "../network/instance.ts";
import { canBridge, createRuntime } from "../runtime.ts";
import { findHierarchies } from "./cgroup-tree.ts";

const skip = canBridge() ? (programsMissing("runc") ?? false) : "networks of their own need root and the program ip";
const base = mkdtempSync(join(tmpdir(), "capstan-chaos-"));
const registry = join(base, "registry");
after(() => rmSync(base, { recursive: true, force: true }));

// Makes pods, ends and removes them without a pause, half of them by each launcher, until it is killed.
const agent = `
  import { silent } from "@capstan/base/log";
  import { allocateInstanceNetwork, createRuntime } from "@capstan/core/runtime";
  const [dataDir, registry, launcher, net] = process.argv.slice(1);
  const network = allocateInstanceNetwork(dataDir, { bridged: net === "bridge", registry });
  const { runtime, ready, start } = createRuntime({ dataDir, network, launcher, log: silent });
  void start(new AbortController().signal);
  await ready;
  for (const pod of runtime.listPodSandboxes().slice(3)) await runtime.removePodSandbox(pod.id);
  console.log("ready");
  for (let round = 0; ; round++) {
    const namespaces = round % 3 === 0 ? { sharePID: true } : round % 3 === 1 ? { hostNetwork: true, hostPID: true } : {};
    const pod = await runtime.runPodSandbox({ name: "p", namespace: "n", uid: "u" + round, hostname: "h", labels: {}, namespaces });
    for (const [attempt, script] of ["echo said; exec sleep 1000", "echo said; sleep 0.01; exit 3"].entries()) {
      const id = await runtime.createContainer(pod.id, { name: "c", attempt, image: "capstan/host", command: ["sh", "-c", script],
        env: [], mounts: [], labels: {}, logPath: dataDir + "/" + process.pid + "-" + round + "-" + attempt + ".log" });
      await runtime.startContainer(id);
      if (attempt === 0) void runtime.execSync(id, ["sleep", "0.02"]).catch(() => undefined);
    }
    if (round % 2 === 0) await runtime.removePodSandbox(pod.id);
  }
`;

/** Runs the agent and kills it some milliseconds after it is ready. */
async function runAndKill(dataDir: string, launcher: string, moment: number, net = "bridge"): Promise<void> {
  const words = ["--input-type=module", "-e", agent, dataDir, registry, launcher, net];
  const child = spawn(process.execPath, words, { cwd: import.meta.dirname, stdio: ["ignore", "pipe", "pipe"] });
  let errors = "";
  child.stderr.on("data", (data) => (errors += data));
  const closed = once(child, "close");
  await Promise.race([once(child.stdout, "data"), closed.then(() => assert.fail(errors))]);
  await new Promise((resolve) => setTimeout(resolve, moment));
  child.kill("SIGKILL");
  await closed;
  assert.equal(errors, "");
}

/** What of an instance is on the machine. */
function found(dataDir: string, network: InstanceNetwork): string[] {
  const bridge = network.bridge ?? "none";
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const lines = pids.map((pid) => readOf(`/proc/${pid}/cmdline`).replaceAll("\0", " "));
  const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
  const groups = findHierarchies().roots.flatMap((root) => readdirSync(root).map((name) => join(root, name)));
  return [
    ...lines.filter((line) => line.includes(dataDir)),
    ...mounts.filter((line) => line.includes(dataDir)),
    ...groups.filter((path) => path.includes(`/${instancePrefix(network)}`)),
    ...Object.keys(networkInterfaces()).filter((name) => name === bridge),
    ...readOf("/proc/net/dev")
      .split("\n")
      .filter((line) => line.trim().startsWith(`${bridge}:`)),
  ];
}

function readOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}

/** What is still there when the parents of what was killed have had the time to notice it. */
async function left(dataDir: string, network: InstanceNetwork): Promise<string[]> {
  const end = Date.now() + 5000;
  for (;;) {
    const now = found(dataDir, network);
    if (now.length === 0 || Date.now() > end) return now;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const networkOf = (dataDir: string) =>
  JSON.parse(readFileSync(join(dataDir, "network.json"), "utf8")) as InstanceNetwork;

test("the next agent goes on with what runs, and ends all of it", { skip }, async () => {
  const dataDir = join(base, "next");
  mkdirSync(dataDir);
  for (const launcher of ["runc", "unshare", "runc", "unshare"])
    await runAndKill(dataDir, launcher, Math.random() * 250);
  const network = allocateInstanceNetwork(dataDir, { bridged: true, registry });
  const stop = new AbortController();
  const { runtime, ready, start } = createRuntime({ dataDir, network, log: silent });
  const over = start(stop.signal);
  await ready;
  const running = runtime.listContainers().filter(({ state }) => state === "running");
  for (const { id } of running) assert.equal((await runtime.execSync(id, ["true"])).exitCode, 0);
  stop.abort();
  await over;
  assert.deepEqual(await left(dataDir, network), []);
});

test("a clean-up ends what nobody goes on with, with or without the data directory", { skip }, async () => {
  const dataDir = join(base, "kept");
  mkdirSync(dataDir);
  await runAndKill(dataDir, "auto", 100 + Math.random() * 100);
  const network = networkOf(dataDir);
  assert.notDeepEqual(found(dataDir, network), []);
  assert.equal(await removeLeftovers(dataDir), true);
  assert.deepEqual(await left(dataDir, network), []);
  assert.equal(await removeLeftovers(dataDir), false);

  await runAndKill(dataDir, "auto", 100 + Math.random() * 100);
  rmSync(dataDir, { recursive: true, force: true });
  await sweepInstances({ bridged: true, registry });
  assert.deepEqual(await left(dataDir, network), []);
  assert.deepEqual(
    readdirSync(registry).filter((name) => readOf(join(registry, name)).includes("kept")),
    [],
  );
});

test("so it does where pods share the machine's network", { skip }, async () => {
  const dataDir = join(base, "shared");
  for (const remove of [
    async () => assert.equal(await removeLeftovers(dataDir), true),
    async () => {
      rmSync(dataDir, { recursive: true, force: true });
      await sweepInstances({ bridged: false, registry });
    },
  ]) {
    mkdirSync(dataDir, { recursive: true });
    await runAndKill(dataDir, "auto", 100, "loopback");
    const network = networkOf(dataDir);
    assert.notDeepEqual(found(dataDir, network), []);
    await remove();
    assert.deepEqual(await left(dataDir, network), []);
  }
});
