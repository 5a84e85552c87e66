// Limits and numbers of a container, and the groups by which an instance's processes are found again.
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Resources } from "../cri.ts";
import {
  childGroups,
  enableBelow,
  enableControllers,
  findHierarchies,
  groupsBelow,
  type Hierarchies,
  processesOf,
  readIfThere,
  removeGroup,
  thaw,
} from "./cgroup-tree.ts";
import { kill } from "./processes.ts";

export interface Cgroup {
  /** Directories whose cgroup.procs a process joins. */
  directories: Map<string, string>;
  /** Its place in every hierarchy: an absolute path. */
  path: string;
  /** cpu in nanoseconds, memory in bytes. */
  usage(): { cpuNanoseconds?: number; memoryUsageBytes?: number; memoryWorkingSetBytes?: number; processes?: number };
  /** Whether the kernel killed a process of it for want of memory. */
  oomKilled(): boolean;
  processes(): number[];
  /** Lets what is being killed end at once: what is frozen does not die, and thousands of processes under a tight limit would take minutes to die. */
  unthrottle(): void;
}

export interface Cgroups {
  /** The group around those of a pod's containers, by the limits that they share: theirs are named `<name>/<id>`. */
  createPod(name: string, resources: Resources): void;
  create(name: string, resources: Resources): Cgroup;
  open(name: string): Cgroup;
  /** The group of the processes that hold a pod; its directory. They are not the containers' to count. */
  createHolder(name: string): string;
  /** Directories that the agent itself is in, of the hierarchies that have no group for holders. */
  home: string[];
  /** Names of all groups that are there, of an earlier agent too; of a pod's, not those in it. */
  names(): string[];
  /** Kills what is left in a group and removes it everywhere. */
  remove(name: string): Promise<void>;
  /** Kills and removes all. */
  close(): Promise<void>;
}

/** Finds the hierarchies; undefined when none can be written, as for an ordinary user. */
export function openCgroups(instance: string, hierarchies: Hierarchies = findHierarchies()): Cgroups | undefined {
  const { limiting, roots } = hierarchies;
  if (limiting.size === 0) return undefined;
  const base = new Map([...limiting].map(([name, { root }]) => [name, join(root, instance)]));
  try {
    for (const directory of base.values()) mkdirSync(directory, { recursive: true });
    const unified = limiting.get("");
    if (unified) enableControllers(unified.root, base.get("") as string);
  } catch (error) {
    if (["EACCES", "EPERM", "EROFS", "ENOENT", "EBUSY"].includes((error as NodeJS.ErrnoException).code ?? "")) {
      return undefined;
    }
    throw error;
  }
  const holding = ["", "pids"].find((name) => base.has(name)) ?? ([...base.keys()][0] as string);
  const open = (name: string) =>
    cgroupOf(`/${instance}/${name}`, new Map([...base].map(([one, directory]) => [one, join(directory, name)])), roots);
  return {
    open,
    createPod(name, resources) {
      const directories = new Map([...base].map(([one, directory]) => [one, join(directory, name)]));
      for (const directory of directories.values()) mkdirSync(directory, { recursive: true });
      const unified = directories.get("");
      if (unified) enableBelow(unified);
      limit(directories, resources, false);
    },
    create(name, resources) {
      const group = open(name);
      for (const directory of group.directories.values()) mkdirSync(directory, { recursive: true });
      limit(group.directories, resources);
      return group;
    },
    createHolder(name) {
      const directory = join(base.get(holding) as string, name);
      mkdirSync(directory, { recursive: true });
      return directory;
    },
    home: [...limiting].flatMap(([name, { root, own }]) => (name === holding ? [] : [join(root, own)])),
    names: () => [...new Set(roots.flatMap((root) => childGroups(join(root, instance))))],
    remove: (name) => clear(roots.map((root) => join(root, instance, name))),
    close: () => clear(roots.map((root) => join(root, instance))),
  };
}

/** Kills and removes what instances left whose name begins so. Returns whether there was anything. */
export async function sweepCgroups(prefix: string, { roots }: Hierarchies = findHierarchies()): Promise<boolean> {
  const named = (root: string) => childGroups(root).filter((name) => name.startsWith(prefix));
  const groups = roots.flatMap((root) => named(root).map((name) => join(root, name)));
  await clear(groups);
  return groups.length > 0;
}

/** The kernel lets go of an ended process's group a moment after its parent has seen the end. */
async function clear(groups: string[]): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const all = groups.flatMap(groupsBelow);
    // A runc that was killed while it wrote limits leaves its container frozen: nothing in it would die.
    all.forEach(thaw);
    const left = all.flatMap(processesOf);
    for (const pid of new Set(left)) {
      // 0 is a process of another PID namespace than the agent's: not one of ours.
      if (pid > 0) kill(pid, "SIGKILL");
    }
    try {
      return groups.forEach(removeGroup);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EBUSY" || attempt > 100) throw error;
      await new Promise((resolve) => setTimeout(resolve, 2 * attempt));
    }
  }
}

export const cpuPeriod = 100_000;

/** Microseconds of cpu time in each period. */
export function cpuQuota(cores: number | undefined): number | undefined {
  return cores === undefined ? undefined : Math.max(1000, Math.round(cores * cpuPeriod));
}

/** @param together whether all its processes die when one of them has no memory left. */
function limit(directories: Map<string, string>, resources: Resources, together = true): void {
  const { cpuShares, cpuLimit, memoryLimit, pidsLimit } = resources;
  const set = (controller: string, file: string, value: number | string | undefined) => {
    const directory = directories.get(controller);
    if (directory !== undefined && value !== undefined) writeFileSync(join(directory, file), String(value));
  };
  const quota = cpuQuota(cpuLimit);
  if (directories.has("")) {
    // Shares 2–262144 become weights 1–10000: the mapping of the OCI runtime specification.
    set("", "cpu.weight", cpuShares && 1 + Math.floor(((Math.max(2, cpuShares) - 2) * 9999) / 262142));
    set("", "cpu.max", quota && `${quota} ${cpuPeriod}`);
    set("", "memory.max", memoryLimit);
    // One process of a container without the others is no use, as the kubelet sees it.
    set("", "memory.oom.group", together ? memoryLimit && 1 : undefined);
    set("", "pids.max", pidsLimit);
    return;
  }
  set("cpu", "cpu.shares", cpuShares && Math.max(2, cpuShares));
  set("cpu", "cpu.cfs_quota_us", quota);
  set("memory", "memory.limit_in_bytes", memoryLimit);
  set("pids", "pids.max", pidsLimit);
}

function cgroupOf(path: string, directories: Map<string, string>, roots: string[]): Cgroup {
  const unified = directories.get("");
  const at = (controller: string, file: string) => {
    const directory = unified ?? directories.get(controller);
    return directory === undefined ? "" : readIfThere(join(directory, file));
  };
  const number = (text: string) => (text.trim() === "" ? undefined : Number(text));
  const field = (text: string, name: string) => number(new RegExp(`^${name} (\\d+)$`, "m").exec(text)?.[1] ?? "");
  return {
    directories,
    path,
    unthrottle() {
      const [file, none] = unified ? ["cpu.max", "max"] : ["cpu.cfs_quota_us", "-1"];
      const directory = unified ?? directories.get("cpu");
      if (directory !== undefined && existsSync(join(directory, file))) writeFileSync(join(directory, file), none);
      for (const root of roots) thaw(join(root, path));
    },
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
    processes: () => {
      const [first] = directories.values();
      return first ? processesOf(first) : [];
    },
  };
}
