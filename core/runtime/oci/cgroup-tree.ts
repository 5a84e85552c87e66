// The cgroup file systems of a machine: version 1, the unified one, or both.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Hierarchy {
  /** Where it is mounted. */
  root: string;
  /** The agent's own place in it. */
  own: string;
}

export interface Hierarchies {
  /** By controller; "" alone where the unified one has them all. */
  limiting: Map<string, Hierarchy>;
  /** Mount points of all of them, those without a controller that is used here too. */
  roots: string[];
}

const controllers = ["cpu", "cpuacct", "memory", "pids"];

export function findHierarchies(): Hierarchies {
  const limiting = new Map<string, Hierarchy>();
  const roots: string[] = [];
  const own = new Map<string, string>();
  for (const line of readIfThere("/proc/self/cgroup").split("\n")) {
    const [, names = "", path = "/"] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    for (const name of names.split(",")) own.set(name, path);
  }
  let unified: Hierarchy | undefined;
  for (const line of readIfThere("/proc/self/mounts").split("\n")) {
    const [, root = "", type, options = ""] = line.split(" ");
    if (type !== "cgroup" && type !== "cgroup2") continue;
    roots.push(root);
    if (type === "cgroup2") {
      if (readIfThere(join(root, "cgroup.controllers")).includes("memory")) {
        unified = { root, own: own.get("") ?? "/" };
      }
      continue;
    }
    for (const name of controllers) {
      if (options.split(",").includes(name)) limiting.set(name, { root, own: own.get(name) ?? "/" });
    }
  }
  return { limiting: unified ? new Map([["", unified]]) : limiting, roots };
}

/**
 * Makes an instance's directory in the unified hierarchy, with the controllers that its children need. Where the
 * agent's own group is the root that it sees, its processes go to a leaf first: a group with processes has no
 * controllers for children. Source: Documentation/admin-guide/cgroup-v2.rst, "No Internal Process Constraint".
 */
export function enableControllers(root: string, directory: string): void {
  try {
    enableBelow(root);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EBUSY") throw error;
    const leaf = join(root, "capstan-node");
    mkdirSync(leaf, { recursive: true });
    for (const pid of processesOf(root)) writeFileSync(join(leaf, "cgroup.procs"), String(pid));
    enableBelow(root);
  }
  enableBelow(directory);
}

/** Gives a group's children the controllers that they need. */
export function enableBelow(group: string): void {
  writeFileSync(join(group, "cgroup.subtree_control"), "+cpu +memory +pids");
}

export function processesOf(group: string): number[] {
  return readIfThere(join(group, "cgroup.procs")).split("\n").filter(Boolean).map(Number);
}

/** Lets a group's processes go on, whoever has stopped them. */
export function thaw(group: string): void {
  for (const [file, text] of [
    ["freezer.state", "THAWED"],
    ["cgroup.freeze", "0"],
  ] as const) {
    const path = join(group, file);
    if (existsSync(path)) writeFileSync(path, text);
  }
}

/** A group and those below it, deepest first. */
export function groupsBelow(group: string): string[] {
  return [...childGroups(group).flatMap((name) => groupsBelow(join(group, name))), group];
}

export function childGroups(group: string): string[] {
  try {
    return readdirSync(group, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

/** @throws EBUSY while processes are left */
export function removeGroup(group: string): void {
  for (const one of groupsBelow(group)) {
    try {
      rmdirSync(one);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }
}

/** Empty when the file is not there: the group went with its container. */
export function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ENODEV"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}
