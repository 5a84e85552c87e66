// The cgroups that a runtime puts the containers of a pod below.
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Cgroup, type Cgroups, openCgroups } from "../oci/cgroup.ts";
import type { Connection } from "./connection.ts";

export interface CgroupParents {
  /** A pod's, as CRI wants it. */
  nameOf(pod: string): string;
  /** Limits can be given as files of the unified hierarchy. */
  unified: boolean;
  /** A container's own group, where its place is known. */
  of(pod: string, id: string): Cgroup | undefined;
  /**
   * CRI has no field for the number of processes outside of the unified hierarchy. Before a container starts its pod is
   * bound to `all`, once it runs it is bound itself.
   */
  limitPod(pod: string, all: number | "max"): void;
  limitContainer(pod: string, id: string, limit: number): void;
  /** Removes what runtimes leave of a pod's. */
  remove(pod: string): void;
  removeAll(): void;
}

/** @param instance made of letters, digits and hyphens. */
export async function openCgroupParents(connection: Connection, instance: string): Promise<CgroupParents> {
  const groups = openCgroups(instance);
  if (await usesSystemd(connection)) return await bySystemd(instance, groups);
  const of = (pod: string, id: string) => groups?.open(join(pod, id));
  const unified = groups?.open("none").directories.has("") ?? false;
  const limit = (directory: string | undefined, most: number | "max") => {
    if (!unified && directory) write(join(directory, "pids.max"), String(most));
  };
  return {
    nameOf: (pod) => `/${instance}/${pod}`,
    unified,
    of,
    limitPod(pod, all) {
      const directory = groups?.open(pod).directories.get("pids");
      if (directory && !unified) mkdirSync(directory, { recursive: true });
      limit(directory, all);
    },
    limitContainer: (pod, id, most) => limit(of(pod, id)?.directories.get("pids"), most),
    remove: (pod) => removeFrom(hierarchies(), join(instance, pod)),
    removeAll() {
      const roots = hierarchies();
      for (const root of roots)
        for (const pod of directories(join(root, instance))) removeFrom([root], join(instance, pod));
      removeFrom(roots, instance);
    },
  };
}

/** systemd makes and removes its slices itself. */
async function bySystemd(instance: string, groups: Cgroups | undefined): Promise<CgroupParents> {
  const unified = groups?.open("none").directories.has("") ?? false;
  await groups?.close();
  const nothing = () => undefined;
  return {
    // A hyphen in a slice's name says which slice it is in.
    nameOf: (pod) => `${instance.replaceAll("-", "_")}-${pod}.slice`,
    unified,
    of: nothing,
    limitPod: nothing,
    limitContainer: nothing,
    remove: nothing,
    removeAll: nothing,
  };
}

interface RuntimeSettings {
  systemdCgroup?: boolean;
  containerd?: {
    defaultRuntimeName?: string;
    runtimes?: Record<string, { options?: { SystemdCgroup?: boolean } | null }>;
  };
}

/** CRI-O and containerd 2 say it by RuntimeConfig; an older containerd in its settings. */
async function usesSystemd(connection: Connection): Promise<boolean> {
  try {
    const { linux } = await connection.call("runtime.v1.RuntimeService/RuntimeConfig", {});
    if (linux) return linux.cgroupDriver === "SYSTEMD";
  } catch (error) {
    if ((error as { code?: string }).code !== "Unsupported") throw error;
  }
  const { info } = await connection.call("runtime.v1.RuntimeService/Status", { verbose: true });
  const { systemdCgroup, containerd } = JSON.parse(info?.config ?? "{}") as RuntimeSettings;
  const runtime = containerd?.runtimes?.[containerd.defaultRuntimeName ?? ""];
  return systemdCgroup === true || runtime?.options?.SystemdCgroup === true;
}

function hierarchies(): string[] {
  const lines = readFileSync("/proc/self/mounts", "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, root = "", type = ""] = line.split(" ");
    return type.startsWith("cgroup") ? [root] : [];
  });
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    // It has ended already.
    if (!isOneOf(error, "ENOENT", "ENODEV")) throw error;
  }
}

function directories(path: string): string[] {
  try {
    return readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (error) {
    if (isOneOf(error, "ENOENT")) return [];
    throw error;
  }
}

function removeFrom(roots: string[], path: string): void {
  for (const root of roots) {
    try {
      rmdirSync(join(root, path));
    } catch (error) {
      // Not everywhere, and not where something of the instance still runs.
      if (!isOneOf(error, "ENOENT", "EBUSY", "ENOTEMPTY", "EROFS")) throw error;
    }
  }
}

const isOneOf = (error: unknown, ...codes: string[]) => codes.includes((error as NodeJS.ErrnoException).code ?? "");
