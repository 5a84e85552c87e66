// Commands in a running container.
import { spawn } from "node:child_process";
import { join } from "node:path";
import { PassThrough, type Readable, type Writable } from "node:stream";
import { type ExecOptions, type ExecResult, type ExecSession, RuntimeError } from "../cri.ts";
import { quote, run } from "./command.ts";
import type { Tools } from "./command-line.ts";
import { type OciContainer, writeTo } from "./container.ts";
import { family, kill } from "./processes.ts";
import { runcWords } from "./runc.ts";

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

/** The words that run a command in a container, from outside of it; with `tty` in a terminal. */
function wordsFor(container: OciContainer, context: ExecContext, { command, tty }: ExecOptions): string[] {
  const { tools } = context;
  if (container.record.launcher === "runc") {
    const runc = [...runcWords(tools.runc ?? "runc", container.directory), "exec"];
    if (!tty) return [...runc, container.record.id, ...command];
    return terminal(
      tools,
      [...runc, "--tty", "--env", "TERM=xterm", container.record.id, ...command],
      "echo started >&3; exec 3>&-; ",
    );
  }
  const inner = [tools.sh, join(import.meta.dirname, "exec.sh"), container.directory, ...command];
  return [tools.nsenter, ...flagsFor(container, context), ...(tty ? terminal(tools, inner) : inner)];
}

export function startExec(container: OciContainer, context: ExecContext, options: ExecOptions): ExecSession {
  const { tools } = context;
  const { stdin, tty = false } = options;
  const [program = "", ...args] = wordsFor(container, context, options);
  // Fd 3 tells when the command's terminal is there.
  const child = spawn(program, args, {
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
    stdout: kept(stdout),
    stderr: kept(stderr),
    exited,
    kill: () => {
      // nsenter and runc end by themselves with what they started, and must live to reap it: a container's PID namespace
      // cannot end before all of its processes are reaped.
      const [outside, ...started] = child.pid === undefined ? [] : family(child.pid);
      for (const pid of started) kill(pid, "SIGKILL");
      if (started.length === 0 && outside !== undefined) kill(outside, "SIGKILL");
    },
    resize: async (columns, rows) => {
      if (!tty) return;
      await started;
      // What script gave a terminal to: script may have been started by nsenter.
      const between = container.record.launcher === "runc" ? 1 : 2;
      const last = child.pid === undefined ? undefined : family(child.pid)[between];
      if (last !== undefined) await resizeTerminal(tools, last, columns, rows);
    },
  };
}

/** Node drops what a process has written that nobody reads when it exits: here it waits for its reader. */
function kept(output: Readable): Readable {
  const through = new PassThrough();
  output.on("error", (error) => through.destroy(error));
  return output.pipe(through);
}

function terminal(tools: Tools, words: string[], before = ""): string[] {
  if (!tools.script) throw new RuntimeError("Unsupported", "a terminal needs the program script (Debian's bsdutils)");
  return [tools.script, "-q", "-e", "-f", "-c", `${before}exec ${words.map(quote).join(" ")}`, "/dev/null"];
}

/** Sets the size of the terminal that is a process's input. */
export async function resizeTerminal(tools: Tools, pid: number, columns: number, rows: number): Promise<void> {
  if (!tools.stty || !Number.isInteger(columns) || !Number.isInteger(rows)) return;
  await run(tools.stty, ["-F", `/proc/${pid}/fd/0`, "cols", String(columns), "rows", String(rows)]);
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
