import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { sleep } from "@capstan/base/async";
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
  RuntimeService,
} from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import { networkCounters } from "../oci/counters.ts";
import { adopt } from "./adopt.ts";
import { type CgroupParents, openCgroupParents } from "./cgroup-parent.ts";
import { RemoteCommands } from "./commands.ts";
import type { Connection } from "./connection.ts";
import { containerMessage } from "./container-message.ts";
import { followEvents } from "./events.ts";
import { ExecStarts } from "./exec-starts.ts";
import type { Image } from "./generated/runtime-v1.ts";
import { mountTmpfs, pin, unmount, unpin } from "./host-mounts.ts";
import type { RemoteImages } from "./images.ts";
import { LogRotation } from "./log-rotation.ts";
import { Mirror } from "./mirror.ts";
import { type ContainerRecord, Records, type SandboxRecord } from "./records.ts";
import { resolvePath, rootLayers } from "./root-layers.ts";
import { sandboxMessage } from "./sandbox-message.ts";

export interface RemoteDriverOptions {
  connection: Connection;
  images: RemoteImages;
  /** Absolute: records and mounts are kept below it. */
  directory: string;
  /** Tells this agent's containers from others of the runtime. */
  instance: string;
  log: Logger;
}

/** Containers of a runtime behind a socket: containerd, CRI-O, or another that speaks runtime.v1. */
export class RemoteDriver implements RuntimeService {
  readonly #options: RemoteDriverOptions;
  readonly #mirror: Mirror;
  readonly #sandboxes: Records<SandboxRecord>;
  readonly #containers: Records<ContainerRecord>;
  readonly #logs: LogRotation;
  readonly #starts = new ExecStarts();
  readonly #commands: RemoteCommands;
  readonly #stop = new AbortController();
  #cgroups: CgroupParents | undefined;
  #following: Promise<void> | undefined;

  constructor(options: RemoteDriverOptions) {
    const { connection, directory, log } = options;
    this.#options = options;
    this.#mirror = new Mirror(connection);
    this.#commands = new RemoteCommands(connection, this.#starts, log);
    this.#sandboxes = new Records(join(directory, "sandboxes"));
    this.#containers = new Records(join(directory, "containers"));
    const reopen = async (id: string) => {
      await connection.call("runtime.v1.RuntimeService/ReopenContainerLog", { containerId: id });
    };
    this.#logs = new LogRotation(reopen, log);
    this.#mirror.onEvent(({ type, containerId = "" }) => {
      if (type === "stopped" || type === "deleted") this.#logs.forget(containerId);
    });
  }

  /** Adopts what an earlier agent left, and follows what happens from now on. @param name the program that answers. */
  async open(name: string): Promise<void> {
    this.#mirror.runtime = name;
    const { connection, instance } = this.#options;
    this.#cgroups = await openCgroupParents(connection, instance);
    await this.#adopt();
    const changed = (id: string) => void this.#refresh(id);
    const ending = (id: string) => void this.#refreshUntilEnded(id);
    const handlers = {
      changed,
      ending,
      command: (id: string, pid: number) => this.#starts.started(id, pid),
      commands: (told: boolean) => {
        this.#starts.told = told;
      },
      all: () => this.#mirror.refreshAll(),
      images: () => void this.#refreshImages(),
    };
    this.#following = followEvents(this.#options.connection, handlers, this.#options.log, this.#stop.signal);
  }

  /** Follows nothing any more; what runs goes on. */
  detach(): void {
    this.#stop.abort();
    this.#logs.close();
  }

  /** Stops and removes all that this instance runs. */
  async close(): Promise<void> {
    const ids = [...this.#mirror.sandboxes.keys()];
    await Promise.all(ids.map((id) => this.removePodSandbox(id)));
    this.#stop.abort();
    this.#logs.close();
    await this.#following;
    this.#cgroups?.removeAll();
  }

  async runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox> {
    if (config.resources)
      throw new RuntimeError("Unsupported", "spec.resources: this runtime limits containers, not pods as a whole");
    const { connection, instance } = this.#options;
    const before = [...this.#mirror.sandboxes.values()].filter(({ record }) => record.config.uid === config.uid);
    const attempt = before.reduce((most, { record }) => Math.max(most, record.attempt + 1), 0);
    const record: SandboxRecord = { key: newKey(), attempt, config };
    this.#sandboxes.save(record);
    let id = "";
    try {
      for (const { path, sizeBytes } of config.tmpfs ?? []) await mountTmpfs(path, sizeBytes);
      const place = { instance, key: record.key, attempt, cgroupParent: this.#cgroups?.nameOf(record.key) ?? "" };
      const answer = await connection.call("runtime.v1.RuntimeService/RunPodSandbox", {
        config: sandboxMessage(config, place),
      });
      id = answer.podSandboxId ?? "";
      return await this.#mirror.addSandbox(id, record);
    } catch (error) {
      if (id) await connection.call("runtime.v1.RuntimeService/RemovePodSandbox", { podSandboxId: id });
      await this.#dropSandbox(record);
      throw error;
    }
  }

  async stopPodSandbox(id: string): Promise<void> {
    const entry = this.#mirror.sandboxes.get(id);
    if (!entry) return;
    if (entry.status.state === "ready") {
      await this.#call("StopPodSandbox", { podSandboxId: id });
      await Promise.all(this.listContainers(id).map((one) => this.#mirror.refresh(one.id)));
      await this.#mirror.refresh(id);
    }
    for (const { path } of entry.record.config.tmpfs ?? []) await unmount(path);
  }

  async removePodSandbox(id: string): Promise<void> {
    const entry = this.#mirror.sandboxes.get(id);
    if (!entry) return;
    await this.stopPodSandbox(id);
    for (const { id: container } of this.listContainers(id)) await this.removeContainer(container);
    await this.#call("RemovePodSandbox", { podSandboxId: id });
    await this.#dropSandbox(entry.record);
    this.#mirror.forgetSandbox(id);
  }

  listPodSandboxes(): PodSandbox[] {
    return [...this.#mirror.sandboxes.values()].map(({ status }) => ({ ...status }));
  }

  async createContainer(sandboxId: string, config: ContainerConfig): Promise<string> {
    const { images, directory, connection } = this.#options;
    if (config.retries) {
      throw new RuntimeError(
        "Unsupported",
        `container "${config.name}": another runtime cannot start a program again in its container: retry the whole pod`,
      );
    }
    const sandbox = this.#mirror.sandboxes.get(sandboxId);
    if (sandbox?.status.state !== "ready") throw new RuntimeError("NotFound", `there is no sandbox ${sandboxId}`);
    const image = await images.find(config.image);
    const wanted = withImageUser(config, image);
    const key = newKey();
    const mounts = join(directory, "mounts", key);
    const { env: _, ...stored } = config;
    const imageId = image.id ?? "";
    const record: ContainerRecord = { key, sandboxId, imageId, config: stored, mounts };
    this.#containers.save(record);
    let id = "";
    try {
      mkdirSync(dirname(config.logPath), { recursive: true, mode: 0o750 });
      const pinned = [];
      for (const [index, mount] of config.mounts.entries()) pinned.push(await pin(mount, mounts, index));
      const request = this.#createRequest(sandboxId, sandbox.record, { ...wanted, mounts: pinned }, record);
      id = (await connection.call("runtime.v1.RuntimeService/CreateContainer", request)).containerId ?? "";
      const layers = await rootLayers(connection, id);
      if (layers) record.layers = layers;
      this.#containers.save(record);
      await this.#mirror.addContainer(id, record, true);
      return id;
    } catch (error) {
      if (id) await connection.call("runtime.v1.RuntimeService/RemoveContainer", { containerId: id });
      await this.#dropContainer(record);
      throw error;
    }
  }

  async startContainer(id: string): Promise<void> {
    const { record, status } = this.#container(id);
    if (status.state !== "created") throw new RuntimeError("InvalidArgument", `container ${id} has started`);
    const { key } = this.#mirror.sandboxes.get(record.sandboxId)?.record ?? {};
    try {
      if (key) this.#cgroups?.limitPod(key, this.#processesOf(record.sandboxId));
      await this.#call("StartContainer", { containerId: id });
    } catch (error) {
      await this.#mirror.refresh(id);
      if (error instanceof RuntimeError && error.code === "Failed") throw new RuntimeError("CannotRun", error.message);
      throw error;
    }
    const { pidsLimit } = record.config.resources ?? {};
    if (key && pidsLimit !== undefined) this.#cgroups?.limitContainer(key, id, pidsLimit);
    await this.#mirror.refresh(id);
    if (this.containerStatus(id).state === "running") this.#logs.follow(id, record.config.logPath);
  }

  async stopContainer(id: string, graceSeconds: number): Promise<void> {
    const entry = this.#mirror.containers.get(id);
    if (!entry || entry.status.state === "exited") return;
    // Whole seconds: a program gets at least the time that it was promised.
    const timeout = Math.ceil(graceSeconds);
    const timeoutMs = (timeout + 120) * 1000;
    await this.#call("StopContainer", { containerId: id, timeout }, timeoutMs);
    await this.#mirror.refresh(id);
  }

  signalContainer(id: string, signal: "SIGTERM" | "SIGKILL"): void {
    this.#container(id);
    // CRI has no call for a signal alone: a stop sends SIGTERM and then waits, here for as long as it takes.
    const graceSeconds = signal === "SIGKILL" ? 0 : 24 * 3600;
    this.stopContainer(id, graceSeconds).catch((error) =>
      this.#options.log.warn("a container could not be signalled", { id, signal, error }),
    );
  }

  async removeContainer(id: string): Promise<void> {
    const entry = this.#mirror.containers.get(id);
    if (!entry) return;
    await this.stopContainer(id, 0);
    await this.#call("RemoveContainer", { containerId: id });
    await this.#dropContainer(entry.record);
    this.#mirror.forgetContainer(id);
  }

  listContainers(sandboxId?: string): ContainerStatus[] {
    const all = [...this.#mirror.containers.values()].map(({ status }) => ({ ...status }));
    return all.filter((status) => sandboxId === undefined || status.sandboxId === sandboxId);
  }

  containerStatus(id: string): ContainerStatus {
    return { ...this.#container(id).status };
  }

  async execSync(id: string, command: string[], timeoutMs?: number): Promise<ExecResult> {
    this.#running(id);
    return await this.#commands.execSync(id, command, timeoutMs);
  }

  async exec(id: string, options: ExecOptions): Promise<ExecSession> {
    this.#running(id);
    return await this.#commands.exec(id, options);
  }

  async attach(id: string): Promise<ExecSession> {
    const { stdin = false, tty = false } = this.#running(id).record.config;
    const session = await this.#commands.attach(id, { stdin, tty });
    const exitCode = async () => {
      const code = await session.exited;
      // CRI says of an attachment that it went well, not how the container ended.
      await this.#refreshUntilEnded(id);
      return this.#mirror.containers.get(id)?.status.exitCode ?? code;
    };
    return { ...session, exited: exitCode() };
  }

  async portForward(sandboxId: string, port: number): Promise<Duplex> {
    return await this.#commands.portForward(sandboxId, port);
  }

  async containerStats(id: string): Promise<ContainerStats> {
    const { record } = this.#container(id);
    const { stats } = await this.#options.connection.call("runtime.v1.RuntimeService/ContainerStats", {
      containerId: id,
    });
    const { cpu, memory, writableLayer } = stats ?? {};
    const { key = "" } = this.#mirror.sandboxes.get(record.sandboxId)?.record ?? {};
    const processes = this.#cgroups?.of(key, id)?.usage().processes;
    return {
      id,
      time: new Date(),
      ...(cpu?.usageCoreNanoSeconds ? { cpuNanoseconds: cpu.usageCoreNanoSeconds.value ?? 0 } : {}),
      ...(memory?.workingSetBytes ? { memoryWorkingSetBytes: memory.workingSetBytes.value ?? 0 } : {}),
      ...(memory?.usageBytes ? { memoryUsageBytes: memory.usageBytes.value ?? 0 } : {}),
      ...(processes === undefined ? {} : { processes }),
      ...(writableLayer?.usedBytes ? { writableLayerBytes: writableLayer.usedBytes.value ?? 0 } : {}),
    };
  }

  async podSandboxStats(id: string): Promise<PodSandboxStats> {
    const { config, state } = this.#mirror.sandboxes.get(id)?.status ?? {};
    const own = state === "ready" && config?.namespaces.hostNetwork !== true;
    const pid = own ? await this.#commands.sandboxProcess(id) : undefined;
    return { time: new Date(), network: pid ? networkCounters(pid) : [] };
  }

  resolvePath(id: string, path: string): string {
    return resolvePath(this.#container(id).record, path);
  }

  onEvent(listener: (event: ContainerEvent) => void): () => void {
    return this.#mirror.onEvent(listener);
  }

  async #adopt(): Promise<void> {
    const { connection, instance, log } = this.#options;
    const places = { sandboxes: this.#sandboxes, containers: this.#containers };
    const gone = await adopt({ connection, instance, mirror: this.#mirror, ...places, log });
    for (const record of gone.sandboxes) await this.#dropSandbox(record);
    for (const record of gone.containers) await this.#dropContainer(record);
    for (const { id, state, config } of this.listContainers()) {
      if (state === "running") this.#logs.follow(id, config.logPath);
    }
  }

  #createRequest(sandboxId: string, sandbox: SandboxRecord, config: ContainerConfig, record: ContainerRecord) {
    const { instance } = this.#options;
    const { name, namespace, uid, namespaces } = sandbox.config;
    const place = {
      instance,
      key: record.key,
      imageId: record.imageId,
      namespaces,
      unified: this.#cgroups?.unified ?? false,
    };
    const sandboxPlace = {
      instance,
      key: sandbox.key,
      attempt: sandbox.attempt,
      cgroupParent: this.#cgroups?.nameOf(sandbox.key) ?? "",
    };
    return {
      podSandboxId: sandboxId,
      config: containerMessage(config, { ...place, pod: { name, namespace, uid } }),
      sandboxConfig: sandboxMessage(sandbox.config, sandboxPlace),
    };
  }

  async #dropSandbox(record: SandboxRecord): Promise<void> {
    for (const { path } of record.config.tmpfs ?? []) await unmount(path);
    this.#cgroups?.remove(record.key);
    this.#sandboxes.remove(record.key);
  }

  /** What the containers of a pod may have together, with the sandbox's own process. */
  #processesOf(sandboxId: string): number | "max" {
    const open = this.listContainers(sandboxId).filter(({ state }) => state !== "exited");
    const limits = open.map(({ config }) => config.resources?.pidsLimit);
    return limits.reduce<number | "max">((sum, one) => (sum === "max" || one === undefined ? "max" : sum + one), 1);
  }

  async #dropContainer(record: ContainerRecord): Promise<void> {
    if (record.mounts) await unpin(record.mounts);
    this.#containers.remove(record.key);
  }

  /** A call that a runtime answers with NotFound has nothing left to do. */
  async #call(
    method: "StopPodSandbox" | "RemovePodSandbox" | "StartContainer" | "StopContainer" | "RemoveContainer",
    request: { podSandboxId?: string; containerId?: string; timeout?: number },
    timeoutMs?: number,
  ): Promise<void> {
    try {
      await this.#options.connection.call(`runtime.v1.RuntimeService/${method}`, request, { timeoutMs });
    } catch (error) {
      const gone = error instanceof RuntimeError && error.code === "NotFound" && method !== "StartContainer";
      if (!gone) throw error;
    }
  }

  async #refresh(id: string): Promise<void> {
    if (!this.#mirror.containers.has(id) && !this.#mirror.sandboxes.has(id)) return;
    try {
      await this.#mirror.refresh(id);
    } catch (error) {
      this.#options.log.debug("the container runtime did not say how a container is", { id, error });
    }
  }

  /** Of an end containerd tells before CRI has taken note of it: asked again, soon and then less often. */
  async #refreshUntilEnded(id: string): Promise<void> {
    for (let wait = 2; wait < 5000 && !this.#stop.signal.aborted; wait *= 2) {
      await this.#refresh(id);
      const container = this.#mirror.containers.get(id)?.status.state;
      const sandbox = this.#mirror.sandboxes.get(id)?.status.state;
      if (container !== "running" && container !== "created" && sandbox !== "ready") return;
      await sleep(wait, this.#stop.signal);
    }
  }

  async #refreshImages(): Promise<void> {
    try {
      await this.#options.images.refresh();
    } catch (error) {
      this.#options.log.debug("the container runtime did not list its images", { error });
    }
  }

  #container(id: string) {
    const entry = this.#mirror.containers.get(id);
    if (!entry) throw new RuntimeError("NotFound", `there is no container ${id}`);
    return entry;
  }

  #running(id: string) {
    const entry = this.#container(id);
    if (entry.status.state !== "running") throw new RuntimeError("Failed", `container ${id} is not running`);
    return entry;
  }
}

const newKey = () => randomBytes(16).toString("hex");

/** A group without a user is that of the image's user, and root is not taken where it was forbidden. */
function withImageUser(config: ContainerConfig, { uid, username }: Image): ContainerConfig {
  const { security = {} } = config;
  const imageUser = username || String(uid?.value ?? 0);
  if (security.nonRoot && security.user === undefined && imageUser === "0") {
    throw new RuntimeError(
      "InvalidArgument",
      "container has runAsNonRoot and image will run as root: set runAsUser, or USER in the image",
    );
  }
  if (security.group === undefined || security.user !== undefined) return config;
  return { ...config, security: { ...security, user: imageUser } };
}
