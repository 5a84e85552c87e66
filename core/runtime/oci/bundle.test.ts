import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Mount } from "../cri.ts";
import { writeBundle } from "./bundle.ts";
import type { Cgroup } from "./cgroup.ts";
import { bindTree } from "./fstab.ts";
import { LayeredRoot } from "./layers.ts";
import type { ContainerPlan } from "./plan.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-bundle-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const device: Mount = { hostPath: "/dev/null", containerPath: "/dev/own", device: true };
const root = join(directory, "root");
const plan: ContainerPlan = {
  id: "id",
  directory,
  argv: ["run", "it"],
  environment: [
    { name: "A", value: "1" },
    { name: "A", value: "2 3" },
  ],
  workingDir: "/work",
  identity: { uid: 5, gid: 6, groups: [7] },
  security: { readonlyRootfs: true, noNewPrivileges: true, dropCapabilities: ["ALL"], addCapabilities: ["KILL"] },
  tty: false,
  root: {
    path: root,
    base: [],
    inner: [
      { source: "proc", target: `${root}/proc`, type: "proc", options: "nosuid,noexec" },
      bindTree("/data", `${root}/data`, { readonly: true, propagation: "HostToContainer" }),
      { source: "/x", target: `${root}/y`, type: "none", options: "bind,X-mount.mkdir" },
    ],
    masked: ["/proc/keys"],
    frozen: ["/proc/sys"],
    mounts: [device],
    view: new LayeredRoot([{ at: "/", directories: [root] }]),
  },
};
const cgroup: Cgroup = {
  directories: new Map([["", "/sys/fs/cgroup/capstan1-x/id"]]),
  path: "/capstan1-x/id",
  usage: () => ({}),
  oomKilled: () => false,
  processes: () => [],
  unthrottle: () => {},
};

test("a container in the specification's words", () => {
  const resources = { cpuShares: 1, cpuLimit: 2, memoryLimit: 1000, pidsLimit: 9, oomScoreAdjust: 4 };
  const sandbox = { pid: 11, init: 12, sharePID: true, hostIPC: true };
  writeBundle(plan, { runc: "/bin/runc", sh: "/bin/sh", cgroup, resources, sandbox });
  const {
    process: program,
    mounts,
    linux,
    ...spec
  } = JSON.parse(readFileSync(join(directory, "bundle/config.json"), "utf8"));
  assert.deepEqual(program, {
    terminal: false,
    user: { uid: 5, gid: 6, additionalGids: [7] },
    args: ["run", "it"],
    env: ["A=2 3"],
    cwd: "/work",
    capabilities: { bounding: ["CAP_KILL"], effective: ["CAP_KILL"], permitted: ["CAP_KILL"] },
    noNewPrivileges: true,
    oomScoreAdj: 4,
  });
  assert.deepEqual(spec.root, { path: root, readonly: true });
  assert.deepEqual(mounts, [
    { destination: "/proc", source: "proc", type: "proc", options: ["nosuid", "noexec"] },
    { destination: "/data", source: "/data", type: "bind", options: ["rbind", "ro", "rslave"] },
    { destination: "/y", source: "/x", type: "bind", options: ["bind"] },
  ]);
  assert.deepEqual(linux.namespaces, [
    { type: "mount" },
    { type: "cgroup" },
    { type: "pid", path: "/proc/12/ns/pid" },
    { type: "uts", path: "/proc/11/ns/uts" },
    { type: "network", path: "/proc/11/ns/net" },
  ]);
  const { devices, ...limits } = linux.resources;
  assert.deepEqual(limits, {
    cpu: { shares: 2, quota: 200_000, period: 100_000 },
    memory: { limit: 1000 },
    pids: { limit: 9 },
    unified: { "memory.oom.group": "1" },
  });
  assert.deepEqual(devices[0], { allow: false, access: "rwm" });
  assert.deepEqual(devices.at(-1), { allow: true, type: "c", access: "rwm", major: 1, minor: 3 });
  assert.deepEqual(
    [linux.maskedPaths, linux.readonlyPaths, linux.cgroupsPath],
    [["/proc/keys"], ["/proc/sys"], "/capstan1-x/id"],
  );
  assert.equal(linux.seccomp.defaultAction, "SCMP_ACT_ERRNO");
  assert.match(readFileSync(join(directory, "run"), "utf8"), /^exec '\/bin\/runc' .* 'run' '--keep' .* 'id'\n$/);
});

test("a terminal needs somebody to hold it", () => {
  const options = { runc: "runc", sh: "sh", cgroup, resources: {}, sandbox: { pid: 1 } };
  rmSync(join(directory, "bundle"), { recursive: true });
  assert.throws(() => writeBundle({ ...plan, tty: true }, options), /tty: true needs the program script/);
});
