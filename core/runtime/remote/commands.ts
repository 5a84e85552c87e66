import { readFileSync } from "node:fs";
import type { Duplex } from "node:stream";
import { deferred, sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import { type ExecOptions, type ExecResult, type ExecSession, RuntimeError } from "../cri.ts";
import { childrenOf } from "../oci/processes.ts";
import type { Connection } from "./connection.ts";
import type { ExecStarts } from "./exec-starts.ts";
import { openCommand, openPort } from "./streams.ts";

/** Commands in running containers, and connections to their ports. */
export class RemoteCommands {
  readonly #connection: Connection;
  readonly #starts: ExecStarts;
  readonly #log: Logger;

  constructor(connection: Connection, starts: ExecStarts, log: Logger) {
    this.#connection = connection;
    this.#starts = starts;
    this.#log = log;
  }

  async execSync(id: string, command: string[], timeoutMs?: number): Promise<ExecResult> {
    // CRI counts seconds; the call itself ends in time, and with it the command.
    const timeout = timeoutMs === undefined ? 0 : Math.ceil(timeoutMs / 1000);
    const begin = async () => {
      const answer = this.#connection.call(
        "runtime.v1.RuntimeService/ExecSync",
        { containerId: id, cmd: command, timeout },
        { timeoutMs: timeoutMs ?? longest },
      );
      return { value: { answer }, over: answer };
    };
    try {
      const { stdout, stderr, exitCode } = await (await this.#starts.run(id, begin)).answer;
      return { stdout: stdout ?? nothing, stderr: stderr ?? nothing, exitCode: exitCode ?? 0 };
    } catch (error) {
      if (!(error instanceof RuntimeError) || !isTimeout(error)) throw error;
      throw new RuntimeError("Timeout", `command timed out after ${timeoutMs} ms`);
    }
  }

  async exec(id: string, { command, stdin = false, tty = false }: ExecOptions): Promise<ExecSession> {
    const streams = { stdin, stdout: true, stderr: !tty, tty };
    const started = deferred<number>();
    const begin = async () => {
      const request = { containerId: id, cmd: command, ...streams };
      const { url = "" } = await this.#connection.call("runtime.v1.RuntimeService/Exec", request);
      const value = await openCommand(url, { stdin, tty }, this.#log);
      return { value, over: value.exited };
    };
    const session = await this.#starts.run(id, begin, started.resolve);
    // The runtime lets a command run on when nobody listens any more. That it has started may be told after its output.
    const kill = () => {
      if (!this.#starts.told) return session.kill();
      void Promise.race([started.promise, sleep(toldMs)]).then((pid) => {
        if (pid !== undefined) killFamily(pid, id);
        session.kill();
      });
    };
    return { ...session, kill };
  }

  async attach(id: string, { stdin, tty }: { stdin: boolean; tty: boolean }): Promise<ExecSession> {
    const streams = { stdin, stdout: true, stderr: !tty, tty };
    const request = { containerId: id, ...streams };
    const { url = "" } = await this.#connection.call("runtime.v1.RuntimeService/Attach", request);
    return await openCommand(url, { stdin, tty }, this.#log);
  }

  /** The process that holds a sandbox, as the node counts; undefined where the runtime does not tell it. */
  async sandboxProcess(sandboxId: string): Promise<number | undefined> {
    const { info } = await this.#connection.call("runtime.v1.RuntimeService/PodSandboxStatus", {
      podSandboxId: sandboxId,
      verbose: true,
    });
    return (JSON.parse(info?.info ?? "{}") as { pid?: number }).pid;
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    // The protocol tells of a refused connection only after the first byte is sent; the kernel tells it now.
    const pid = await this.sandboxProcess(sandboxId);
    if (pid && !listens(pid, port)) throw new RuntimeError("Failed", `port ${port}: connection refused`);
    const request = { podSandboxId: sandboxId, port: [port] };
    const { url = "" } = await this.#connection.call("runtime.v1.RuntimeService/PortForward", request);
    return await openPort(url, port, this.#log);
  }
}

const nothing = new Uint8Array(0);
// How long after a command's first output containerd may take to tell its process.
const toldMs = 2000;
// What a timer can hold: some weeks.
const longest = 2 ** 31 - 1;

const isTimeout = ({ code, message }: RuntimeError) =>
  code === "Timeout" || /deadline exceeded|timed out/i.test(message);

/** Whether something listens at a port of the network that a process is in. True when that cannot be read. */
function listens(pid: number, port: number): boolean {
  const tables = ["tcp", "tcp6"].map((name) => read(`/proc/${pid}/net/${name}`));
  if (tables.every((table) => table === undefined)) return true;
  const wanted = new RegExp(`^\\s*\\d+: [0-9A-F]+:${port.toString(16).toUpperCase().padStart(4, "0")} \\S+ 0A `, "m");
  return tables.some((table) => wanted.test(table ?? ""));
}

/** Kills a process and its descendants, if it belongs to the container. */
function killFamily(pid: number, containerId: string): void {
  if (!read(`/proc/${pid}/cgroup`)?.includes(containerId)) return;
  const descend = (one: number): number[] => [one, ...childrenOf(one).flatMap(descend)];
  for (const one of descend(pid)) {
    try {
      process.kill(one, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** Undefined when the process is gone. */
function read(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}
