import { readdirSync, readFileSync } from "node:fs";

/** A process that has ended needs no signal. */
export function kill(pid: number, signal: NodeJS.Signals | number): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Whether a signal does anything to a process: the first one of a PID namespace hears only those that it handles.
 * Source: pid_namespaces(7), and the masks of proc(5)'s status.
 */
export function hears(pid: number, signal: number): boolean {
  const status = statusOf(pid);
  const field = (name: string) => new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1] ?? "";
  const has = (mask: string) => ((BigInt(`0x${mask || "0"}`) >> BigInt(signal - 1)) & 1n) === 1n;
  if (status === "" || has(field("SigIgn"))) return false;
  return field("NSpid").split(/\s+/).at(-1) !== "1" || has(field("SigCgt"));
}

const statusOf = (pid: number) => readProcess(pid, "status");

/** What /proc tells of a process; empty for one that has ended, also when nobody has asked after it yet. */
export function readProcess(pid: number | string, file: "status" | "cmdline"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}

/** Whether a process neither handles a signal, nor ignores it on purpose. */
export function leavesToKernel(pid: number, signal: number): boolean {
  const status = statusOf(pid);
  const bit = 1n << BigInt(signal - 1);
  return ["SigCgt", "SigIgn"].every((field) => {
    const mask = new RegExp(`^${field}:\\s*([0-9a-f]+)$`, "m").exec(status)?.[1];
    return mask !== undefined && (BigInt(`0x${mask}`) & bit) === 0n;
  });
}

/** Whether a container's first process is still runc's, which is about to become the program. */
export function isRuncInit(pid: number): boolean {
  return /^Name:\s*runc:\[/m.test(statusOf(pid));
}

/** Of all threads of a process: each has children of its own. */
export function childrenOf(pid: number): number[] {
  try {
    const threads = readdirSync(`/proc/${pid}/task`);
    const lists = threads.map((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8"));
    return lists.flatMap((list) => list.split(" ").filter(Boolean).map(Number));
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

/** A process and its descendants, oldest first. */
export function family(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(family)];
}
