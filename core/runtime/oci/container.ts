import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { createQueue, deferred, sleep } from "@capstan/base/async";
import { type ContainerConfig, type ContainerStatus, type ExecSession, RuntimeError } from "../cri.ts";
import { LogFile, type LogStream } from "../log-file.ts";
import type { Cgroup } from "./cgroup.ts";
import { isHeld, type Launched, readFifo, release, writeFifo } from "./launch.ts";
import type { LayeredRoot } from "./layers.ts";

/** What survives the agent: config.json of the container's directory. */
export interface ContainerRecord {
  id: string;
  sandboxId: string;
  imageId: string;
  createdAt: string;
  config: Omit<ContainerConfig, "env">;
  /** As LayeredRoot takes it. */
  layers: { at: string; directories: string[] }[];
  startedAt?: string;
  startError?: string;
  /** The node was stopped under it: its end says nothing about its program. */
  interrupted?: boolean;
}

/** How long output may stay open after a container's first process has ended. */
const drainMs = 2000;

/** One container of the oci driver: its process, its output, and its record on disk. */
export class OciContainer {
  readonly record: ContainerRecord;
  readonly directory: string;
  readonly view: LayeredRoot;
  readonly cgroup: Cgroup | undefined;
  /** Resolves when the container has ended and its output is in the log. */
  readonly exited = deferred();
  /** Why its program cannot be started, known when it was prepared. */
  cannotRun: string | undefined;
  exit: { code: number; finishedAt: Date; oomKilled: boolean } | undefined;
  #launched: Launched | undefined;
  #control: Socket | undefined;
  #outputs: Socket[] = [];
  #input: Socket | undefined;
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

  get state(): ContainerStatus["state"] {
    if (this.exit) return "exited";
    return this.record.startedAt ? "running" : "created";
  }

  status(): ContainerStatus {
    const { id, sandboxId, imageId, config, createdAt, startedAt, startError } = this.record;
    const status: ContainerStatus = {
      id,
      sandboxId,
      imageId,
      config,
      state: this.state,
      createdAt: new Date(createdAt),
    };
    if (startedAt) status.startedAt = new Date(startedAt);
    if (this.exit) {
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
    const control = join(this.directory, "control");
    if (!isHeld(control)) {
      this.#killGroup();
      this.readExit();
      this.exited.resolve();
      return;
    }
    const log = new LogFile(this.record.config.logPath);
    const ends = (["stdout", "stderr"] as const).map((stream) => {
      const socket = readFifo(join(this.directory, stream));
      this.#outputs.push(socket);
      socket.on("data", (data: Buffer) => {
        log.write(stream, data);
        for (const listener of this.#listeners) listener(stream, data);
      });
      return closed(socket);
    });
    this.#control = readFifo(control);
    this.#control.resume();
    // It may have ended between the two looks: a FIFO tells its end only to those who saw it held.
    if (!isHeld(control)) this.#control.destroy();
    void closed(this.#control).then(async () => {
      // Other processes of a shared PID namespace may still hold the output open.
      this.#killGroup();
      const over = new AbortController();
      await Promise.race([Promise.all(ends), sleep(drainMs, over.signal)]);
      over.abort();
      for (const socket of this.#outputs) socket.destroy();
      this.#input?.destroy();
      log.close();
      this.readExit();
      this.exited.resolve();
    });
  }

  start(): void {
    if (this.state !== "created") throw new RuntimeError("InvalidArgument", `container ${this.record.id} has started`);
    if (!this.#launched) throw new RuntimeError("Failed", "the agent that created the container has ended");
    if (this.record.config.stdin) this.#input = writeFifo(join(this.directory, "stdin"));
    this.#launched.child.stdin?.write("go\n");
    this.#launched.child.stdin?.end(() => this.#launched && release(this.#launched));
    this.record.startedAt = new Date().toISOString();
    this.save();
  }

  /** Ends a container that was never started. */
  discard(message?: string): void {
    if (message) {
      this.record.startError = message;
      this.record.startedAt = new Date().toISOString();
      this.save();
    }
    this.#launched?.child.stdin?.end();
    if (this.#launched) release(this.#launched);
  }

  signal(signal: NodeJS.Signals): void {
    if (this.exit || !this.record.startedAt) return;
    kill(this.pid, signal);
  }

  async stop(graceSeconds: number): Promise<void> {
    if (this.state === "created") this.discard();
    if (!this.exit && graceSeconds > 0) {
      this.signal("SIGTERM");
      const over = new AbortController();
      await Promise.race([this.exited.promise, sleep(graceSeconds * 1000, over.signal)]);
      over.abort();
    }
    if (!this.exit) {
      this.signal("SIGKILL");
      await this.exited.promise;
    }
  }

  /** Records that what ends it now is not its own doing. */
  interrupt(): void {
    if (this.exit) return;
    this.record.interrupted = true;
    this.save();
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
    const code = this.record.startError ? 128 : text === "" ? 137 : Number(text);
    if (!this.record.startedAt) this.record.interrupted = true;
    this.exit = { code, finishedAt, oomKilled: code !== 0 && (this.cgroup?.oomKilled() ?? false) };
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

/** A process that has ended needs no signal. */
export function kill(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.on("close", () => resolve());
    socket.on("error", () => socket.destroy());
  });
}
