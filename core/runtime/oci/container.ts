import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { constants } from "node:os";
import { join } from "node:path";
import { createQueue, deferred, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import { type ContainerConfig, type ContainerStatus, type ExecSession, type Mount, RuntimeError } from "../cri.ts";
import { LogFile, type LogStream } from "../log-file.ts";
import { closed, forgetProcess, processGone, willStart } from "./again.ts";
import type { Cgroup } from "./cgroup.ts";
import { drainFifo, isHeld, type Launched, readFifo, release, sayDrained, writeFifo } from "./launch.ts";
import type { LayeredRoot } from "./layers.ts";
import { childrenOf, hears, isRuncInit, kill, leavesToKernel } from "./processes.ts";
import { runcFailure } from "./runc.ts";

/** Longest that a stop of the node waits for a program, in seconds. */
export const endGrace = 10;

/** What makes a container's process: runc, or util-linux's programs. */
export type Launcher = "runc" | "unshare";

/** What survives the agent: config.json of the container's directory. */
export interface ContainerRecord {
  id: string;
  sandboxId: string;
  imageId: string;
  imageRef?: string;
  createdAt: string;
  config: Omit<ContainerConfig, "env">;
  launcher: Launcher;
  /** Number of the signal that ends it in good order; absent: SIGTERM. */
  stopSignal?: number;
  /** As LayeredRoot takes it. */
  layers: { at: string; directories: string[] }[];
  startedAt?: string;
  startError?: string;
  /** The node was stopped under it: its end says nothing about its program. */
  interrupted?: boolean;
  /** Of one with retries: how many of them are no longer left, and its volumes at their real places. */
  retried?: number;
  places?: Mount[];
}

/** Exit codes of what a signal ended. */
const signalled = 128;
const killedCode = signalled + constants.signals.SIGKILL;
/** Signals that end a process that does nothing about them. */
const { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2 } = constants.signals;
const ending = new Set<number>([SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2]);

const outputs = ["stdout", "stderr"] as const;

/** One container of the oci driver: its process, its output, and its record on disk. */
export class OciContainer {
  readonly record: ContainerRecord;
  readonly directory: string;
  readonly view: LayeredRoot;
  readonly cgroup: Cgroup | undefined;
  /** Resolves when the container has ended and its output is in the log. */
  readonly exited = deferred();
  /** Why its program cannot be started, known when it was prepared: it has no process then. */
  cannotRun: string | undefined;
  exit: { code: number; finishedAt: Date; oomKilled: boolean } | undefined;
  /** Makes a process for it once more: rejects when it cannot be, and has abandoned it then. */
  relaunch: (() => Promise<void>) | undefined;
  #launched: Launched | undefined;
  #log: LogFile | undefined;
  #sockets: Socket[] = [];
  #detached = false;
  /** The last signal that its process was sent: it may have come in the middle of the start. */
  #sent: number | undefined;
  /** The signal whose work SIGKILL does. */
  #endedBy: number | undefined;
  #input: Socket | undefined;
  /** Resolves when the present process has ended and its output is in the log. */
  #over = deferred();
  #abandoned = false;
  /** Set from the end of one process to the start of the next. */
  #pause: AbortController | undefined;
  /** The last signal that was sent to a container with retries: none are left then. */
  #asked: number | undefined;
  readonly #listeners = new Set<(stream: LogStream, data: Uint8Array) => void>();

  constructor(record: ContainerRecord, directory: string, view: LayeredRoot, cgroup: Cgroup | undefined) {
    this.record = record;
    this.directory = directory;
    this.view = view;
    this.cgroup = cgroup;
  }

  get pid(): number {
    return Number(readFileSync(join(this.directory, "pid"), "utf8"));
  }

  /** Process whose root is the node's and whose mount namespace is the container's. */
  get shim(): number {
    return Number(readFileSync(join(this.directory, "shim"), "utf8"));
  }

  /** The process that script(1) gave the container's terminal to. */
  get terminal(): number | undefined {
    const script =
      this.record.launcher === "runc" ? Number(readFileSync(join(this.directory, "parent"), "utf8")) : this.pid;
    return this.exit || this.#pause ? undefined : childrenOf(script)[0];
  }

  get state(): ContainerStatus["state"] {
    if (this.exit && !this.#pause) return "exited";
    return this.record.startedAt ? "running" : "created";
  }

  status(): ContainerStatus {
    const { id, sandboxId, imageId, imageRef, config, createdAt, startedAt, startError } = this.record;
    const status: ContainerStatus = {
      id,
      sandboxId,
      imageId,
      ...(imageRef ? { imageRef } : {}),
      config,
      state: this.state,
      createdAt: new Date(createdAt),
    };
    if (startedAt) status.startedAt = new Date(startedAt);
    if (this.exit && this.state === "exited") {
      const { code, finishedAt, oomKilled } = this.exit;
      status.finishedAt = finishedAt;
      status.exitCode = code;
      status.reason = oomKilled ? "OOMKilled" : code === 0 ? "Completed" : "Error";
      if (this.record.interrupted) status.reason = "Interrupted";
      if (startError) Object.assign(status, { reason: "StartError", message: startError });
    }
    return status;
  }

  /** Takes over the container's FIFOs: of one just launched, or of one that outlived an earlier agent. */
  connect(launched?: Launched): void {
    this.#launched = launched;
    this.#sockets = [];
    this.#log = new LogFile(this.record.config.logPath);
    const path = join(this.directory, "control");
    if (!existsSync(path) || !isHeld(path)) {
      this.#finish();
      return;
    }
    for (const stream of outputs) {
      const socket = readFifo(join(this.directory, stream));
      this.#sockets.push(socket);
      socket.on("data", (data: Buffer) => this.#take(stream, data));
      // It ends while others may still write: what they write is read at the end.
      socket.on("error", () => socket.destroy());
    }
    const control = readFifo(path);
    this.#sockets.push(control);
    control.resume();
    // It may have ended between the two looks: a FIFO tells its end only to those who saw it held.
    if (!isHeld(path)) control.destroy();
    void closed(control).then(() => {
      if (!this.#detached) this.#finish();
    });
  }

  /** The parent of the container's first process has told its end: what it printed is in the FIFOs. */
  #finish(): void {
    // Other processes of a shared PID namespace may still run.
    this.#killGroup();
    for (const socket of this.#sockets) {
      while (socket.read() !== null) {}
      socket.destroy();
    }
    for (const stream of outputs) {
      const path = join(this.directory, stream);
      if (existsSync(path)) for (const data of drainFifo(path)) this.#take(stream, data);
    }
    this.#input?.destroy();
    this.#log?.close();
    this.readExit();
    const again = this.#triesAgain();
    if (again) this.#pause = new AbortController();
    const gone = again ? processGone(this.directory) : undefined;
    sayDrained(join(this.directory, "drained"));
    this.#over.resolve();
    if (this.#abandoned) return;
    if (gone) void this.#tryAgain(gone);
    else this.exited.resolve();
  }

  /** From one process to the next; nothing is done in between but waiting. */
  get isPaused(): boolean {
    return this.#pause !== undefined;
  }

  #triesAgain(): boolean {
    const { config, retried = 0, interrupted, startError } = this.record;
    if (!this.relaunch || this.#abandoned || this.#detached || interrupted || startError) return false;
    return this.exit?.code !== 0 && retried < (config.retries?.times ?? 0);
  }

  async #tryAgain(gone: Promise<void>): Promise<void> {
    await gone;
    await sleep(this.record.config.retries?.pauseMs ?? 0, this.#pause?.signal);
    if (this.#detached) return;
    if (this.#asked === undefined) {
      this.record.retried = (this.record.retried ?? 0) + 1;
      this.save();
      forgetProcess(this.directory);
      this.#over = deferred();
      this.exit = undefined;
      try {
        await this.relaunch?.();
        this.#pause = undefined;
        willStart(this.directory);
        this.#go();
        if (this.#asked !== undefined) this.signal(this.#asked);
        return;
      } catch (error) {
        this.record.startError ??= messageOf(error);
        this.save();
        this.readExit();
      }
    }
    this.#pause = undefined;
    this.exited.resolve();
  }

  #take(stream: LogStream, data: Buffer): void {
    this.#log?.write(stream, data);
    for (const listener of this.#listeners) listener(stream, data);
  }

  /** Opens the way for input: once the FIFO is there, and before the program's end of it is waited for. */
  openInput(): void {
    this.#input = writeFifo(join(this.directory, "stdin"));
  }

  /** Ends what was launched and cannot be a container; resolves when nothing of it is left. */
  async abandon(launched: Launched): Promise<void> {
    this.#abandoned = true;
    launched.child.stdin?.end();
    this.#killGroup();
    if (existsSync(join(this.directory, "control"))) {
      this.connect(launched);
      await this.#over.promise;
    }
    release(launched);
  }

  /** Lets go of all that this process holds of it: another agent takes over. */
  detach(): void {
    this.#detached = true;
    this.#pause?.abort();
    if (this.#launched) release(this.#launched);
    for (const socket of this.#sockets) socket.destroy();
    this.#input?.destroy();
  }

  start(): void {
    if (this.state !== "created") throw new RuntimeError("InvalidArgument", `container ${this.record.id} has started`);
    if (!this.#launched) throw new RuntimeError("Failed", "the agent that created the container has ended");
    // Written down before the program can begin: an agent that is killed in between finds ./unstarted instead.
    this.record.startedAt = new Date().toISOString();
    this.save();
    this.#go();
  }

  #go(): void {
    this.#launched?.child.stdin?.write("go\n");
    this.#launched?.child.stdin?.end(() => this.#launched && release(this.#launched));
  }

  /** Ends a container that was never started. */
  discard(message?: string): void {
    if (message) {
      this.record.startError = message;
      this.record.startedAt = new Date().toISOString();
      this.save();
    }
    if (!this.#launched) {
      this.#finish();
      return;
    }
    this.#launched.child.stdin?.end();
    release(this.#launched);
  }

  signal(signal: NodeJS.Signals | number): void {
    if (this.state !== "running") return;
    const number = typeof signal === "number" ? signal : constants.signals[signal];
    if (this.record.config.retries) this.#endRetries(number);
    if (this.#pause) return;
    const isDeaf = () => this.record.config.endsBySignal && leavesToKernel(this.pid, number);
    // What runc still prepares would end by a code of its own.
    if (ending.has(number) && (isRuncInit(this.pid) || isDeaf())) {
      this.#endedBy = number;
      this.signal("SIGKILL");
      return;
    }
    if (signal === "SIGKILL") this.cgroup?.unthrottle();
    this.#sent = number;
    kill(this.pid, signal);
  }

  /** Written down at once: another agent must not start again what was asked to end. */
  #endRetries(number: number): void {
    this.#asked = number;
    this.record.retried = this.record.config.retries?.times ?? 0;
    this.save();
    this.#pause?.abort();
  }

  async stop(graceSeconds: number): Promise<void> {
    if (this.state === "created") this.discard();
    if (this.state !== "exited" && graceSeconds > 0) {
      this.signal(this.record.stopSignal ?? "SIGTERM");
      const over = new AbortController();
      await Promise.race([this.exited.promise, sleep(graceSeconds * 1000, over.signal)]);
      over.abort();
    }
    if (this.state !== "exited") {
      this.signal("SIGKILL");
      await this.exited.promise;
    }
  }

  /** Records that what ends it now is not its own doing, unless it has ended. */
  interrupt(): void {
    if (this.state === "exited" || (this.hasEnded && !this.record.config.retries)) return;
    this.record.interrupted = true;
    this.save();
  }

  /** The node stops: a program that listens for it may end in good order, within its grace and the node's own. */
  async end(): Promise<void> {
    this.interrupt();
    const { stopSignal = constants.signals.SIGTERM, config } = this.record;
    const isHeard = this.state === "running" && !this.#pause && hears(this.pid, stopSignal);
    await this.stop(isHeard ? Math.min(config.graceSeconds ?? endGrace, endGrace) : 0);
  }

  save(): void {
    const path = join(this.directory, "config.json");
    writeFileSync(`${path}.new`, JSON.stringify(this.record), { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  /** Whether the parent process has recorded an end. */
  get hasEnded(): boolean {
    const path = join(this.directory, "exit");
    return existsSync(path) && readFileSync(path, "utf8").trim() !== "";
  }

  /** Reads what the parent process left; a container whose parent was killed counts as killed. */
  readExit(): void {
    const path = join(this.directory, "exit");
    const stat = statSync(path, { throwIfNoEntry: false });
    const text = stat ? readFileSync(path, "utf8").trim() : "";
    const finishedAt = text !== "" && stat ? stat.mtime : new Date();
    // Of a program that the kernel would not start there is no status.
    const failure = this.record.launcher === "runc" ? runcFailure(this.directory) : undefined;
    // Its start was written down, and the agent killed before the program heard of it.
    const unstarted = existsSync(join(this.directory, "unstarted")) && this.record.startError === undefined;
    if (!this.record.startedAt || unstarted) this.record.interrupted = true;
    if (this.#sent === undefined && !this.record.interrupted) this.record.startError ??= failure;
    const given = text === "" ? killedCode : Number(text);
    const status = failure ? signalled + (this.#sent ?? constants.signals.SIGKILL) : given;
    const ended = status === killedCode && this.#endedBy ? signalled + this.#endedBy : status;
    const code = this.record.startError ? 128 : ended;
    // The kernel's count is of all its processes.
    const mayBe = this.record.retried ? code === killedCode : code !== 0;
    this.exit = { code, finishedAt, oomKilled: mayBe && (this.cgroup?.oomKilled() ?? false) };
  }

  attach(): ExecSession {
    const output = { stdout: createQueue<Uint8Array>(4096), stderr: createQueue<Uint8Array>(4096) };
    const listener = (stream: LogStream, data: Uint8Array) => output[stream].push(data);
    this.#listeners.add(listener);
    const end = () => {
      this.#listeners.delete(listener);
      output.stdout.end();
      output.stderr.end();
    };
    void this.exited.promise.then(end);
    const input = this.#input;
    return {
      ...(input
        ? {
            write: (data: Uint8Array) => writeTo(input, data),
            endInput: () => {
              if (this.record.config.stdinOnce) input.end();
            },
          }
        : {}),
      stdout: output.stdout,
      stderr: output.stderr,
      resize: async () => {},
      exited: this.exited.promise.then(() => this.exit?.code ?? 0),
      kill: end,
    };
  }

  #killGroup(): void {
    for (const pid of this.cgroup?.processes() ?? []) kill(pid, "SIGKILL");
  }
}

export function writeTo(socket: NodeJS.WritableStream, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.write(data, (error?: Error | null) => (error ? reject(error) : resolve()));
  });
}
