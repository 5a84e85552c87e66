import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type {
  ContainerConfig,
  ContainerEvent,
  ContainerStats,
  ExecOptions,
  ExecResult,
  ExecSession,
  PodSandbox,
  PodSandboxConfig,
  PodSandboxStats,
  RuntimeService,
} from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import type { Image } from "../images/image.ts";
import { type Cgroups, openCgroups } from "./cgroup.ts";
import type { Tools } from "./command-line.ts";
import { type ContainerRecord, type Launcher, OciContainer } from "./container.ts";
import { DiskMeter, networkCounters } from "./counters.ts";
import { execSync, resizeTerminal, startExec } from "./exec.ts";
import { type HostRoot, readHostRoot } from "./host-root.ts";
import { LayeredRoot } from "./layers.ts";
import { canMake, launchContainer, type MakeOptions, makeContainer } from "./make-container.ts";
import { groupOf, podGroup, sandboxOf } from "./pod-group.ts";
import { forwardPort } from "./port-forward.ts";
import { removeTree } from "./remove-tree.ts";
import { deviceNames } from "./rootfs.ts";
import { OciSandbox, type SandboxNetwork, type SandboxRecord } from "./sandbox.ts";

export interface OciDriverOptions {
  /** Absolute; made if it is not there. Paths with a comma, colon or backslash cannot be overlay layers. */
  directory: string;
  /** Names the instance's cgroups. */
  instance: string;
  /** auto: runc where it is installed and the agent is root. */
  launcher: Launcher | "auto";
  tools: Tools;
  network: SandboxNetwork;
  /** Resolves an image that was pulled. */
  image(name: string): Image | undefined;
  /** Capstan's own code: bound at /opt/capstan of containers on the node's root. */
  code?: string;
  /** Paths of the node that no container on the node's root may see. */
  hidden: string[];
  rootless: boolean;
  log: Logger;
}

/** Containers as processes in Linux namespaces, made by util-linux's unshare. */
export class OciDriver implements RuntimeService {
  readonly #options: OciDriverOptions;
  readonly #sandboxes = new Map<string, OciSandbox>();
  readonly #containers = new Map<string, OciContainer>();
  readonly #listeners = new Set<(event: ContainerEvent) => void>();
  #cgroups: Cgroups | undefined;
  readonly #disk = new DiskMeter();
  #host: HostRoot | undefined;
  /** What was seen of it. */
  readonly #runc = { works: false, fails: false };

  constructor(options: OciDriverOptions) {
    if (/[,:\\\n]/.test(options.directory)) {
      throw new RuntimeError(
        "InvalidArgument",
        `${options.directory}: the path must not hold a comma, colon or backslash`,
      );
    }
    this.#options = options;
  }

  /** Prepares what all containers share and adopts what an earlier agent left running. */
  async open(): Promise<void> {
    const { directory, instance, hidden, log } = this.#options;
    for (const name of ["sandboxes", "containers", "devices"]) {
      mkdirSync(join(directory, name), { recursive: true, mode: 0o700 });
    }
    this.#cgroups = openCgroups(instance);
    makeDevices(join(directory, "devices"));
    this.#host = await readHostRoot(join(directory, "mask"), hidden);
    for (const id of readdirSync(join(directory, "sandboxes"))) this.#adoptSandbox(id);
    for (const id of readdirSync(join(directory, "containers"))) {
      try {
        this.#adoptContainer(id);
      } catch (error) {
        log.warn("a container's record cannot be read: it is removed", { id, error });
        removeTree(join(directory, "containers", id));
      }
    }
    await this.#sweep();
  }

  /** Ends what was left of pods and containers that nothing is written down about: a killed agent did not come to it. */
  async #sweep(): Promise<void> {
    const known = (name: string) => this.#containers.has(name) || this.#sandboxes.has(sandboxOf(name));
    const left = (this.#cgroups?.names() ?? []).filter((name) => !known(name));
    await Promise.all(left.map((id) => this.#cgroups?.remove(id)));
  }

  /** What makes the processes of new containers. */
  get launcher(): Launcher {
    const { launcher, tools, rootless } = this.#options;
    const can = tools.runc !== undefined && !rootless && this.#cgroups !== undefined && !this.#runc.fails;
    return launcher === "unshare" || (launcher === "auto" && !can) ? "unshare" : "runc";
  }

  get limits(): boolean {
    return this.#cgroups !== undefined;
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    const id = randomBytes(32).toString("hex");
    const { network, directory, tools, rootless } = this.#options;
    const ip = config.namespaces.hostNetwork ? "" : network.take(id);
    const record: SandboxRecord = { id, ip, createdAt: new Date().toISOString(), config };
    const sandbox = new OciSandbox(record, join(directory, "sandboxes", id));
    try {
      mkdirSync(sandbox.directory, { recursive: true, mode: 0o700 });
      if (config.resources) this.#cgroups?.createPod(podGroup(id), config.resources);
      await sandbox.start(tools, network, rootless, this.#cgroups?.createHolder(id));
    } catch (error) {
      if (ip) network.give(ip, id);
      await this.#removeGroups(id);
      sandbox.remove();
      throw error;
    }
    this.#follow(sandbox);
    return sandbox.status();
  }

  async stopPodSandbox(id: string): Promise<void> {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) return;
    await Promise.all(
      [...this.#containers.values()].filter((one) => one.record.sandboxId === id).map((one) => one.stop(0)),
    );
    await sandbox.stop();
    await this.#removeGroups(id);
    if (sandbox.record.ip) this.#options.network.give(sandbox.record.ip, id);
  }

  async removePodSandbox(id: string): Promise<void> {
    await this.stopPodSandbox(id);
    for (const { id: container } of this.listContainers(id)) await this.removeContainer(container);
    this.#sandboxes.get(id)?.remove();
    this.#sandboxes.delete(id);
  }

  listPodSandboxes(): PodSandbox[] {
    return [...this.#sandboxes.values()].map((sandbox) => sandbox.status());
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const sandbox = this.#sandbox(sandboxId);
    const image = this.#options.image(config.image);
    if (!image) throw new RuntimeError("ImageNotFound", `image "${config.image}" is not present`);
    if (!this.#host) throw new RuntimeError("Failed", "the runtime is not open");
    const target = config.targetId === undefined ? undefined : this.#running(config.targetId).pid;
    const options = { ...this.#options, cgroups: this.#cgroups, host: this.#host, target };
    const container = await this.#make(options, sandbox, config, image);
    const { id } = container.record;
    this.#mayRelaunch(container, sandbox);
    this.#watch(container);
    this.#emit({ type: "created", sandboxId, containerId: id });
    return id;
  }

  /** With auto, a runc that cannot make any container here, such as an old one, gives way to util-linux. */
  async #make(
    options: Omit<MakeOptions, "launcher">,
    sandbox: OciSandbox,
    config: ContainerConfig,
    image: Image,
  ): Promise<OciContainer> {
    const { launcher } = this;
    try {
      const container = await makeContainer({ ...options, launcher }, sandbox, config, image);
      if (!container.cannotRun) this.#runc.works ||= launcher === "runc";
      return container;
    } catch (error) {
      const doubted = launcher === "runc" && this.#options.launcher === "auto" && !this.#runc.works;
      if (!doubted || (await canMake({ ...options, launcher }, sandbox))) throw error;
      this.#options.log.warn("runc makes no containers on this machine: they are made without it", { error });
      this.#runc.fails = true;
      return await makeContainer({ ...options, launcher: "unshare" }, sandbox, config, image);
    }
  }

  async startContainer(id: string): Promise<void> {
    const container = this.#container(id);
    if (container.cannotRun) {
      container.discard(container.cannotRun);
      await container.exited.promise;
      throw new RuntimeError("CannotRun", container.cannotRun);
    }
    container.start();
    this.#emit({ type: "started", sandboxId: container.record.sandboxId, containerId: id });
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    await this.#containers.get(id)?.stop(graceSeconds);
  }

  signalContainer(id: string, signal: "SIGTERM" | "SIGKILL"): void {
    this.#container(id).signal(signal);
  }

  async removeContainer(id: string): Promise<void> {
    const container = this.#containers.get(id);
    if (!container) return;
    await container.stop(0);
    const sandbox = this.#sandboxes.get(container.record.sandboxId);
    await this.#cgroups?.remove(sandbox ? groupOf(sandbox.record, id) : id);
    removeTree(container.directory);
    this.#disk.forget(join(container.directory, "upper"));
    this.#containers.delete(id);
    this.#emit({ type: "deleted", sandboxId: container.record.sandboxId, containerId: id });
  }

  listContainers(sandboxId?: string) {
    const all = [...this.#containers.values()];
    return all.filter((one) => !sandboxId || one.record.sandboxId === sandboxId).map((one) => one.status());
  }

  containerStatus(id: string) {
    return this.#container(id).status();
  }

  async execSync(id: string, command: string[], timeoutMs?: number): Promise<ExecResult> {
    return await execSync(await this.exec(id, { command }), timeoutMs);
  }

  async exec(id: string, options: ExecOptions): Promise<ExecSession> {
    const container = this.#running(id);
    const { tools, rootless } = this.#options;
    const enter = this.#sandbox(container.record.sandboxId).enter(rootless);
    return startExec(container, { tools, rootless, enter }, options);
  }

  async attach(id: string): Promise<ExecSession> {
    const container = this.#running(id);
    const session = container.attach();
    if (!container.record.config.tty) return session;
    const resize = async (columns: number, rows: number) => {
      const inner = container.terminal;
      if (inner !== undefined) await resizeTerminal(this.#options.tools, inner, columns, rows);
    };
    return { ...session, resize };
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    const sandbox = this.#sandbox(sandboxId);
    return await forwardPort(
      sandbox.pid,
      port,
      this.#options.tools,
      sandbox.record.config.namespaces.hostNetwork === true || !this.#options.network.bridge,
    );
  }

  async containerStats(id: string): Promise<ContainerStats> {
    const { cgroup, directory } = this.#container(id);
    const writableLayerBytes = await this.#disk.bytes(join(directory, "upper"));
    return { id, time: new Date(), ...cgroup?.usage(), writableLayerBytes };
  }

  async podSandboxStats(id: string): Promise<PodSandboxStats> {
    const { ready, pid, record } = this.#sandbox(id);
    const own = ready && !record.config.namespaces.hostNetwork && this.#options.network.bridge !== undefined;
    return { time: new Date(), network: own ? networkCounters(pid) : [] };
  }

  resolvePath(id: string, path: string): string {
    const container = this.#container(id);
    const { host } = container.view.locate(path);
    const sandbox = this.#sandboxes.get(container.record.sandboxId);
    const memory = [...(sandbox?.record.config.tmpfs ?? []).map((one) => one.path), sandbox?.shm];
    const inMemory = memory.some((one) => one && (host === one || host.startsWith(`${one}/`)));
    return sandbox?.ready && inMemory ? `/proc/${sandbox.pid}/root${host}` : host;
  }

  onEvent(listener: (event: ContainerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Stops and removes everything; the instance leaves no process, mount or cgroup. */
  async close(): Promise<void> {
    await Promise.all([...this.#containers.values()].map((container) => container.end()));
    await Promise.all([...this.#sandboxes.keys()].map((id) => this.stopPodSandbox(id)));
    try {
      await this.#cgroups?.close();
    } catch (error) {
      this.#options.log.warn("cgroups were left behind", { error: messageOf(error) });
    }
  }

  /** Lets go of everything without stopping it: another agent takes over. */
  detach(): void {
    for (const container of this.#containers.values()) container.detach();
    for (const sandbox of this.#sandboxes.values()) sandbox.detach();
    this.#containers.clear();
    this.#sandboxes.clear();
  }

  /** Of a pod: that of its holder, and the one around its containers. */
  async #removeGroups(id: string): Promise<void> {
    await Promise.all([this.#cgroups?.remove(id), this.#cgroups?.remove(podGroup(id))]);
  }

  #adoptSandbox(id: string): void {
    const directory = join(this.#options.directory, "sandboxes", id);
    if (!existsSync(join(directory, "config.json")) || !existsSync(join(directory, "pid"))) {
      removeTree(directory);
      return;
    }
    const record = JSON.parse(readFileSync(join(directory, "config.json"), "utf8")) as SandboxRecord;
    const sandbox = new OciSandbox(record, directory);
    sandbox.connect();
    if (record.ip && sandbox.ready) this.#options.network.keep(record.ip, id);
    this.#follow(sandbox);
  }

  #adoptContainer(id: string): void {
    const directory = join(this.#options.directory, "containers", id);
    const record = JSON.parse(readFileSync(join(directory, "config.json"), "utf8")) as ContainerRecord;
    const sandbox = this.#sandboxes.get(record.sandboxId);
    const cgroup = this.#cgroups?.open(sandbox ? groupOf(sandbox.record, id) : id);
    const container = new OciContainer(record, directory, new LayeredRoot(record.layers), cgroup);
    if (!sandbox) {
      removeTree(directory);
      return;
    }
    const cut = !sandbox.ready;
    // Without its sandbox it cannot run; an end that was recorded counts all the same.
    if (cut && !container.hasEnded) container.interrupt();
    this.#mayRelaunch(container, sandbox);
    container.connect();
    this.#watch(container);
  }

  #mayRelaunch(container: OciContainer, sandbox: OciSandbox): void {
    const { config, places = [] } = container.record;
    if (!config.retries) return;
    container.relaunch = async () => {
      const prepared = { root: join(container.directory, "root"), mounts: places };
      const reason = await launchContainer(container, prepared, sandbox, this.#options.tools);
      if (reason !== undefined) throw new RuntimeError("CannotRun", reason);
    };
  }

  #follow(sandbox: OciSandbox): void {
    const { id } = sandbox.record;
    this.#sandboxes.set(id, sandbox);
    void sandbox.stopped.promise.then(() => this.#emit({ type: "sandbox-stopped", sandboxId: id }));
  }

  #watch(container: OciContainer): void {
    const { id, sandboxId } = container.record;
    this.#containers.set(id, container);
    void container.exited.promise.then(() => this.#emit({ type: "stopped", sandboxId, containerId: id }));
  }

  #emit(event: ContainerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #sandbox(id: string): OciSandbox {
    const sandbox = this.#sandboxes.get(id);
    if (!sandbox) throw new RuntimeError("NotFound", `there is no sandbox ${id}`);
    return sandbox;
  }

  #container(id: string): OciContainer {
    const container = this.#containers.get(id);
    if (!container) throw new RuntimeError("NotFound", `there is no container ${id}`);
    return container;
  }

  #running(id: string): OciContainer {
    const container = this.#container(id);
    if (container.state !== "running") throw new RuntimeError("Failed", `container ${id} is not running`);
    if (container.isPaused) throw new RuntimeError("Failed", `container ${id} is between two runs of its program`);
    return container;
  }
}

const deviceLinks: [string, string][] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
];

/** The layer below every container's /dev. */
function makeDevices(directory: string): void {
  for (const name of deviceNames) writeFileSync(join(directory, name), "");
  for (const name of ["pts", "shm", "mqueue"]) mkdirSync(join(directory, name), { recursive: true });
  for (const [name, target] of deviceLinks) {
    rmSync(join(directory, name), { force: true });
    symlinkSync(target, join(directory, name));
  }
}
