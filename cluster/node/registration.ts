// The Node object, its status and its lease.
import { existsSync, readFileSync, statfsSync } from "node:fs";
import { arch, availableParallelism, hostname, release as kernelRelease, totalmem } from "node:os";
import type { Lease } from "@capstan/api/generated/coordination-v1";
import type { ContainerImage, Node, NodeCondition, NodeStatus, NodeSystemInfo } from "@capstan/api/generated/core-v1";
import { Leases, Nodes } from "@capstan/api/generated/resources";
import { isReason, release } from "@capstan/api/meta";
import { sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";

export interface NodeIdentity {
  name: string;
  /** Where the API server and pods reach the node. */
  address: string;
  labels?: Record<string, string>;
  taints?: NonNullable<Node["spec"]>["taints"];
  podCidr?: string;
  /** Directory whose file system bounds ephemeral storage. */
  dataDir: string;
  /** Pods that it takes at most. */
  maxPods: number;
  /** Extended resources. */
  devices(): Pick<NodeStatus, "capacity" | "allocatable">;
  /** Another program that runs the containers: `name://version`. */
  runtime?: string;
  /** What lies on the node. */
  images(): ContainerImage[];
}

// The kubelet's: leases of 40 s, renewed four times in it; the status every five minutes even without a change.
const leaseSeconds = 40;
const renewMs = 10_000;
const statusMs = 300_000;
const version = `${release}+capstan`;

export interface Allocatable {
  cpu: number;
  memory: number;
}

export function allocatable(): Allocatable {
  return { cpu: availableParallelism(), memory: totalmem() };
}

/** Creates the Node or takes it over, and says that it is ready. */
export async function registerNode(client: Client, identity: NodeIdentity, port: number): Promise<void> {
  const { name, labels = {}, taints, podCidr } = identity;
  const standard = {
    "kubernetes.io/hostname": name,
    "kubernetes.io/os": "linux",
    "kubernetes.io/arch": goArch(),
    "beta.kubernetes.io/os": "linux",
    "beta.kubernetes.io/arch": goArch(),
  };
  const spec = { ...(podCidr ? { podCIDR: podCidr, podCIDRs: [podCidr] } : {}), ...(taints ? { taints } : {}) };
  try {
    await client.create(Nodes, { metadata: { name, labels: { ...standard, ...labels } }, spec });
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
    const body = { metadata: { labels: { ...standard, ...labels } } };
    await client.patch(Nodes, { name }, { type: "merge", body });
  }
  await writeStatus(client, identity, port);
}

/** Says at once what has changed. */
export async function writeStatus(client: Client, identity: NodeIdentity, port: number): Promise<void> {
  const node = await client.get(Nodes, { name: identity.name });
  const body = { status: statusOf(node, identity, port) };
  await client.patch(Nodes, { name: identity.name }, { type: "strategic", body }, { subresource: "status" });
}

function statusOf(node: Node, identity: NodeIdentity, port: number): NodeStatus {
  const { cpu, memory } = allocatable();
  const devices = identity.devices();
  const disk = statfsSync(identity.dataDir);
  const resources = {
    cpu: String(cpu),
    memory: `${Math.floor(memory / 1024)}Ki`,
    pods: String(identity.maxPods),
    "ephemeral-storage": `${Math.floor((disk.blocks * disk.bsize) / 1024)}Ki`,
    "hugepages-2Mi": "0",
    "hugepages-1Gi": "0",
  };
  return {
    capacity: { ...resources, ...devices.capacity },
    allocatable: { ...resources, ...devices.allocatable },
    addresses: [
      { type: "InternalIP", address: identity.address },
      { type: "Hostname", address: identity.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: port } },
    conditions: conditionsOf(node.status?.conditions ?? []),
    nodeInfo: systemInfo(identity.runtime),
    images: identity.images(),
  };
}

function conditionsOf(before: NodeCondition[]): NodeCondition[] {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const condition = (type: string, status: string, reason: string, message: string): NodeCondition => {
    const old = before.find((one) => one.type === type);
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : now;
    return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime };
  };
  return [
    condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
  ];
}

/** The machine's architecture as Go, and so Kubernetes, names it. */
function goArch(): string {
  return { x64: "amd64", ia32: "386" }[arch() as string] ?? arch();
}

function systemInfo(runtime = "capstan://0.1.0"): NodeSystemInfo {
  const text = (path: string) => (existsSync(path) ? readFileSync(path, "utf8").trim() : "");
  const machineID = text("/etc/machine-id");
  const [, osImage = "Linux"] = /^PRETTY_NAME="?([^"\n]*)"?$/m.exec(text("/etc/os-release")) ?? [];
  return {
    machineID,
    systemUUID: machineID,
    bootID: text("/proc/sys/kernel/random/boot_id"),
    kernelVersion: kernelRelease(),
    osImage,
    containerRuntimeVersion: runtime,
    kubeletVersion: version,
    kubeProxyVersion: version,
    operatingSystem: "linux",
    architecture: goArch(),
  };
}

/** Renews the node's lease and status until the signal aborts. */
export async function keepAlive(
  client: Client,
  identity: NodeIdentity,
  port: number,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  let statusAt = Date.now() + statusMs;
  let images = JSON.stringify(identity.images());
  while (!signal.aborted) {
    try {
      await renewLease(client, identity.name);
      const found = JSON.stringify(identity.images());
      if (Date.now() >= statusAt || found !== images) {
        await writeStatus(client, identity, port);
        images = found;
        statusAt = Date.now() + statusMs;
      }
    } catch (error) {
      if (isReason(error, "NotFound"))
        await registerNode(client, identity, port).catch((cause) =>
          log.warn("the node could not be registered", { error: cause }),
        );
      else if (!signal.aborted) log.warn("the node's lease could not be renewed", { error });
    }
    await sleep(renewMs, signal);
  }
}

async function renewLease(client: Client, name: string): Promise<void> {
  const ref = { namespace: "kube-node-lease", name };
  const spec = { holderIdentity: name, leaseDurationSeconds: leaseSeconds, renewTime: microTime() };
  const found = await client.find<Lease>(Leases, ref);
  if (found) {
    await client.patch(Leases, ref, { type: "merge", body: { spec } });
    return;
  }
  const node = await client.get(Nodes, { name });
  const owner = { apiVersion: "v1", kind: "Node", name, uid: node.metadata.uid ?? "" };
  await client.create(Leases, { metadata: { ...ref, ownerReferences: [owner] }, spec });
}

const microTime = () => new Date().toISOString().replace("Z", "000Z");

export const defaultNodeName = () => hostname().toLowerCase();
