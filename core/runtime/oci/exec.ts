// Commands in a running container.
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
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
function argumentsFor(container: OciContainer, { tools, enter, rootless }: ExecContext, command: string[]): string[] {
  const { shim, pid, directory } = container;
  const pods = enter.filter((flag) => !flag.startsWith("--pid=") && flag !== "--no-fork");
  const flags = [...pods, `--mount=/proc/${shim}/ns/mnt`, `--root=/proc/${shim}/root`, `--pid=/proc/${pid}/ns/pid`];
  if (!rootless) flags.push(`--cgroup=/proc/${pid}/ns/cgroup`);
  return [...flags, tools.sh, join(import.meta.dirname, "exec.sh"), directory, ...command];
}

export function startExec(container: OciContainer, context: ExecContext, options: ExecOptions): ExecSession {
  const args = argumentsFor(container, context, options.command);
  const { tools } = context;
  let program = tools.nsenter;
  let words = args;
  if (options.tty) {
    if (!tools.script) throw new RuntimeError("Unsupported", "a terminal needs the program script (Debian's bsdutils)");
    program = tools.script;
    words = ["-q", "-e", "-f", "-c", `exec ${[tools.nsenter, ...args].map(quote).join(" ")}`, "/dev/null"];
  }
  const env = { SHELL: tools.sh, TERM: "xterm" };
  const child = spawn(program, words, { stdio: ["pipe", "pipe", "pipe"], env: options.tty ? env : {}, detached: true });
  return sessionOf(child, tools, options);
}

function sessionOf(child: ChildProcess, tools: Tools, options: ExecOptions): ExecSession {
  const { stdin, stdout, stderr } = child;
  if (!stdin || !stdout || !stderr) throw new TypeError("the command was started without pipes");
  // A command may end before it has read its input.
  stdin.on("error", () => {});
  if (!options.stdin && !options.tty) stdin.end();
  const exited = new Promise<number>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve(code ?? 128 + (signal === "SIGKILL" ? 9 : 15)));
  });
  const input = {
    write: (data: Uint8Array) => (stdin.writable ? writeTo(stdin, data) : Promise.resolve()),
    endInput: () => void stdin.end(),
  };
  return {
    ...(options.stdin ? input : {}),
    stdout,
    stderr,
    exited,
    kill: () => {
      if (child.pid !== undefined) for (const pid of family(child.pid)) kill(pid, "SIGKILL");
    },
    resize: (columns, rows) => resize(child, tools, columns, rows),
  };
}

/** A process and its descendants, oldest first. */
function family(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(family)];
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return [];
    throw error;
  }
}

/** Sets the size of the terminal that script made for its child. */
async function resize(child: ChildProcess, tools: Tools, columns: number, rows: number): Promise<void> {
  const [inner] = child.pid === undefined ? [] : childrenOf(child.pid);
  if (inner === undefined || !tools.stty || !Number.isInteger(columns) || !Number.isInteger(rows)) return;
  const terminal = readlinkSync(`/proc/${inner}/fd/0`);
  if (!terminal.startsWith("/dev/pts/")) return;
  await run(tools.stty, ["-F", terminal, "cols", String(columns), "rows", String(rows)]);
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
