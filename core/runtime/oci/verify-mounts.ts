import { readFileSync, statSync } from "node:fs";
import { type Mount, RuntimeError } from "../cri.ts";

export interface VerifyOptions {
  /** A process in the container's mount namespace whose root is the node's. */
  pid: number;
  /** One in the namespace that the container's began as. */
  before: number;
  /** Absolute path that the new root is assembled at. */
  root: string;
  /** With containerPath as it is once every link is followed. */
  mounts: Mount[];
}

// What launch.sh runs later finds the container's terminals there.
const allowed = ["/dev/pts"];

/**
 * A pod may exchange a directory of its volumes for a link just when something is mounted there or from there. Here it
 * is seen before any program of the node runs in the namespace: a mount outside the new root, or of another file.
 * @throws RuntimeError Failed
 */
export function verifyMounts({ pid, before, root, mounts }: VerifyOptions): void {
  const old = new Map<string, number>();
  for (const point of mountPoints(before)) old.set(point, (old.get(point) ?? 0) + 1);
  for (const point of allowed) old.set(point, (old.get(point) ?? 0) + 1);
  for (const point of mountPoints(pid)) {
    if (point === root || point.startsWith(`${root}/`)) continue;
    const left = (old.get(point) ?? 0) - 1;
    if (left < 0) throw new RuntimeError("Failed", `a mount went to ${point}, outside of the container's root`);
    old.set(point, left);
  }
  for (const { containerPath, expect } of mounts) {
    if (!expect) continue;
    const { dev, ino } = statSync(`/proc/${pid}/root${root}${containerPath}`);
    if (dev !== expect.dev || ino !== expect.ino) {
      throw new RuntimeError("Failed", `what is mounted at ${containerPath} was exchanged meanwhile`);
    }
  }
}

/** Mount points of a process's namespace, without mountinfo's escapes. */
function mountPoints(pid: number): string[] {
  const lines = readFileSync(`/proc/${pid}/mountinfo`, "utf8").split("\n");
  return lines.flatMap((line) => {
    const point = line.split(" ")[4];
    if (point === undefined) return [];
    return point.replace(/\\([0-7]{3})/g, (_, digits) => String.fromCharCode(Number.parseInt(digits, 8)));
  });
}
