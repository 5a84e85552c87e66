// Commands in a running container.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type ExecOptions, type ExecResult, type ExecSession, RuntimeError } from "../cri.ts";
import { quote, run } from "./command.ts";
import type { Tools } from "./command-line.ts";
import { kill, type OciContainer, writeTo } from "./container.ts";

/** Bytes kept of each stream of a command whose result is awaited: the kubelet's probes need no more. */
const outputLimit = 16 * 1024 * 1024;

export interface ExecContext {
  tools: Tools;
  /** nsenter's arguments for the namespaces of the container's pod. */
  enter: string[];
  rootless: boolean;
}

/** nsenter keeps the node's root in the container's mount namespace, until exec.sh steps into the container's. */
function flagsFor(container: OciContainer, { enter, rootless }: ExecContext): string[] {
  const { shim, pid } = container;
  const pods = enter.filter((flag) => !flag.startsWith("--pid=") && flag !== "--no-fork");
  const flags = [...pods, `--mount=/proc/${shim}/ns/mnt`, `--root=/proc/${shim}/root`, `--pid=/proc/${pid}/ns/pid`];
  return rootless ? flags : [...flags, `--cgroup=/proc/${pid}/ns/cgroup`];
}

export function startExec(container: OciContainer, context: ExecContext, options: ExecOptions): ExecSession {
  const { tools } = context;
  const { command, stdin, tty = false } = options;
  const inner = [tools.sh, join(import.meta.dirname, "exec.sh"), container.directory, ...command];
  const words = tty ? terminal(tools, inner) : inner;
  // Fd 3 tells when the command's terminal is there.
  const child = spawn(tools.nsenter, [...flagsFor(container, context), ...words], {
    stdio: ["pipe", "pipe", "pipe", "pipe"],
    env: tty ? { SHELL: tools.sh, TERM: "xterm" } : {},
    detached: true,
  });
  const [input, stdout, stderr, told] = child.stdio as unknown as [Writable, Readable, Readable, Readable];
  const started = new Promise<void>((resolve) => {
    told.once("data", () => resolve());
    child.once("close", () => resolve());
  });
  told.resume();
  // A command may end before it has read its input.
  input.on("error", () => {});
  if (!stdin && !tty) input.end();
  const exited = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal === "SIGKILL" ? 9 : 15)));
  });
  const streams = {
    write: (data: Uint8Array) => (input.writable ? writeTo(input, data) : Promise.resolve()),
    endInput: () => void input.end(),
  };
  return {
    ...(stdin ? streams : {}),
    stdout,
    stderr,
    exited,
    kill: () => {
      // nsenter ends by itself with what it started, and must live to reap it: a container's PID namespace cannot end
      // before all of its processes are reaped.
      const [nsenter, ...started] = child.pid === undefined ? [] : family(child.pid);
      for (const pid of started) kill(pid, "SIGKILL");
      if (started.length === 0 && nsenter !== undefined) kill(nsenter, "SIGKILL");
    },
    resize: async (columns, rows) => {
      if (!tty) return;
      await started;
      // nsenter, script, and what script gave a terminal to.
      const last = child.pid === undefined ? undefined : family(child.pid)[2];
      if (last !== undefined) await resizeTerminal(tools, last, columns, rows);
    },
  };
}

function terminal(tools: Tools, words: string[]): string[] {
  if (!tools.script) throw new RuntimeError("Unsupported", "a terminal needs the program script (Debian's bsdutils)");
  return [tools.script, "-q", "-e", "-f", "-c", `exec ${words.map(quote).join(" ")}`, "/dev/null"];
}

/** Sets the size of the terminal that is a process's input. */
export async function resizeTerminal(tools: Tools, pid: number, columns: number, rows: number): Promise<void> {
  if (!tools.stty || !Number.isInteger(columns) || !Number.isInteger(rows)) return;
  await run(tools.stty, ["-F", `/proc/${pid}/fd/0`, "cols", String(columns), "rows", String(rows)]);
}

/** A process and its descendants, oldest first. */
function family(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(family)];
}

export function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

export async function execSync(session: ExecSession, timeoutMs: number | undefined): Promise<ExecResult> {
  let late = false;
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          late = true;
          session.kill();
        }, timeoutMs);
  const [stdout, stderr, exitCode] = await Promise.all([
    collect(session.stdout),
    collect(session.stderr),
    session.exited,
  ]).finally(() => clearTimeout(timer));
  if (late) throw new RuntimeError("Timeout", `command timed out after ${timeoutMs} ms`);
  return { stdout, stderr, exitCode };
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    if (size < outputLimit) parts.push(part.subarray(0, outputLimit - size));
    size += part.length;
  }
  return Buffer.concat(parts);
}
