// Mounts that a runtime behind a socket cannot make itself: they are made on the node before it is asked.
import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Mount, RuntimeError } from "../cri.ts";
import { findTool, mustRun } from "../oci/command.ts";

// Of fcntl.h: a descriptor that only names the file.
const pathOnly = 0x200000;

/** A tmpfs at a directory of the node; one that is there is kept. */
export async function mountTmpfs(path: string, sizeBytes: number | undefined): Promise<void> {
  if (mountPoints().has(path)) return;
  mkdirSync(path, { recursive: true });
  const options = ["mode=1777", ...(sizeBytes === undefined ? [] : [`size=${sizeBytes}`])].join(",");
  await mustRun(tool("mount"), ["-t", "tmpfs", "-o", options, "tmpfs", path]);
}

/**
 * Binds what a mount means at a place that no pod can change, so that the runtime mounts that and nothing else.
 * @throws RuntimeError Failed when it was exchanged
 */
export async function pin(mount: Mount, directory: string, index: number): Promise<Mount> {
  const { expect, hostPath, containerPath } = mount;
  if (!expect) return mount;
  const fd = openSync(hostPath, pathOnly);
  try {
    const stat = fstatSync(fd);
    if (stat.dev !== expect.dev || stat.ino !== expect.ino) {
      throw new RuntimeError("Failed", `what is mounted at ${containerPath} was exchanged meanwhile`);
    }
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const target = join(directory, String(index));
    if (stat.isDirectory()) mkdirSync(target);
    else writeFileSync(target, "");
    await mustRun(tool("mount"), ["--no-canonicalize", "--bind", `/proc/${process.pid}/fd/${fd}`, target]);
    return { ...mount, hostPath: target };
  } finally {
    closeSync(fd);
  }
}

/** Undoes what `pin` bound below a directory. */
export async function unpin(directory: string): Promise<void> {
  for (const name of list(directory)) {
    const target = join(directory, name);
    await unmount(target);
    // Only the empty place is removed: never what is bound there.
    if (!mountPoints().has(target)) removeEmpty(target);
  }
  removeEmpty(directory);
}

export async function unmount(path: string): Promise<void> {
  if (mountPoints().has(path)) await mustRun(tool("umount"), ["--lazy", path]);
}

function mountPoints(): Set<string> {
  const lines = readFileSync("/proc/self/mountinfo", "utf8").split("\n");
  const points = lines.map((line) => line.split(" ")[4] ?? "");
  return new Set(
    points.map((point) => point.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(Number.parseInt(code, 8)))),
  );
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOTDIR") rmSync(path);
    else if (code !== "ENOENT") throw error;
  }
}

function tool(name: string): string {
  const found = findTool(name);
  if (!found)
    throw new RuntimeError("Unsupported", `volumes in memory and sub-paths need the program ${name} (Debian's mount)`);
  return found;
}
