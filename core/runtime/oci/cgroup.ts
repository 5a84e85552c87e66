// Limits and numbers of a container: cgroup v1 hierarchies, or the unified one.
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Resources } from "../cri.ts";

export interface Cgroup {
  /** Directories whose cgroup.procs a process joins. */
  directories: Map<string, string>;
  /** cpu in nanoseconds, memory in bytes. */
  usage(): { cpuNanoseconds?: number; memoryUsageBytes?: number; memoryWorkingSetBytes?: number; processes?: number };
  oomKilled(): boolean;
  processes(): number[];
  /** Throws EBUSY while processes are left. */
  remove(): void;
}

export interface Cgroups {
  create(name: string, resources: Resources): Cgroup;
  open(name: string): Cgroup;
  /** Directories that the agent itself is in: one for each hierarchy. */
  home: string[];
  /** Removes the instance's own directories; empty ones only. */
  remove(): void;
}

const controllers = ["cpu", "cpuacct", "memory", "pids"];

/** Finds the hierarchies; undefined when none can be written, as for an ordinary user. */
export function openCgroups(instance: string): Cgroups | undefined {
  const roots = hierarchies();
  if (roots.size === 0) return undefined;
  const base = new Map([...roots].map(([name, { root }]) => [name, join(root, instance)]));
  try {
    for (const directory of base.values()) mkdirSync(directory, { recursive: true });
    const unified = roots.get("");
    if (unified) {
      for (const directory of [unified.root, base.get("") as string]) {
        writeFileSync(join(directory, "cgroup.subtree_control"), "+cpu +memory +pids");
      }
    }
  } catch (error) {
    if (["EACCES", "EPERM", "EROFS", "ENOENT", "EBUSY"].includes((error as NodeJS.ErrnoException).code ?? "")) {
      return undefined;
    }
    throw error;
  }
  const open = (name: string) =>
    cgroupOf(new Map([...base].map(([hierarchy, directory]) => [hierarchy, join(directory, name)])));
  return {
    open,
    create(name, resources) {
      const group = open(name);
      for (const directory of group.directories.values()) mkdirSync(directory, { recursive: true });
      limit(group.directories, resources);
      return group;
    },
    home: [...roots.values()].map(({ root, own }) => join(root, own)),
    remove: () => removeAll(base.values()),
  };
}

/** Hierarchy name ("" is the unified one with controllers) → mount point and the agent's own place in it. */
function hierarchies(): Map<string, { root: string; own: string }> {
  const found = new Map<string, { root: string; own: string }>();
  const own = new Map<string, string>();
  for (const line of read("/proc/self/cgroup").split("\n")) {
    const [, names = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const name of names.split(",")) own.set(name, path);
  }
  for (const line of read("/proc/self/mounts").split("\n")) {
    const [, root = "", type, options = ""] = line.split(" ");
    if (type === "cgroup") {
      for (const name of controllers) {
        if (options.split(",").includes(name)) found.set(name, { root, own: own.get(name) ?? "/" });
      }
    } else if (type === "cgroup2" && read(join(root, "cgroup.controllers")).includes("memory")) {
      return new Map([["", { root, own: own.get("") ?? "/" }]]);
    }
  }
  return found;
}

function limit(directories: Map<string, string>, { cpuShares, cpuLimit, memoryLimit, pidsLimit }: Resources): void {
  const set = (controller: string, file: string, value: number | string | undefined) => {
    const directory = directories.get(controller);
    if (directory !== undefined && value !== undefined) writeFileSync(join(directory, file), String(value));
  };
  const period = 100_000;
  const quota = cpuLimit === undefined ? undefined : Math.max(1000, Math.round(cpuLimit * period));
  if (directories.has("")) {
    // Shares 2–262144 become weights 1–10000: the mapping of the OCI runtime specification.
    set("", "cpu.weight", cpuShares && 1 + Math.floor(((Math.max(2, cpuShares) - 2) * 9999) / 262142));
    set("", "cpu.max", quota && `${quota} ${period}`);
    set("", "memory.max", memoryLimit);
    set("", "pids.max", pidsLimit);
    return;
  }
  set("cpu", "cpu.shares", cpuShares && Math.max(2, cpuShares));
  set("cpu", "cpu.cfs_quota_us", quota);
  set("memory", "memory.limit_in_bytes", memoryLimit);
  set("pids", "pids.max", pidsLimit);
}

function cgroupOf(directories: Map<string, string>): Cgroup {
  const unified = directories.get("");
  const at = (controller: string, file: string) => {
    const directory = unified ?? directories.get(controller);
    return directory === undefined ? "" : read(join(directory, file));
  };
  const number = (text: string) => (text.trim() === "" ? undefined : Number(text));
  const field = (text: string, name: string) => number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? "");
  return {
    directories,
    usage() {
      const stat = at("memory", "memory.stat");
      const memoryUsageBytes = number(at("memory", unified ? "memory.current" : "memory.usage_in_bytes"));
      const idle = field(stat, unified ? "inactive_file" : "total_inactive_file") ?? 0;
      const micros = unified ? field(at("", "cpu.stat"), "usage_usec") : undefined;
      return {
        cpuNanoseconds: micros === undefined ? number(at("cpuacct", "cpuacct.usage")) : micros * 1000,
        memoryUsageBytes,
        memoryWorkingSetBytes: memoryUsageBytes === undefined ? undefined : Math.max(0, memoryUsageBytes - idle),
        processes: number(at("pids", "pids.current")),
      };
    },
    oomKilled: () => (field(at("memory", unified ? "memory.events" : "memory.oom_control"), "oom_kill") ?? 0) > 0,
    processes() {
      const [first] = directories.values();
      return first ? read(join(first, "cgroup.procs")).split("\n").filter(Boolean).map(Number) : [];
    },
    remove: () => removeAll(directories.values()),
  };
}

function removeAll(directories: Iterable<string>): void {
  for (const directory of directories) {
    try {
      rmdirSync(directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/** Empty when the file is not there: the container's cgroup went with it. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}
