// The seam between the node agent and what runs containers, in the shape of CRI (k8s.io/cri-api, runtime/v1).
import type { Pod } from "@capstan/api/generated/core-v1";

export type ContainerState = "created" | "running" | "exited";

/** Which namespaces of the node a pod shares. */
export interface NamespaceOptions {
  hostNetwork?: boolean;
  hostPID?: boolean;
  hostIPC?: boolean;
  /** The containers of the pod see each other's processes. */
  sharePID?: boolean;
}

export interface PodSandboxConfig {
  name: string;
  namespace: string;
  uid: string;
  hostname: string;
  /** For the sandbox's own resolv.conf; containers may get another one mounted. */
  dns?: { servers: string[]; searches: string[]; options: string[] };
  labels: Record<string, string>;
  namespaces: NamespaceOptions;
  sysctls?: Record<string, string>;
  /** Limits of all the pod's containers together. */
  resources?: Pick<Resources, "cpuShares" | "cpuLimit" | "memoryLimit">;
  /** Directories of the node that are a tmpfs for the pod's containers, as long as the sandbox lives. */
  tmpfs?: { path: string; sizeBytes?: number }[];
  /** The pod, for programs that run inside the agent. */
  pod?: Pod;
  /** Host path of each of the pod's volumes, by name: for the same programs. */
  volumes?: Record<string, string>;
}

export interface PodSandbox {
  id: string;
  config: PodSandboxConfig;
  state: "ready" | "notready";
  createdAt: Date;
  /** Empty for a pod on the node's own network. */
  ip: string;
}

export interface Mount {
  /** Where containers see it: an absolute path. */
  containerPath: string;
  hostPath: string;
  readonly?: boolean;
  /**
   * The file or directory that was meant: with another one at `hostPath` the container is not made. For paths that a
   * pod may have exchanged since they were looked at.
   */
  expect?: { dev: number; ino: number };
  /** `hostPath` is a device such as /dev/fuse. */
  device?: boolean;
  /** Which mounts made later below it are seen on the other side; default None. */
  propagation?: "None" | "HostToContainer" | "Bidirectional";
}

/** Limits; absent means none. */
export interface Resources {
  /** Relative weight, 2–262144 (cgroup v1's cpu.shares). */
  cpuShares?: number;
  /** Cores, such as 0.5. */
  cpuLimit?: number;
  /** Bytes. */
  memoryLimit?: number;
  /** Processes. */
  pidsLimit?: number;
  /** -1000 to 1000: whom the kernel kills first when the node has no memory left. */
  oomScoreAdjust?: number;
}

export interface SecurityConfig {
  /** Ids, or names of the image's own /etc/passwd and /etc/group. */
  user?: string;
  group?: number;
  supplementalGroups?: number[];
  /** Refuses to start as user 0. */
  nonRoot?: boolean;
  readonlyRootfs?: boolean;
  privileged?: boolean;
  noNewPrivileges?: boolean;
  addCapabilities?: string[];
  dropCapabilities?: string[];
  /** Which system calls the program may make. Absent: what the runtime does where nobody asked. */
  seccomp?: SeccompProfile;
}

/** A profile that the runtime cannot apply makes createContainer reject with Unsupported. */
export interface SeccompProfile {
  type: "RuntimeDefault" | "Unconfined" | "Localhost";
  /** Absolute path of a file of the node: `linux.seccomp` of the OCI runtime specification. For Localhost. */
  path?: string;
}

export interface ContainerConfig {
  name: string;
  attempt: number;
  image: string;
  /** Replaces the image's entrypoint. */
  command?: string[];
  /** Replaces the image's cmd. */
  args?: string[];
  workingDir?: string;
  env: { name: string; value: string }[];
  mounts: Mount[];
  labels: Record<string, string>;
  /** Absolute path of the file that gets the output in CRI's log format. */
  logPath: string;
  /** Id of a running container of the pod whose PID namespace this one joins. */
  targetId?: string;
  stdin?: boolean;
  stdinOnce?: boolean;
  tty?: boolean;
  /** How long its program may take to end in good order when the node stops. Absent: 30. */
  graceSeconds?: number;
  resources?: Resources;
  security?: SecurityConfig;
  /** A signal that its first process leaves to the kernel ends it: alone among processes, a first one would not notice. */
  endsBySignal?: boolean;
  /** A program that fails is started again: to all others the container goes on. Nothing that asked it to end is gone against. */
  retries?: Retries;
}

/** The root of the container and its log stay; its processes do not. */
export interface Retries {
  times: number;
  /** Before each, at most 2^31 - 1 milliseconds. */
  pauseMs: number;
}

export interface ContainerStatus {
  id: string;
  /** Whose id it is, where that is another program, such as containerd. */
  runtime?: string;
  sandboxId: string;
  config: Omit<ContainerConfig, "env">;
  imageId: string;
  /** `repository@sha256:…` of the manifest that it was pulled by. */
  imageRef?: string;
  state: ContainerState;
  createdAt: Date;
  startedAt?: Date;
  finishedAt?: Date;
  exitCode?: number;
  /** Completed, Error, OOMKilled, StartError; Interrupted when the node was stopped under it. */
  reason?: string;
  message?: string;
}

export interface ContainerStats {
  id: string;
  time: Date;
  /** Since the container started; absent where nothing counts it. */
  cpuNanoseconds?: number;
  /** Without reclaimable page cache. */
  memoryWorkingSetBytes?: number;
  memoryUsageBytes?: number;
  processes?: number;
  /** What it has written outside of its volumes; may be some seconds old. */
  writableLayerBytes?: number;
}

/** Since the sandbox was made. */
export interface NetworkCounters {
  /** Of the interface, such as eth0. */
  name: string;
  rxBytes: number;
  rxPackets: number;
  rxErrors: number;
  rxDropped: number;
  txBytes: number;
  txPackets: number;
  txErrors: number;
  txDropped: number;
}

export interface PodSandboxStats {
  time: Date;
  /** Empty for a pod on the node's own network: nothing there is its alone. */
  network: NetworkCounters[];
}

/** A running command whose streams the caller holds. */
export interface ExecSession {
  /** Absent when it was started without stdin. */
  write?(data: Uint8Array): Promise<void>;
  endInput?(): void;
  readonly stdout: AsyncIterable<Uint8Array>;
  /** Empty with a terminal: both streams come on stdout. */
  readonly stderr: AsyncIterable<Uint8Array>;
  resize(columns: number, rows: number): Promise<void>;
  /** Resolves to the exit code once both streams have ended. */
  readonly exited: Promise<number>;
  kill(): void;
}

export interface ExecOptions {
  command: string[];
  stdin?: boolean;
  tty?: boolean;
}

export interface ExecResult {
  stdout: Uint8Array;
  stderr: Uint8Array;
  exitCode: number;
}

/** A change in the life of a container or of a sandbox. */
export interface ContainerEvent {
  type: "created" | "started" | "stopped" | "deleted" | "sandbox-stopped";
  sandboxId: string;
  containerId?: string;
}

/** Ids are made by the runtime. A method rejects with RuntimeError. */
export interface RuntimeService {
  runPodSandbox(config: PodSandboxConfig): Promise<PodSandbox>;
  /** Kills what still runs in it and gives its network back. Idempotent. */
  stopPodSandbox(id: string): Promise<void>;
  removePodSandbox(id: string): Promise<void>;
  listPodSandboxes(): PodSandbox[];
  /** Everything is prepared and mounted; the program does not run yet. */
  createContainer(sandboxId: string, config: ContainerConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** SIGTERM, and SIGKILL after `graceSeconds`. Resolves when it has ended. Idempotent. */
  stopContainer(id: string, graceSeconds: number): Promise<void>;
  signalContainer(id: string, signal: "SIGTERM" | "SIGKILL"): void;
  removeContainer(id: string): Promise<void>;
  listContainers(sandboxId?: string): ContainerStatus[];
  containerStatus(id: string): ContainerStatus;
  /** Rejects with code Timeout when the command takes longer; at most 16 MiB of each stream is kept. */
  execSync(id: string, command: string[], timeoutMs?: number): Promise<ExecResult>;
  exec(id: string, options: ExecOptions): Promise<ExecSession>;
  attach(id: string): Promise<ExecSession>;
  /** A byte stream to a port as the pod itself sees it at localhost. */
  portForward(sandboxId: string, port: number): Promise<import("node:stream").Duplex>;
  containerStats(id: string): Promise<ContainerStats>;
  /** Absent where nothing counts it. */
  podSandboxStats?(id: string): Promise<PodSandboxStats>;
  /** Host path of an absolute path as the container sees it; it may not exist yet. */
  resolvePath(id: string, path: string): string;
  onEvent(listener: (event: ContainerEvent) => void): () => void;
}

export interface ImageStatus {
  id: string;
  names: string[];
  /** Bytes on disk of all its layers; those that other images share count in each. */
  size: number;
  /** `repository@sha256:…` of the manifests that it was pulled by. */
  digests?: string[];
  /** Not the runtime's to remove: built in, mapped, or kept by configuration. */
  pinned?: boolean;
}

/** What a registry wants to know of its caller, as CRI's AuthConfig. */
export interface AuthConfig {
  username?: string;
  password?: string;
  /** Base64 of `username:password`: counts where those two are absent. */
  auth?: string;
  serverAddress?: string;
  /** Exchanged for a token of the registry. */
  identityToken?: string;
  /** Sent as it is. */
  registryToken?: string;
}

/** A pull in hand. */
export interface PullProgress {
  image: string;
  since: Date;
  layers: {
    digest: string;
    /** Compressed bytes. */
    size: number;
    received: number;
    state: "waiting" | "downloading" | "unpacking" | "done";
  }[];
}

/** Where images lie. */
export interface ImageFileSystem {
  mountpoint: string;
  /** Of all layers together. */
  usedBytes: number;
}

export interface ImageService {
  /**
   * Resolves to the image's id. A name that a registry serves is resolved there again each time: what the node has
   * already is not loaded twice. Code ImageNotFound says how to make an image known.
   */
  pullImage(name: string, signal?: AbortSignal, auth?: AuthConfig): Promise<string>;
  /** @param name as a pod has it, or an image's id. */
  imageStatus(name: string): ImageStatus | undefined;
  listImages(): ImageStatus[];
  /** Takes one name of an image away, or by its id all; with the last name its layers go, unless others share them. */
  removeImage(name: string): Promise<void>;
  pulls?(): PullProgress[];
  /** Called when images have come or gone. */
  onChange?(listener: () => void): void;
  imageFileSystem?(): ImageFileSystem;
}

export type RuntimeErrorCode =
  | "NotFound"
  | "InvalidArgument"
  | "InvalidImageName"
  | "ImageNotFound"
  | "InvalidImage"
  | "CannotRun"
  | "Timeout"
  | "Unsupported"
  | "Failed";

export class RuntimeError extends Error {
  readonly code: RuntimeErrorCode;
  constructor(code: RuntimeErrorCode, message: string) {
    super(message);
    this.name = "RuntimeError";
    this.code = code;
  }
}
