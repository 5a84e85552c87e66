// What a stopped instance must not leave on the machine.
import { readdirSync, readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";

/** Processes that name the directory, mounts below it, its bridge and its control groups. */
export function leaksOf(directory: string): string[] {
  const { bridge, podCidr = "" } = JSON.parse(readFileSync(join(directory, "network.json"), "utf8"));
  const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  const prefix = `${bridge ?? `capstan-lo${podCidr.split(".")[1]}`}-`;
  const groups = ["/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/pids"].flatMap(namesIn);
  return [
    ...pids
      .map((pid) => readOr(`/proc/${pid}/cmdline`).replaceAll("\0", " "))
      .filter((line) => line.includes(directory)),
    ...readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(directory)),
    ...Object.keys(networkInterfaces()).filter((name) => name === bridge),
    ...groups.filter((name) => name.startsWith(prefix)),
  ];
}

const namesIn = (path: string): string[] => {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
};

function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // It has ended since it was listed, or is a thread of the kernel.
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}
