import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import type { Pod } from "@capstan/api/generated/core-v1";
import { deferred, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { ContainerConfig, ContainerState, ContainerStatus } from "./cri.ts";
import type { InProcessContainer, InProcessProgram } from "./in-process.ts";
import { LogFile } from "./log-file.ts";
import { LayeredRoot } from "./oci/layers.ts";

export interface InProcessRecord {
  id: string;
  sandboxId: string;
  imageId: string;
  config: ContainerConfig;
  pod: Pod;
  createdAt: string;
  startedAt?: string;
  finishedAt?: string;
  exitCode?: number;
  message?: string;
  /** Its agent was gone before it ran, or its sandbox while it did: its end says nothing about it. */
  interrupted?: boolean;
}

/** What the program sees of the rest of its pod. */
export type Surroundings = Omit<InProcessContainer, "pod" | "name" | "command" | "args" | "env" | "print" | "signal">;

/** A container that is a call of a function. Started again when the agent is: its program must be idempotent. */
export class RunningProgram {
  readonly record: InProcessRecord;
  readonly exited = deferred();
  readonly #path: string;
  readonly #stop = new AbortController();
  #suspended = false;

  constructor(record: InProcessRecord, directory: string) {
    this.record = record;
    this.#path = join(directory, `${record.id}.json`);
    if (record.finishedAt) this.exited.resolve();
  }

  get state(): ContainerState {
    if (this.record.finishedAt) return "exited";
    return this.record.startedAt ? "running" : "created";
  }

  status(): ContainerStatus {
    const { id, sandboxId, imageId, config, createdAt, startedAt, finishedAt, exitCode, message, interrupted } =
      this.record;
    const status: ContainerStatus = {
      id,
      sandboxId,
      imageId,
      config,
      state: this.state,
      createdAt: new Date(createdAt),
    };
    if (startedAt) status.startedAt = new Date(startedAt);
    if (finishedAt) {
      Object.assign(status, {
        finishedAt: new Date(finishedAt),
        exitCode,
        reason: interrupted ? "Interrupted" : exitCode === 0 ? "Completed" : "Error",
      });
      if (message) status.message = message;
    }
    return status;
  }

  run(program: InProcessProgram, surroundings: Surroundings): void {
    const { config, pod } = this.record;
    this.record.startedAt ??= new Date().toISOString();
    this.save();
    const log = new LogFile(config.logPath);
    const print = (text: string) => log.write("stdout", Buffer.from(text.endsWith("\n") ? text : `${text}\n`));
    const container: InProcessContainer = {
      ...surroundings,
      pod,
      name: config.name,
      command: config.command ?? [],
      args: config.args ?? [],
      env: Object.fromEntries(config.env.map(({ name, value }) => [name, value])),
      print,
      signal: this.#stop.signal,
    };
    // A program that throws before it returns a promise has failed like any other.
    const call = (async () => await program(container))();
    void call
      .then(
        (code) => this.#end(code),
        (error) => {
          print(messageOf(error));
          this.#end(64, messageOf(error));
        },
      )
      .finally(() => log.close());
  }

  /** Ends what an earlier agent has left and this one cannot go on with. */
  interrupt(): void {
    this.record.interrupted = true;
    this.#end(137);
  }

  async stop(graceSeconds: number): Promise<void> {
    if (this.state === "created") this.interrupt();
    this.#stop.abort();
    const over = new AbortController();
    await Promise.race([this.exited.promise, sleep(graceSeconds * 1000, over.signal)]);
    over.abort();
    if (!this.record.finishedAt) this.#end(137);
  }

  /** Ends the call without recording an end: the next agent starts it again. */
  suspend(): void {
    this.#suspended = true;
    this.#stop.abort();
  }

  save(): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    // Whole or not at all: an agent may be killed here.
    writeFileSync(`${this.#path}.new`, JSON.stringify(this.record), { mode: 0o600 });
    renameSync(`${this.#path}.new`, this.#path);
  }

  remove(): void {
    rmSync(this.#path, { force: true });
  }

  #end(code: number, message?: string): void {
    // Of a stopped call the first end counts.
    if (this.#suspended || this.record.finishedAt) return;
    this.record.finishedAt = new Date().toISOString();
    this.record.exitCode = code;
    if (message) this.record.message = message;
    this.save();
    this.exited.resolve();
  }
}

export function readProgram(directory: string, file: string): RunningProgram {
  return new RunningProgram(JSON.parse(readFileSync(join(directory, file), "utf8")) as InProcessRecord, directory);
}

/** Host path of a container's path when only its pod is known: it must be on one of its volumes. */
export function resolveByVolumes(pod: Pod, volumes: Record<string, string>, container: string, path: string): string {
  const all = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])];
  const spec = all.find(({ name }) => name === container);
  if (!spec) throw new Error(`the pod has no container "${container}"`);
  const view = new LayeredRoot([{ at: "/", directories: ["/nonexistent"] }]);
  for (const { name, mountPath, subPath = "" } of spec.volumeMounts ?? []) {
    const host = volumes[name];
    if (host) view.add({ at: posix.normalize(mountPath), directories: [join(host, subPath)] });
  }
  const { host } = view.locate(path);
  if (host.startsWith("/nonexistent")) {
    throw new Error(`container "${container}" has not been created, and ${path} is on none of its volumes`);
  }
  return host;
}
