// A container in the words of the OCI runtime specification 1.0.2, for runc.
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Mount, type NamespaceOptions, type Resources, RuntimeError } from "../cri.ts";
import { capabilitySet } from "./capabilities.ts";
import { type Cgroup, cpuPeriod, cpuQuota } from "./cgroup.ts";
import { quote } from "./command.ts";
import type { MountEntry } from "./fstab.ts";
import type { ContainerPlan } from "./plan.ts";
import { runcWords } from "./runc.ts";
import { seccompOf } from "./seccomp.ts";

export interface BundleOptions {
  runc: string;
  sh: string;
  /** Gives the program a terminal. */
  script?: string;
  cgroup: Cgroup;
  resources: Resources;
  sandbox: SandboxNamespaces;
}

/** Processes whose namespaces a container of the pod joins. */
export interface SandboxNamespaces extends NamespaceOptions {
  pid: number;
  /** The first one of a PID namespace of the pod's. */
  init?: number;
}

/** Writes bundle/config.json of a container's directory, and the line that makes a process of it. */
export function writeBundle(plan: ContainerPlan, options: BundleOptions): void {
  const bundle = join(plan.directory, "bundle");
  mkdirSync(bundle, { mode: 0o700 });
  writeFileSync(join(bundle, "config.json"), JSON.stringify(specOf(plan, options)), { mode: 0o600 });
  const words = [...runcWords(options.runc, plan.directory), "run", "--keep", "--bundle", bundle, plan.id];
  const line = `exec ${words.map(quote).join(" ")}`;
  writeFileSync(join(plan.directory, "run"), plan.tty ? terminalLine(options, line) : `${line}\n`, { mode: 0o600 });
}

/** script(1) has the terminal that runc then joins to the program's. */
function terminalLine({ script, sh }: BundleOptions, line: string): string {
  if (!script) throw new RuntimeError("Unsupported", "tty: true needs the program script (Debian's bsdutils)");
  return `export SHELL=${quote(sh)}\nexec ${quote(script)} -q -e -f -c ${quote(line)} /dev/null\n`;
}

function specOf(plan: ContainerPlan, { cgroup, resources, sandbox, sh }: BundleOptions) {
  const { root, security } = plan;
  const { privileged = false } = security;
  const script = join(import.meta.dirname, "hook.sh");
  const hook = (word: string) => ({ path: sh, args: [sh, script, plan.directory, word] });
  const seccomp = seccompOf(security.seccomp, capabilitiesOf(plan), privileged);
  return {
    ociVersion: "1.0.2",
    process: processOf(plan, resources),
    root: { path: root.path, readonly: security.readonlyRootfs ?? false },
    mounts: root.inner.map((entry) => mountOf(entry, root.path)),
    hooks: { createRuntime: [hook("mounted")], poststart: [hook("ready")] },
    linux: {
      namespaces: namespacesOf(sandbox),
      cgroupsPath: cgroup.path,
      resources: {
        devices: deviceRules(root.mounts, privileged),
        ...limitsOf(resources, cgroup.directories.has("")),
      },
      ...(seccomp ? { seccomp } : {}),
      maskedPaths: root.masked,
      readonlyPaths: root.frozen,
    },
  };
}

const capabilitiesOf = ({ security }: ContainerPlan) =>
  capabilitySet({
    privileged: security.privileged,
    add: security.addCapabilities,
    drop: security.dropCapabilities,
  });

function processOf(plan: ContainerPlan, resources: Resources) {
  const { identity, security } = plan;
  const capabilities = [...capabilitiesOf(plan)].map((name) => `CAP_${name.toUpperCase()}`);
  const last = new Map(plan.environment.map(({ name, value }) => [name, value]));
  return {
    terminal: plan.tty,
    user: { uid: identity.uid, gid: identity.gid, additionalGids: identity.groups },
    args: plan.argv,
    env: [...last].map(([name, value]) => `${name}=${value}`),
    cwd: plan.workingDir,
    capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
    noNewPrivileges: (security.noNewPrivileges ?? false) && !security.privileged,
    ...(resources.oomScoreAdjust === undefined ? {} : { oomScoreAdj: possibleScore(resources.oomScoreAdjust) }),
  };
}

/** A score below the agent's own needs CAP_SYS_RESOURCE, which root need not have: runc gives up where it lacks it. */
function possibleScore(wanted: number): number {
  if (capabilitySet({ privileged: true }).has("sys_resource")) return wanted;
  return Math.max(wanted, Number(readFileSync("/proc/self/oom_score_adj", "utf8")));
}

/** What a line of fstab(5) says, said to runc: options in X- are mount(8)'s own. */
function mountOf({ source, target, type, options }: MountEntry, root: string) {
  const words = options.split(",").filter((option) => !option.startsWith("X-"));
  return {
    destination: target.slice(root.length) || "/",
    source,
    type: type === "none" ? "bind" : type,
    options: words,
  };
}

function namespacesOf({ pid, init, hostNetwork, hostIPC, hostPID }: SandboxNamespaces) {
  const joined = (type: string, name: string, of = pid) => ({ type, path: `/proc/${of}/ns/${name}` });
  const pids = init === undefined ? { type: "pid" } : joined("pid", "pid", init);
  return [
    { type: "mount" },
    { type: "cgroup" },
    // runc ends what a container leaves in a namespace that it was told to join: so it is told of the node's too.
    hostPID ? joined("pid", "pid", process.pid) : pids,
    ...(hostIPC ? [] : [joined("ipc", "ipc")]),
    ...(hostNetwork ? [] : [joined("uts", "uts"), joined("network", "net")]),
  ];
}

/** Source: the defaults of containerd's oci.WithDefaultUnixDevices and of Docker. */
function deviceRules(mounts: Mount[], privileged: boolean) {
  if (privileged) return [{ allow: true, access: "rwm" }];
  const allow = (type: string, access: string, major?: number, minor?: number) => ({
    allow: true,
    type,
    access,
    ...(major === undefined ? {} : { major }),
    ...(minor === undefined ? {} : { minor }),
  });
  const granted = mounts.filter(({ device }) => device).map(({ hostPath }) => statSync(hostPath));
  return [
    { allow: false, access: "rwm" },
    allow("c", "m"),
    allow("b", "m"),
    // null, zero, full, random, urandom, tty; console, ptmx and the pts.
    ...[3, 5, 7, 8, 9].map((minor) => allow("c", "rwm", 1, minor)),
    ...[0, 1, 2].map((minor) => allow("c", "rwm", 5, minor)),
    allow("c", "rwm", 136),
    ...granted.map((stat) => allow(stat.isBlockDevice() ? "b" : "c", "rwm", major(stat.rdev), minor(stat.rdev))),
  ];
}

// glibc's gnu_dev_major and gnu_dev_minor.
const major = (device: number) =>
  Number((BigInt(device) >> 8n) & 0xfffn) | Number((BigInt(device) >> 32n) & 0xfffff000n);
const minor = (device: number) => Number(BigInt(device) & 0xffn) | Number((BigInt(device) >> 12n) & 0xffffff00n);

function limitsOf({ cpuShares, cpuLimit, memoryLimit, pidsLimit }: Resources, unified: boolean) {
  const quota = cpuQuota(cpuLimit);
  return {
    cpu: {
      ...(cpuShares === undefined ? {} : { shares: Math.max(2, cpuShares) }),
      ...(quota === undefined ? {} : { quota, period: cpuPeriod }),
    },
    ...(memoryLimit === undefined ? {} : { memory: { limit: memoryLimit } }),
    ...(pidsLimit === undefined ? {} : { pids: { limit: pidsLimit } }),
    ...(unified && memoryLimit !== undefined ? { unified: { "memory.oom.group": "1" } } : {}),
  };
}
