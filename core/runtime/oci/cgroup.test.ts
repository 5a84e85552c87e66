import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Cgroups, openCgroups, sweepCgroups } from "./cgroup.ts";
import type { Hierarchies } from "./cgroup-tree.ts";

const base = mkdtempSync(join(tmpdir(), "capstan-cgroup-"));
after(() => rmSync(base, { recursive: true, force: true }));

const limits = { cpuShares: 1024, cpuLimit: 0.5, memoryLimit: 1 << 26, pidsLimit: 50 };

/** The kernel's files as plain ones: what is written where, and what is read from where. */
function open(name: string, controllers: string[]): { groups: Cgroups; root: string } {
  const root = join(base, name);
  const at = (controller: string) => join(root, controller);
  for (const controller of controllers) mkdirSync(at(controller), { recursive: true });
  const limiting = new Map(controllers.map((one) => [one, { root: at(one), own: "/agent" }]));
  const hierarchies: Hierarchies = { limiting, roots: controllers.map(at) };
  const groups = openCgroups("capstan1-x", hierarchies);
  assert.ok(groups);
  return { groups, root };
}

test("the unified hierarchy: limits, numbers, and all of a container killed for want of memory", () => {
  const { groups, root } = open("unified", [""]);
  const group = groups.create("id", limits);
  const directory = join(root, "capstan1-x/id");
  const read = (file: string) => readFileSync(join(directory, file), "utf8");
  const files = ["cpu.weight", "cpu.max", "memory.max", "memory.oom.group", "pids.max"];
  assert.deepEqual(files.map(read), ["39", "50000 100000", String(1 << 26), "1", "50"]);
  assert.equal(readFileSync(join(root, "capstan1-x/cgroup.subtree_control"), "utf8"), "+cpu +memory +pids");
  assert.deepEqual([group.path, groups.home], ["/capstan1-x/id", []]);
  const write = (file: string, text: string) => writeFileSync(join(directory, file), text);
  write("cpu.stat", "usage_usec 1500\nuser_usec 1000\n");
  write("memory.current", "9000\n");
  write("memory.stat", "anon 1\ninactive_file 4000\n");
  write("pids.current", "3\n");
  write("memory.events", "low 0\noom 1\noom_kill 0\n");
  assert.deepEqual(group.usage(), {
    cpuNanoseconds: 1_500_000,
    memoryUsageBytes: 9000,
    memoryWorkingSetBytes: 5000,
    processes: 3,
  });
  assert.equal(group.oomKilled(), false);
  write("memory.events", "oom 1\noom_kill 1\n");
  assert.equal(group.oomKilled(), true);
  write("cgroup.procs", "12\n13\n");
  assert.deepEqual(group.processes(), [12, 13]);
  group.unthrottle();
  assert.equal(read("cpu.max"), "max");
  assert.equal(groups.createHolder("pod"), join(root, "capstan1-x/pod"));
  assert.deepEqual(groups.names().sort(), ["id", "pod"]);
});

test("a pod's limits are those of a group around its containers' groups", () => {
  const { groups, root } = open("pods", [""]);
  groups.createPod("p.pod", { cpuLimit: 2, memoryLimit: 1 << 27 });
  const group = groups.create("p.pod/c", { memoryLimit: 1 << 20 });
  const read = (file: string) => readFileSync(join(root, "capstan1-x/p.pod", file), "utf8");
  assert.deepEqual(["cpu.max", "memory.max", "cgroup.subtree_control", "c/memory.max"].map(read), [
    "200000 100000",
    String(1 << 27),
    "+cpu +memory +pids",
    String(1 << 20),
  ]);
  assert.throws(() => read("memory.oom.group"), "one container's end is not the others'");
  assert.equal(group.path, "/capstan1-x/p.pod/c");
  assert.deepEqual(groups.names(), ["p.pod"]);
});

test("version 1: each controller has its own, and holders are in one of them", () => {
  const { groups, root } = open("first", ["cpu", "cpuacct", "memory", "pids"]);
  const group = groups.create("id", limits);
  const read = (path: string) => readFileSync(join(root, path.replace("/", "/capstan1-x/id/")), "utf8");
  const files = ["cpu/cpu.shares", "cpu/cpu.cfs_quota_us", "memory/memory.limit_in_bytes", "pids/pids.max"];
  assert.deepEqual(files.map(read), ["1024", "50000", String(1 << 26), "50"]);
  group.unthrottle();
  assert.equal(read("cpu/cpu.cfs_quota_us"), "-1");
  const write = (path: string, text: string) => writeFileSync(join(root, path.replace("/", "/capstan1-x/id/")), text);
  write("cpuacct/cpuacct.usage", "77\n");
  write("memory/memory.usage_in_bytes", "100\n");
  write("memory/memory.stat", "inactive_file 1\ntotal_inactive_file 30\n");
  write("memory/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
  const { cpuNanoseconds, memoryWorkingSetBytes } = group.usage();
  assert.deepEqual([cpuNanoseconds, memoryWorkingSetBytes, group.oomKilled()], [77, 70, true]);
  assert.equal(groups.createHolder("pod"), join(root, "pids/capstan1-x/pod"));
  assert.deepEqual(
    groups.home,
    ["cpu", "cpuacct", "memory"].map((one) => join(root, one, "agent")),
  );
});

test("without a hierarchy that can be written there are no limits", () => {
  assert.equal(openCgroups("capstan1-x", { limiting: new Map(), roots: [] }), undefined);
  const none = new Map([["memory", { root: "/sys/none", own: "/" }]]);
  assert.equal(openCgroups("capstan1-x", { limiting: none, roots: [] }), undefined);
});

const freezer = "/sys/fs/cgroup/freezer";
const cannotFreeze = process.getuid?.() === 0 && existsSync(freezer) ? false : `there is no ${freezer} for root`;

test("what a killed runc left frozen is ended too", { skip: cannotFreeze }, async () => {
  const name = `capstantest${process.pid}`;
  const group = join(freezer, name);
  mkdirSync(group);
  const child = spawn("sleep", ["1000"]);
  const gone = once(child, "exit");
  writeFileSync(join(group, "cgroup.procs"), String(child.pid));
  writeFileSync(join(group, "freezer.state"), "FROZEN");
  assert.equal(await sweepCgroups(name), true);
  await gone;
  assert.ok(!existsSync(group));
});
