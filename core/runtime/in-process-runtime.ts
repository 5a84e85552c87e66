import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import type { Pod } from "@capstan/api/generated/core-v1";
import type { Logger } from "@capstan/base/log";
import type {
  ContainerConfig,
  ContainerEvent,
  ContainerStats,
  ContainerStatus,
  ExecOptions,
  ExecResult,
  ExecSession,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxStats,
  Retries,
  RuntimeService,
} from "./cri.ts";
import { RuntimeError } from "./cri.ts";
import { repositoryOf } from "./images/image-map.ts";
import type { InProcessImages } from "./in-process.ts";
import { RunningProgram, readProgram, resolveByVolumes, type Surroundings } from "./in-process-container.ts";
import { readLog } from "./log-reader.ts";

/** Resolves when rules for the traffic of a pod's address hold. */
export type TrafficGuard = (pod: Pod, ip: string) => Promise<void>;

/** What a container really runs, without the wrapper whose work this process does. */
export interface Unwrapped {
  /** Absent: the image's. */
  command?: string[] | undefined;
  retries?: Retries | undefined;
}
/** Undefined for a command without a wrapper. */
export type Unwrap = (command: string[]) => Unwrapped | undefined;

/** A runtime some of whose images are functions of this process; all others it leaves to `inner`. */
export class InProcessRuntime implements RuntimeService {
  readonly #inner: RuntimeService;
  readonly #programs: InProcessImages;
  readonly #directory: string;
  readonly #log: Logger;
  readonly #guard: TrafficGuard;
  readonly #unwrap: Unwrap;
  readonly #running = new Map<string, RunningProgram>();
  readonly #listeners = new Set<(event: ContainerEvent) => void>();
  /** Of sandboxes that were made with a pod: what resolve needs. */
  readonly #volumes = new Map<string, Record<string, string>>();

  /** @param guard called for each new sandbox with an address, before anything can run in it. */
  constructor(
    inner: RuntimeService,
    programs: InProcessImages,
    directory: string,
    log: Logger,
    guard: TrafficGuard = async () => {},
    unwrap: Unwrap = () => undefined,
  ) {
    this.#unwrap = unwrap;
    this.#guard = guard;
    this.#inner = inner;
    this.#programs = programs;
    this.#directory = directory;
    this.#log = log;
  }

  /** Starts again what ran when an earlier agent ended. */
  open(): void {
    const ready = new Map(this.#inner.listPodSandboxes().map((sandbox) => [sandbox.id, sandbox]));
    for (const { id, config } of ready.values()) this.#volumes.set(id, config.volumes ?? {});
    for (const file of existsSync(this.#directory) ? readdirSync(this.#directory) : []) {
      if (file.endsWith(".new")) {
        rmSync(join(this.#directory, file));
        continue;
      }
      const program = readProgram(this.#directory, file);
      const { id, sandboxId } = program.record;
      const sandbox = ready.get(sandboxId);
      if (!sandbox) {
        rmSync(join(this.#directory, file));
        continue;
      }
      this.#watch(program);
      if (program.state === "running" && sandbox.state === "ready") this.#run(program);
      else if (program.state !== "exited") program.interrupt();
      else this.#log.debug("an ended program was found", { id });
    }
  }

  async close(): Promise<void> {
    for (const program of this.#running.values()) program.suspend();
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    const sandbox = await this.#inner.runPodSandbox(config);
    this.#volumes.set(sandbox.id, config.volumes ?? {});
    if (config.pod && sandbox.ip) await this.#guard(config.pod, sandbox.ip);
    return sandbox;
  }

  async stopPodSandbox(id: string): Promise<void> {
    await Promise.all(this.#of(id).map((program) => program.stop(0)));
    await this.#inner.stopPodSandbox(id);
  }

  async removePodSandbox(id: string): Promise<void> {
    for (const program of this.#of(id)) await this.removeContainer(program.record.id);
    await this.#inner.removePodSandbox(id);
    this.#volumes.delete(id);
  }

  /** Whether this process does a part of the pod's work: in other pods the wrapper has to do its own. */
  #helps(sandboxId: string): boolean {
    const spec = this.#inner.listPodSandboxes().find(({ id }) => id === sandboxId)?.config.pod?.spec;
    return spec?.containers.some(({ image = "" }) => image !== "" && this.#programs.has(repositoryOf(image))) ?? false;
  }

  #unwrapped(config: ContainerConfig): ContainerConfig {
    const { command: given, ...rest } = config;
    const unwrapped = given && this.#unwrap(given);
    if (!unwrapped) return config;
    const { command, retries } = unwrapped;
    // The wrapper would have been its first process, and handed signals on to it as to any other. Without a command of
    // its own the container has its image's.
    return { ...rest, ...(command?.length ? { command } : {}), ...(retries ? { retries } : {}), endsBySignal: true };
  }

  listPodSandboxes(): PodSandbox[] {
    return this.#inner.listPodSandboxes();
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const repository = repositoryOf(config.image);
    if (!this.#programs.has(repository)) {
      return await this.#inner.createContainer(sandboxId, this.#helps(sandboxId) ? this.#unwrapped(config) : config);
    }
    const sandbox = this.#inner.listPodSandboxes().find(({ id }) => id === sandboxId);
    if (!sandbox) throw new RuntimeError("NotFound", `there is no sandbox ${sandboxId}`);
    if (!sandbox.config.pod)
      throw new RuntimeError("InvalidArgument", `image ${repository} needs its sandbox to know the pod`);
    const id = randomBytes(32).toString("hex");
    const record = {
      id,
      sandboxId,
      imageId: `in-process:${repository}`,
      config,
      pod: sandbox.config.pod,
      createdAt: new Date().toISOString(),
    };
    const program = new RunningProgram(record, this.#directory);
    program.save();
    this.#watch(program);
    this.#emit({ type: "created", sandboxId, containerId: id });
    return id;
  }

  async startContainer(id: string): Promise<void> {
    const program = this.#running.get(id);
    if (!program) return await this.#inner.startContainer(id);
    if (program.state !== "created") throw new RuntimeError("InvalidArgument", `container ${id} has started`);
    this.#run(program);
    this.#emit({ type: "started", sandboxId: program.record.sandboxId, containerId: id });
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const program = this.#running.get(id);
    await (program ? program.stop(graceSeconds) : this.#inner.stopContainer(id, graceSeconds));
  }

  signalContainer(id: string, signal: "SIGTERM" | "SIGKILL"): void {
    const program = this.#running.get(id);
    if (program) void program.stop(signal === "SIGKILL" ? 0 : 30);
    else this.#inner.signalContainer(id, signal);
  }

  async removeContainer(id: string): Promise<void> {
    const program = this.#running.get(id);
    if (!program) return await this.#inner.removeContainer(id);
    await program.stop(0);
    program.remove();
    this.#running.delete(id);
    this.#emit({ type: "deleted", sandboxId: program.record.sandboxId, containerId: id });
  }

  listContainers(sandboxId?: string): ContainerStatus[] {
    const own = sandboxId === undefined ? [...this.#running.values()] : this.#of(sandboxId);
    return [...own.map((program) => program.status()), ...this.#inner.listContainers(sandboxId)];
  }

  containerStatus(id: string): ContainerStatus {
    return this.#running.get(id)?.status() ?? this.#inner.containerStatus(id);
  }

  async execSync(id: string, command: string[], timeoutMs?: number): Promise<ExecResult> {
    this.#refuse(id, "run a command in");
    return await this.#inner.execSync(id, command, timeoutMs);
  }

  async exec(id: string, options: ExecOptions): Promise<ExecSession> {
    this.#refuse(id, "run a command in");
    return await this.#inner.exec(id, options);
  }

  async attach(id: string): Promise<ExecSession> {
    this.#refuse(id, "attach to");
    return await this.#inner.attach(id);
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    return await this.#inner.portForward(sandboxId, port);
  }

  async containerStats(id: string): Promise<ContainerStats> {
    return this.#running.has(id) ? { id, time: new Date() } : await this.#inner.containerStats(id);
  }

  async podSandboxStats(id: string): Promise<PodSandboxStats> {
    return (await this.#inner.podSandboxStats?.(id)) ?? { time: new Date(), network: [] };
  }

  resolvePath(id: string, path: string): string {
    const program = this.#running.get(id);
    if (!program) return this.#inner.resolvePath(id, path);
    const { pod, sandboxId, config } = program.record;
    return resolveByVolumes(pod, this.#volumes.get(sandboxId) ?? {}, config.name, path);
  }

  onEvent(listener: (event: ContainerEvent) => void): () => void {
    this.#listeners.add(listener);
    const stop = this.#inner.onEvent(listener);
    return () => {
      stop();
      this.#listeners.delete(listener);
    };
  }

  #run(program: RunningProgram): void {
    const { sandboxId, config } = program.record;
    const main = this.#programs.get(repositoryOf(config.image));
    if (!main) throw new RuntimeError("ImageNotFound", `image ${config.image} is no longer part of this agent`);
    program.run(main, this.#surroundings(program.record.pod, sandboxId));
  }

  #surroundings(pod: RunningProgram["record"]["pod"], sandboxId: string): Surroundings {
    // The last attempt of a container of the pod.
    const find = (name: string) =>
      this.listContainers(sandboxId)
        .filter((one) => one.config.name === name)
        .sort((a, b) => b.config.attempt - a.config.attempt)[0];
    const until = <T>(check: () => T | undefined) =>
      new Promise<T>((resolve) => {
        const now = check();
        if (now !== undefined) return resolve(now);
        const stop = this.onEvent(() => {
          const later = check();
          if (later === undefined) return;
          stop();
          resolve(later);
        });
      });
    const over = (name: string) => {
      const status = find(name);
      // What the node's stop has cut off runs again.
      if (status?.state !== "exited" || status.reason === "Interrupted") return undefined;
      const policy = pod.spec?.restartPolicy ?? "Always";
      const final =
        policy === "Never" || (policy === "OnFailure" && status.exitCode === 0) || !this.#isReady(sandboxId);
      return final ? status : undefined;
    };
    const ended = async (name: string) => {
      const { exitCode = 0, reason = "", startedAt, finishedAt } = await until(() => over(name));
      const time = (date: Date | undefined) => (date ?? new Date()).toISOString();
      return { exitCode, reason, startedAt: time(startedAt), finishedAt: time(finishedAt) };
    };
    return {
      resolve: (name, path) => {
        const status = find(name);
        if (status) return this.resolvePath(status.id, path);
        return resolveByVolumes(pod, this.#volumes.get(sandboxId) ?? {}, name, path);
      },
      waitFor: ended,
      started: async (name) => void (await until(() => (find(name)?.startedAt ? true : undefined))),
      kill: (name, signal) => {
        const hears = () => {
          const status = find(name);
          if (status?.state === "running") this.signalContainer(status.id, signal);
          else if (status?.state !== "exited" && this.#isReady(sandboxId)) return undefined;
          return true;
        };
        // Who has not begun hears of it when it has.
        if (!hears()) void until(hears);
      },
      logs: async function* (name, stream) {
        const status = await until(() => (find(name)?.startedAt ? find(name) : undefined));
        for await (const entry of readLog(status.config.logPath, { follow: true, ended: ended(name) })) {
          if (!stream || entry.stream === stream) yield entry.text;
        }
      },
    };
  }

  #isReady(sandboxId: string): boolean {
    return this.#inner.listPodSandboxes().some(({ id, state }) => id === sandboxId && state === "ready");
  }

  #watch(program: RunningProgram): void {
    const { id, sandboxId } = program.record;
    this.#running.set(id, program);
    if (program.state === "exited") return;
    void program.exited.promise.then(() => this.#emit({ type: "stopped", sandboxId, containerId: id }));
  }

  #of(sandboxId: string): RunningProgram[] {
    return [...this.#running.values()].filter((program) => program.record.sandboxId === sandboxId);
  }

  #refuse(id: string, what: string): void {
    const name = this.#running.get(id)?.record.config.name;
    if (name !== undefined)
      throw new RuntimeError("Unsupported", `cannot ${what} container "${name}": it is a part of the agent`);
  }

  #emit(event: ContainerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
