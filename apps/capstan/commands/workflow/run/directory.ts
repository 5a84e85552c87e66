// The directory of one run, named after its process; and what runs that were killed have left.
import { mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Logger } from "@capstan/base/log";
import { defaultNodeName, releaseVolumes } from "@capstan/cluster/node";
import { sweepInstances } from "@capstan/core/runtime";

const prefix = "capstan-run-";

export const makeDirectory = (): string => mkdtempSync(join(tmpdir(), `${prefix}${process.pid}-`));

/** Takes away the containers and directories of runs whose process is no more. */
export async function sweepRuns(log: Logger): Promise<void> {
  const dead = readdirSync(tmpdir()).flatMap((name) => {
    const pid = Number(/^capstan-run-(\d+)-\w+(?:\.over)?$/.exec(name)?.[1]);
    return Number.isInteger(pid) && !isAlive(pid) ? [join(tmpdir(), name)] : [];
  });
  if (dead.length === 0) return;
  const aside = dead.flatMap((directory) => {
    if (directory.endsWith(".over")) return [directory];
    try {
      renameSync(directory, `${directory}.over`);
      return [`${directory}.over`];
    } catch (error) {
      // Another run takes it away, or it is somebody else's.
      if (["ENOENT", "EPERM", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
      throw error;
    }
  });
  // What is found without its directory is ended.
  await sweepInstances({ bridged: false });
  for (const directory of aside) {
    await releaseVolumes({ dataDir: directory, nodeName: defaultNodeName(), log });
    rmSync(directory, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
