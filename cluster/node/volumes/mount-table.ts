// What is mounted on the node below a path: what is kept there must not be deleted through a mount.
import { existsSync, readFileSync, realpathSync } from "node:fs";
import { findTool, runProgram } from "@capstan/core/runtime";

/** Mount points of this process's namespace at or below a path, the deepest first. */
export function mountsBelow(given: string): string[] {
  const path = existsSync(given) ? realpathSync(given) : given;
  return readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .flatMap((line) => {
      const point = line.split(" ")[4];
      if (point === undefined) return [];
      // mountinfo writes blanks and backslashes in octal.
      const real = point.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
      return real === path || real.startsWith(`${path}/`) ? [real] : [];
    })
    .sort((a, b) => b.length - a.length);
}

export const isMounted = (path: string) => existsSync(path) && mountsBelow(path).includes(realpathSync(path));

/** How long umount and mount may take: a server that is gone must not hold up the node. */
const mountMs = 60_000;

export const unmount = (path: string): Promise<void> => run("umount", [path]);

export const bindMount = (source: string, target: string, readonly: boolean): Promise<void> =>
  run("mount", ["-o", readonly ? "bind,ro" : "bind", source, target]);

export const mountDevice = (device: string, target: string, type: string, readonly: boolean): Promise<void> =>
  run("mount", ["-t", type, "-o", readonly ? "ro" : "rw", device, target]);

async function run(name: string, args: string[]): Promise<void> {
  const program = findTool(name);
  if (!program) throw new Error(`the program ${name} was not found: install util-linux`);
  const { output, failure } = await runProgram(program, args, { timeoutMs: mountMs, outputLimit: 64 * 1024 });
  if (failure) throw new Error(`${name} ${args.join(" ")}: ${output.trim() || failure}`);
}
