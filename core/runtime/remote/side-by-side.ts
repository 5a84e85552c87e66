import type { Duplex } from "node:stream";
import type { Pod } from "@capstan/api/generated/core-v1";
import type {
  AuthConfig,
  ContainerConfig,
  ContainerEvent,
  ContainerStats,
  ContainerStatus,
  ExecOptions,
  ExecResult,
  ExecSession,
  ImageFileSystem,
  ImageService,
  ImageStatus,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxStats,
  PullProgress,
  RuntimeService,
} from "../cri.ts";
import { RuntimeError } from "../cri.ts";

/** A runtime with its images. */
export interface Side {
  runtime: RuntimeService;
  images: ImageService;
}

export interface SideBySideOptions {
  /** Capstan's own: what `isOwn` says. */
  own: Side;
  remote: Side;
  /** Whether an image consists of files of this machine. */
  isOwn(image: string): boolean;
  /** Whether an image's containers run inside the agent, beside whatever else the pod has. */
  isInside(image: string): boolean;
}

/** Pods of images that consist of this machine's files run in Capstan's own runtime, all others in the remote one. */
export class SideBySide implements RuntimeService {
  readonly #options: SideBySideOptions;

  constructor(options: SideBySideOptions) {
    this.#options = options;
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    return await this.#sideFor(config.pod).runPodSandbox(config);
  }

  async stopPodSandbox(id: string): Promise<void> {
    await this.#ofSandbox(id).stopPodSandbox(id);
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.#ofSandbox(id).removePodSandbox(id);
  }

  listPodSandboxes(): PodSandbox[] {
    return this.#both.flatMap((side) => side.listPodSandboxes());
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const side = this.#ofSandbox(sandboxId);
    const { own, isOwn, isInside } = this.#options;
    // A container that came to the pod later, as ephemeral ones do.
    if (!isInside(config.image) && isOwn(config.image) !== (side === own.runtime)) throw mixed(config.image);
    return await side.createContainer(sandboxId, config);
  }

  async startContainer(id: string): Promise<void> {
    await this.#of(id).startContainer(id);
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    await this.#of(id).stopContainer(id, graceSeconds);
  }

  signalContainer(id: string, signal: "SIGTERM" | "SIGKILL"): void {
    this.#of(id).signalContainer(id, signal);
  }

  async removeContainer(id: string): Promise<void> {
    await this.#of(id).removeContainer(id);
  }

  listContainers(sandboxId?: string): ContainerStatus[] {
    return this.#both.flatMap((side) => side.listContainers(sandboxId));
  }

  containerStatus(id: string): ContainerStatus {
    return this.#of(id).containerStatus(id);
  }

  async execSync(id: string, command: string[], timeoutMs?: number): Promise<ExecResult> {
    return await this.#of(id).execSync(id, command, timeoutMs);
  }

  async exec(id: string, options: ExecOptions): Promise<ExecSession> {
    return await this.#of(id).exec(id, options);
  }

  async attach(id: string): Promise<ExecSession> {
    return await this.#of(id).attach(id);
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    return await this.#ofSandbox(sandboxId).portForward(sandboxId, port);
  }

  async containerStats(id: string): Promise<ContainerStats> {
    return await this.#of(id).containerStats(id);
  }

  async podSandboxStats(id: string): Promise<PodSandboxStats> {
    return (await this.#ofSandbox(id).podSandboxStats?.(id)) ?? { time: new Date(), network: [] };
  }

  resolvePath(id: string, path: string): string {
    return this.#of(id).resolvePath(id, path);
  }

  onEvent(listener: (event: ContainerEvent) => void): () => void {
    const stops = this.#both.map((side) => side.onEvent(listener));
    return () => {
      for (const stop of stops) stop();
    };
  }

  get #both(): RuntimeService[] {
    return [this.#options.own.runtime, this.#options.remote.runtime];
  }

  #ofSandbox(id: string): RuntimeService {
    const { own, remote } = this.#options;
    return own.runtime.listPodSandboxes().some((sandbox) => sandbox.id === id) ? own.runtime : remote.runtime;
  }

  #of(id: string): RuntimeService {
    const { own, remote } = this.#options;
    return own.runtime.listContainers().some((container) => container.id === id) ? own.runtime : remote.runtime;
  }

  #sideFor(pod: Pod | undefined): RuntimeService {
    const { own, remote, isOwn, isInside } = this.#options;
    const { initContainers = [], containers = [], ephemeralContainers = [] } = pod?.spec ?? {};
    const all = [...initContainers, ...containers, ...ephemeralContainers].map(({ image = "" }) => image);
    const outside = all.filter((image) => !isInside(image));
    return outside.some(isOwn) ? own.runtime : remote.runtime;
  }
}

/** Images of both sides. */
export class SideBySideImages implements ImageService {
  readonly #options: SideBySideOptions;

  constructor(options: SideBySideOptions) {
    this.#options = options;
  }

  async pullImage(name: string, signal?: AbortSignal, auth?: AuthConfig): Promise<string> {
    return await this.#of(name).pullImage(name, signal, auth);
  }

  imageStatus(name: string): ImageStatus | undefined {
    return this.#of(name).imageStatus(name);
  }

  listImages(): ImageStatus[] {
    const { own, remote } = this.#options;
    return [...own.images.listImages(), ...remote.images.listImages()];
  }

  async removeImage(name: string): Promise<void> {
    await this.#of(name).removeImage(name);
  }

  pulls(): PullProgress[] {
    return this.#options.own.images.pulls?.() ?? [];
  }

  /** The remote side's: of the own side's images nothing lies anywhere but on this machine already. */
  imageFileSystem(): ImageFileSystem {
    return this.#options.remote.images.imageFileSystem?.() ?? { mountpoint: "", usedBytes: 0 };
  }

  onChange(listener: () => void): void {
    this.#options.own.images.onChange?.(listener);
    this.#options.remote.images.onChange?.(listener);
  }

  #of(name: string): ImageService {
    const { own, remote, isOwn, isInside } = this.#options;
    return isOwn(name) ||
      isInside(name) ||
      own.images.listImages().some(({ id, names }) => id === name && names.some(isOwn))
      ? own.images
      : remote.images;
  }
}

function mixed(image: string): RuntimeError {
  return new RuntimeError(
    "InvalidArgument",
    `image "${image}": a pod runs either images that consist of this machine's files or images of the container runtime, ` +
      "not both: give it a pod of its own",
  );
}
