import type { Stats } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";

export interface DiskUsage {
  /** Of the blocks that are taken, a file with several names once. */
  bytes: number;
  entries: number;
  /** False when there was more than entryLimit: then both numbers are lower bounds. */
  complete: boolean;
}

/** Files and directories that are looked at: what a pod makes more of is not counted to its end. */
const entryLimit = 200_000;

/** What lies at a path, on its own file system alone. Nothing is there: zero. What goes meanwhile is left out. */
export async function diskUsage(path: string, limit = entryLimit): Promise<DiskUsage> {
  const usage = { bytes: 0, entries: 0, complete: true };
  const root = await statOf(path);
  if (!root) return usage;
  const seen = new Set<number>();
  const directories: string[] = [];
  const count = (stat: Stats, at: string) => {
    if (stat.dev !== root.dev || (stat.nlink > 1 && !stat.isDirectory() && seen.has(stat.ino))) return;
    if (stat.nlink > 1 && !stat.isDirectory()) seen.add(stat.ino);
    usage.bytes += stat.blocks * 512;
    usage.entries++;
    if (stat.isDirectory()) directories.push(at);
  };
  count(root, path);
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    for (const name of await namesOf(directory)) {
      if (usage.entries >= limit) return { ...usage, complete: false };
      const at = join(directory, name);
      const stat = await statOf(at);
      if (stat) count(stat, at);
    }
  }
  return usage;
}

const gone = ["ENOENT", "ENOTDIR", "ESTALE"];

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (gone.includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

async function namesOf(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (gone.includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}
