// Agents of further nodes: processes that outlive a killed platform for a moment, or for long where they hang.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { readProcess } from "@capstan/core/runtime";

/** A killed process is gone within milliseconds, but for what the kernel waits for on its behalf. */
const goneMs = 5000;

/** Kills the agents of an instance whose platform is gone. Returns whether there were any. @throws when one stays */
export async function endAgents(root: string): Promise<boolean> {
  const agents = agentsOf(root);
  for (const pid of agents) kill(pid);
  const deadline = Date.now() + goneMs;
  for (;;) {
    // Who has started them is not told of their end here: the kernel is asked.
    const left = agentsOf(root);
    if (left.length === 0) return agents.length > 0;
    if (Date.now() > deadline) throw new Error(`processes ${left.join(", ")} of ${root} do not end, although killed`);
    await pause(2);
  }
}

function agentsOf(root: string): number[] {
  if (!existsSync("/proc/self/cmdline")) return [];
  const nodes = join(root, "nodes", "/");
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    const words = readProcess(name, "cmdline").split("\0");
    const at = words.findIndex((word) => word.endsWith("/apps/capstan/bin.js"));
    return at > 0 && words[at + 1] === "node" && words[at + 2]?.startsWith(nodes) ? [Number(name)] : [];
  });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
