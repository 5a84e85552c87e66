import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { join } from "node:path";
import { deferred } from "@capstan/base/async";
import type { PodSandbox, PodSandboxConfig } from "../cri.ts";
import { RuntimeError } from "../cri.ts";
import type { SandboxNamespaces } from "./bundle.ts";
import { findTool, quote } from "./command.ts";
import type { Tools } from "./command-line.ts";
import { fstab, type MountEntry } from "./fstab.ts";
import { isHeld, launch, readFifo, release } from "./launch.ts";
import { kill } from "./processes.ts";

/** Where a pod's address comes from. */
export interface SandboxNetwork {
  /** Absent: pods share the node's network, and an address is only a place to listen at. */
  bridge?: { name: string; gateway: string; prefix: number };
  take(owner: string): string;
  /** Marks an address of an earlier agent's sandbox as taken. */
  keep(address: string, owner: string): void;
  give(address: string, owner: string): void;
}

export interface SandboxRecord {
  id: string;
  createdAt: string;
  ip: string;
  config: PodSandboxConfig;
}

// Docker's default for a container's /dev/shm.
const shmBytes = 64 * 1024 * 1024;

/** Holds the namespaces that a pod's containers share, in a process of its own. */
export class OciSandbox {
  readonly record: SandboxRecord;
  readonly directory: string;
  readonly stopped = deferred();
  ready = false;
  #control: Socket | undefined;

  constructor(record: SandboxRecord, directory: string) {
    this.record = record;
    this.directory = directory;
  }

  get pid(): number {
    return Number(readFileSync(join(this.directory, "pid"), "utf8"));
  }

  get shm(): string {
    return join(this.directory, "shm");
  }

  status(): PodSandbox {
    const { id, config, createdAt, ip } = this.record;
    return { id, config, ip, createdAt: new Date(createdAt), state: this.ready ? "ready" : "notready" };
  }

  /** @param holder cgroup directory of the process that holds the pod. */
  async start(tools: Tools, network: SandboxNetwork, rootless: boolean, holder = ""): Promise<void> {
    const { config, ip, id } = this.record;
    const { hostNetwork = false, hostIPC = false } = config.namespaces;
    const own = !hostNetwork && network.bridge !== undefined;
    mkdirSync(this.shm, { recursive: true });
    // With the pod: the next agent makes the rest of its containers.
    writeFileSync(join(this.directory, "config.json"), JSON.stringify(this.record), { mode: 0o600 });
    writeFileSync(join(this.directory, "fstab"), fstab(tmpfsMounts(this.shm, config.tmpfs ?? [])));
    const veth = `cap${id.slice(0, 10)}`;
    const variables: Record<string, string> = {
      mkfifo: tools.mkfifo,
      mount: tools.mount,
      nsenter: tools.nsenter,
      unshare: tools.unshare,
      sh: tools.sh,
      ip: tools.ip ?? "",
      hostname: hasHostname(config, rootless) ? config.hostname : "",
      rename: findTool("hostname") ?? "",
      net: own && network.bridge ? addressCommands(ip, veth, network.bridge) : "",
      loopback: "",
      port: own && network.bridge ? portCommands(veth, network.bridge.name) : "",
      holder,
      agent: String(process.pid),
      init: this.#sharesPids ? "1" : "",
      sysctls: own ? sysctlLines(config.sysctls) : "",
    };
    const conf = Object.entries(variables).map(([name, value]) => `${name}=${quote(value)}\n`);
    writeFileSync(join(this.directory, "sandbox.conf"), conf.join(""), { mode: 0o600 });
    const flags = ["--mount", "--propagation", "slave"];
    if (rootless) flags.unshift("--user", "--map-root-user");
    if (!hostIPC) flags.push("--ipc");
    if (own) flags.push("--net");
    if (hasHostname(config, rootless)) flags.push("--uts");
    const script = join(import.meta.dirname, "sandbox.sh");
    const launched = launch(tools.unshare, [...flags, tools.sh, script, this.directory], "the pod's sandbox");
    await launched.said("ready");
    release(launched);
    this.connect();
  }

  /** Follows the holding process, of this agent or of an earlier one. */
  connect(): void {
    const path = join(this.directory, "control");
    if (!isHeld(path)) {
      this.stopped.resolve();
      return;
    }
    const control = readFifo(path);
    this.ready = true;
    control.resume();
    if (!isHeld(path)) control.destroy();
    control.on("error", () => control.destroy());
    this.#control = control;
    control.on("close", () => {
      if (this.#control !== control) return;
      this.ready = false;
      this.stopped.resolve();
    });
  }

  /** Lets go of it: another agent takes over. */
  detach(): void {
    const control = this.#control;
    this.#control = undefined;
    control?.destroy();
  }

  async stop(): Promise<void> {
    if (!this.ready) return;
    if (this.#sharesPids) kill(this.#init, "SIGKILL");
    kill(this.pid, "SIGKILL");
    await this.stopped.promise;
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  /**
   * nsenter's arguments for joining the sandbox; containers begin from its mounts.
   * @param target a process whose PID namespace is joined with it
   */
  enter(rootless: boolean, target?: number): string[] {
    if (!this.ready) throw new RuntimeError("Failed", `sandbox ${this.record.id} has stopped`);
    const { hostNetwork, hostIPC } = this.record.config.namespaces;
    const flags = ["--target", String(this.pid), "--mount"];
    if (rootless) flags.push("--user", "--preserve-credentials");
    if (hasHostname(this.record.config, rootless)) flags.push("--uts");
    if (!hostNetwork && !rootless) flags.push("--net");
    if (!hostIPC) flags.push("--ipc");
    const init = this.#sharesPids ? this.#init : target;
    if (init !== undefined) flags.push(`--pid=/proc/${init}/ns/pid`, "--no-fork");
    return flags;
  }

  /** The same for its mounts alone. */
  enterMounts(): string[] {
    return this.enter(false).slice(0, 3);
  }

  /** What containers join, whoever makes them. @param target as of enter */
  namespaces(target?: number): SandboxNamespaces {
    const init = this.#sharesPids ? this.#init : target;
    return { ...this.record.config.namespaces, pid: this.pid, ...(init === undefined ? {} : { init }) };
  }

  get #sharesPids(): boolean {
    const { sharePID, hostPID } = this.record.config.namespaces;
    return sharePID === true && !hostPID;
  }

  /** The first process of the PID namespace that the containers share. */
  get #init(): number {
    return Number(readFileSync(join(this.directory, "init"), "utf8"));
  }
}

/** Without root only the program hostname can set it: the kernel's file is root's. */
function hasHostname({ namespaces }: PodSandboxConfig, rootless: boolean): boolean {
  return !namespaces.hostNetwork && (!rootless || findTool("hostname") !== undefined);
}

function tmpfsMounts(shm: string, more: { path: string; sizeBytes?: number }[]): MountEntry[] {
  const entry = (target: string, size: number | undefined): MountEntry => {
    const options = `nosuid,nodev,mode=1777${size === undefined ? "" : `,size=${size}`}`;
    return { source: "tmpfs", target, type: "tmpfs", options };
  };
  return [entry(shm, shmBytes), ...more.map(({ path, sizeBytes }) => entry(path, sizeBytes))];
}

function addressCommands(ip: string, veth: string, bridge: { gateway: string; prefix: number }): string {
  return [
    "link set lo up",
    `link add eth0 type veth peer name ${veth} netns ${process.pid}`,
    `addr add ${ip}/32 dev eth0`,
    "link set eth0 up",
    `route add ${bridge.gateway}/32 dev eth0 scope link`,
    `route add default via ${bridge.gateway}`,
  ].join("\n");
}

/**
 * The node's end. All traffic of a pod goes through the node's IP layer, where rules for it are: a pod has no neighbour
 * but the gateway, and may not make itself one, unless the kernel shows bridged packets to these rules anyway.
 * A pod that a Service leads back to itself gets its packets on the port that they came from (hairpin).
 */
function portCommands(veth: string, bridge: string): string {
  // No IPv6 address: each one that comes or goes makes browsers on the node drop their requests.
  const isolated = bridgeFilter() ? "off" : "on";
  return [
    `link set ${veth} addrgenmode none master ${bridge} up`,
    `link set ${veth} type bridge_slave hairpin on isolated ${isolated}`,
  ].join("\n");
}

/** Whether netfilter sees what passes a bridge: then a translated address is sent on to its port at once. */
function bridgeFilter(): boolean {
  const file = "/proc/sys/net/bridge/bridge-nf-call-iptables";
  return existsSync(file) && readFileSync(file, "utf8").trim() !== "0";
}

/** containerd's defaults let any user of a pod listen below 1024; both are of the pod's own network. */
function sysctlLines(sysctls: Record<string, string> = {}): string {
  const own = {
    "net.ipv4.ip_unprivileged_port_start": "0",
    // The way to another pod stays the one through the gateway.
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.eth0.accept_redirects": "0",
  };
  const all = { ...own, ...sysctls };
  return Object.entries(all)
    .map(([name, value]) => {
      if (!/^net\.[a-z0-9_.]+$/.test(name)) throw new RuntimeError("InvalidArgument", `sysctl ${name} is not allowed`);
      return `echo ${quote(value)} >${quote(`/proc/sys/${name.replaceAll(".", "/")}`)} || exit 1\n`;
    })
    .join("");
}
