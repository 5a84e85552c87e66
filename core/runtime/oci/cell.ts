// What a container needs before anything of it is known: made while its pod's sandbox still comes up.
import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Cgroup, Cgroups } from "./cgroup.ts";
import type { Tools } from "./command-line.ts";
import type { Launcher } from "./container.ts";
import { type Launched, launch, release } from "./launch.ts";
import { kill } from "./processes.ts";
import { removeTree } from "./remove-tree.ts";

/** A directory, a cgroup, and a shell that waits in that for the word to be a container's parent. */
export interface Cell {
  id: string;
  directory: string;
  cgroup: Cgroup | undefined;
  launcher: Launcher;
  launched: Launched;
}

export interface CellOptions {
  /** Of the driver. */
  directory: string;
  tools: Tools;
  cgroups: Cgroups | undefined;
  launcher: Launcher;
}

/** What was made of it is gone when it throws. An agent that ends takes the shell with it; the next one sweeps the rest. */
export function startCell({ tools, cgroups, launcher, ...options }: CellOptions): Cell {
  const id = randomBytes(32).toString("hex");
  const directory = join(options.directory, "containers", id);
  const cgroup = cgroups?.create(id, {});
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const name of ["root", "upper", "work", "dev/upper", "dev/work"]) {
      mkdirSync(join(directory, name), { recursive: true });
    }
    const groups = launcher === "unshare" && cgroup ? cgroup.directories.values() : [];
    const talk = launcher === "runc" ? "ask say" : "";
    const script = join(import.meta.dirname, "launch.sh");
    const words = [script, "join", directory, tools.mkfifo, talk, ...groups];
    return { id, directory, cgroup, launcher, launched: launch(tools.sh, words, "a container's parent") };
  } catch (error) {
    removeTree(directory);
    throw error;
  }
}

/** Ends one that no container came to, or whose container could not be made: nothing is left of it. */
export async function endCell(cell: Cell, cgroups: Cgroups | undefined): Promise<void> {
  await endShell(cell);
  removeTree(cell.directory);
  await cgroups?.remove(cell.id);
}

/** Its directory stays. */
export async function endShell({ launched }: Cell): Promise<void> {
  const { pid, exitCode, signalCode } = launched.child;
  // The shell and the program that it may be running.
  if (pid !== undefined && exitCode === null && signalCode === null) kill(-pid, "SIGKILL");
  await launched.ended;
  release(launched);
}
