// A runtime without processes: for tests of what stands on the seam.
import { randomUUID } from "node:crypto";
import { Duplex } from "node:stream";
import { createQueue, deferred, sleep } from "@capstan/base/async";
import type {
  ContainerConfig,
  ContainerEvent,
  ContainerStats,
  ContainerStatus,
  ExecOptions,
  ExecResult,
  ExecSession,
  ImageService,
  ImageStatus,
  PodSandbox,
  PodSandboxConfig,
  RuntimeService,
} from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import { LogFile } from "../log-file.ts";

/** What a container or a command does: writes, then ends with a code, or goes on until it is stopped. */
export interface FakeBehaviour {
  output?: string;
  exitCode?: number;
  /** Ends at once on SIGTERM; otherwise only on SIGKILL. */
  heedsTerm?: boolean;
}

export type FakeProgram = (argv: string[], config: ContainerConfig) => FakeBehaviour;

interface FakeContainer {
  status: ContainerStatus;
  config: ContainerConfig;
  behaviour: FakeBehaviour;
  log: LogFile;
  exited: ReturnType<typeof deferred<void>>;
}

/** @param program decides what each command line does; default: everything runs until it is stopped. */
export class FakeRuntime implements RuntimeService, ImageService {
  readonly #program: FakeProgram;
  readonly #sandboxes = new Map<string, PodSandbox>();
  readonly #containers = new Map<string, FakeContainer>();
  readonly #images = new Map<string, ImageStatus>();
  readonly #listeners = new Set<(event: ContainerEvent) => void>();
  #addresses = 1;

  constructor(program: FakeProgram = () => ({})) {
    this.#program = program;
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    const ip = config.namespaces.hostNetwork ? "" : `192.0.2.${this.#addresses++}`;
    const sandbox: PodSandbox = { id: randomUUID(), config, state: "ready", createdAt: new Date(), ip };
    this.#sandboxes.set(sandbox.id, sandbox);
    return { ...sandbox };
  }

  async stopPodSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (sandbox?.state !== "ready") return;
    for (const { id: container } of this.listContainers(id)) await this.stopContainer(container, 0);
    sandbox.state = "notready";
    this.#emit({ type: "sandbox-stopped", sandboxId: id });
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id);
    for (const { id: container } of this.listContainers(id)) await this.removeContainer(container);
    this.#sandboxes.delete(id);
  }

  listPodSandboxes(): PodSandbox[] {
    return [...this.#sandboxes.values()].map((sandbox) => ({ ...sandbox }));
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    if (this.#sandboxes.get(sandboxId)?.state !== "ready")
      throw new RuntimeError("NotFound", `no sandbox ${sandboxId}`);
    const image = this.#images.get(config.image);
    if (!image) throw new RuntimeError("ImageNotFound", `image "${config.image}" is not present`);
    const id = randomUUID();
    const { env: _, ...stored } = config;
    const status: ContainerStatus = {
      id,
      sandboxId,
      imageId: image.id,
      config: stored,
      state: "created",
      createdAt: new Date(),
    };
    const behaviour = this.#program([...(config.command ?? []), ...(config.args ?? [])], config);
    this.#containers.set(id, { status, config, behaviour, log: new LogFile(config.logPath), exited: deferred() });
    this.#emit({ type: "created", sandboxId, containerId: id });
    return id;
  }

  async startContainer(id: string): Promise<void> {
    const container = this.#container(id);
    if (container.status.state !== "created") throw new RuntimeError("InvalidArgument", `container ${id} has started`);
    container.status.state = "running";
    container.status.startedAt = new Date();
    this.#emit({ type: "started", sandboxId: container.status.sandboxId, containerId: id });
    const { output, exitCode } = container.behaviour;
    if (output) container.log.write("stdout", Buffer.from(output));
    if (exitCode !== undefined) queueMicrotask(() => this.finish(id, exitCode));
  }

  /** Ends a container as if its program had. */
  finish(id: string, exitCode: number): void {
    const container = this.#container(id);
    if (container.status.state === "exited") return;
    container.status.state = "exited";
    container.status.startedAt ??= new Date();
    Object.assign(container.status, {
      finishedAt: new Date(),
      exitCode,
      reason: exitCode === 0 ? "Completed" : "Error",
    });
    container.log.close();
    container.exited.resolve();
    this.#emit({ type: "stopped", sandboxId: container.status.sandboxId, containerId: id });
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const container = this.#containers.get(id);
    if (!container || container.status.state === "exited") return;
    if (graceSeconds > 0) {
      this.signalContainer(id, "SIGTERM");
      const over = new AbortController();
      await Promise.race([container.exited.promise, sleep(graceSeconds * 1000, over.signal)]);
      over.abort();
    }
    this.signalContainer(id, "SIGKILL");
  }

  signalContainer(id: string, signal: "SIGTERM" | "SIGKILL"): void {
    const { behaviour } = this.#container(id);
    if (signal === "SIGKILL") this.finish(id, 137);
    else if (behaviour.heedsTerm) this.finish(id, 143);
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    await this.stopContainer(id, 0);
    this.#containers.delete(id);
    this.#emit({ type: "deleted", sandboxId: container.status.sandboxId, containerId: id });
  }

  listContainers(sandboxId?: string): ContainerStatus[] {
    const all = [...this.#containers.values()].map(({ status }) => ({ ...status }));
    return all.filter((status) => sandboxId === undefined || status.sandboxId === sandboxId);
  }

  containerStatus(id: string): ContainerStatus {
    return { ...this.#container(id).status };
  }

  async execSync(id: string, command: string[], timeoutMs?: number): Promise<ExecResult> {
    const { output = "", exitCode } = this.#running(id, command);
    if (exitCode === undefined) {
      if (timeoutMs === undefined) await this.#container(id).exited.promise;
      throw new RuntimeError("Timeout", `command timed out after ${timeoutMs} ms`);
    }
    return { stdout: Buffer.from(output), stderr: Buffer.alloc(0), exitCode };
  }

  async exec(id: string, { command, stdin }: ExecOptions): Promise<ExecSession> {
    const { output = "", exitCode } = this.#running(id, command);
    const stdout = createQueue<Uint8Array>();
    const stderr = createQueue<Uint8Array>();
    const ended = deferred<number>();
    const end = (code: number) => {
      stdout.end();
      stderr.end();
      ended.resolve(code);
    };
    if (output) stdout.push(Buffer.from(output));
    if (exitCode !== undefined) end(exitCode);
    return {
      // Input comes back as output.
      ...(stdin ? { write: async (data: Uint8Array) => stdout.push(data), endInput: () => end(0) } : {}),
      stdout,
      stderr,
      resize: async () => {},
      exited: ended.promise,
      kill: () => end(137),
    };
  }

  async attach(id: string): Promise<ExecSession> {
    const session = await this.exec(id, { command: [], stdin: false });
    void this.#container(id).exited.promise.then(() => session.kill());
    return session;
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    if (!this.#sandboxes.has(sandboxId)) throw new RuntimeError("NotFound", `no sandbox ${sandboxId}`);
    const greeting = Buffer.from(`port ${port}\n`);
    return Duplex.from({
      readable: [greeting],
      writable: async (source: AsyncIterable<Uint8Array>) => {
        for await (const data of source) void data;
      },
    } as unknown as Parameters<typeof Duplex.from>[0]);
  }

  async containerStats(id: string): Promise<ContainerStats> {
    this.#container(id);
    return { id, time: new Date() };
  }

  resolvePath(id: string, path: string): string {
    const mounts = this.#container(id).config.mounts.toSorted(
      (a, b) => b.containerPath.length - a.containerPath.length,
    );
    const mount = mounts.find(({ containerPath }) => path === containerPath || path.startsWith(`${containerPath}/`));
    return mount ? mount.hostPath + path.slice(mount.containerPath.length) : path;
  }

  onEvent(listener: (event: ContainerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async pullImage(name: string): Promise<string> {
    if (name.includes("missing")) throw new RuntimeError("ImageNotFound", `image "${name}" is nowhere`);
    const image = this.#images.get(name) ?? { id: `fake:${name}`, names: [name], size: 0 };
    this.#images.set(name, image);
    return image.id;
  }

  imageStatus(name: string): ImageStatus | undefined {
    return this.#images.get(name);
  }

  listImages(): ImageStatus[] {
    return [...this.#images.values()];
  }

  async removeImage(name: string): Promise<void> {
    this.#images.delete(name);
  }

  #running(id: string, command: string[]): FakeBehaviour {
    const { status, config } = this.#container(id);
    if (status.state !== "running") throw new RuntimeError("Failed", `container ${id} is not running`);
    return this.#program(command, config);
  }

  #container(id: string): FakeContainer {
    const container = this.#containers.get(id);
    if (!container) throw new RuntimeError("NotFound", `there is no container ${id}`);
    return container;
  }

  #emit(event: ContainerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }
}
