// One node's container runtime and agent: the same in the platform's process and in a process of its own.
import { isWrapped, retriesOf, unwrapCommand } from "@capstan/api/kinds/workflow-pod";
import type { Handler } from "@capstan/base/http";
import type { Logger } from "@capstan/base/log";
import { createNodeAgent, type NodeAgent, type NodeAgentOptions, releaseVolumes } from "@capstan/cluster/node";
import type { Client } from "@capstan/core/client";
import type { KeyPair } from "@capstan/core/pki";
import type { Informers } from "@capstan/core/reconcile";
import {
  addressAt,
  createRuntime,
  type ImageMapping,
  type InstanceNetwork,
  parseCidr,
  partOf,
  type RegistryOptions,
  type Runtime,
  type RuntimeOptions,
} from "@capstan/core/runtime";
import { createExecutorImages } from "@capstan/executor";
import { codeDirectory } from "./code.ts";
import { builtinImages } from "./images.ts";
import { endpointOf, launcherOf, type RuntimeFlag } from "./runtime-flag.ts";

export const clusterDomain = "cluster.local";

/** Addresses of one node: a /22 has 1,021 pods, twice what a node takes. */
const nodePrefix = 22;

export interface NodeSettings {
  name: string;
  /** From 0; the first node makes the bridge. */
  index: number;
  /** The instance's data directory. */
  root: string;
  /** The node's own part of it. */
  dataDir: string;
  network: InstanceNetwork;
  runtime: RuntimeFlag;
  imageMap: ImageMapping[];
  registries: RegistryOptions;
  /** Directory of the artifact repository. */
  artifacts: string;
  /** The executor's containers are containers like others. */
  executorInPods?: boolean | undefined;
  /** Absolute path of the directory of FlexVolume drivers; absent: the kubelet's. */
  volumePluginDir?: string | undefined;
  /** Absolute path of the directory of static pods' manifests; absent: one in `dataDir`. */
  manifestDir?: string | undefined;
}

/** Where the API server and pods reach the nodes of this machine. */
export function nodeAddress(network: InstanceNetwork): string {
  return network.bridge ? addressAt(parseCidr(network.podCidr), 1) : "127.0.0.1";
}

const unwrap = (command: string[]) =>
  isWrapped(command) ? { command: unwrapCommand(command), retries: retriesOf(command) } : undefined;

/** @param guardTraffic waited for before anything runs in a pod that has its address. */
export async function openRuntime(
  settings: NodeSettings,
  handler: Handler,
  log: Logger,
  guardTraffic?: RuntimeOptions["guardTraffic"],
): Promise<Runtime> {
  const { index, root, dataDir, network, imageMap, registries, artifacts, volumePluginDir } = settings;
  const options = {
    dataDir,
    hidden: [root],
    network,
    share: { podCidr: podRange(settings), ownsBridge: index === 0 },
    codeDir: codeDirectory,
    builtinImages,
    imageMap,
    registries,
    ...(settings.executorInPods ? {} : { inProcess: createExecutorImages({ handler, artifacts }), unwrap }),
    guardTraffic,
    log: log.with({ part: "runtime", node: settings.name }),
  };
  const endpoint = endpointOf(settings.runtime);
  const runtime =
    endpoint === undefined
      ? createRuntime({ ...options, launcher: launcherOf(settings.runtime) })
      : await openRemote(options, endpoint);
  return {
    ...runtime,
    async start(signal) {
      await runtime.start(signal);
      await releaseVolumes({ dataDir, nodeName: settings.name, volumePluginDir, log });
    },
  };
}

/** Loads the gRPC client where one is asked for. */
async function openRemote(options: RuntimeOptions, endpoint: string): Promise<Runtime> {
  const { createRemoteRuntime } = await import("@capstan/core/runtime/remote");
  return createRemoteRuntime({ ...options, endpoint });
}

export interface AgentAccess {
  client: Client;
  informers: Informers;
  /** PEM: the node's certificate, and who signs those of its callers. */
  pair: KeyPair;
  ca: string;
  /** Gets the way to give the agent's server a renewed certificate. */
  onServing?: NodeAgentOptions["onServing"];
}

/** @param dns where pods ask for names; absent: the machine's own servers. */
export function openAgent(
  settings: NodeSettings,
  runtime: Runtime,
  access: AgentAccess,
  dns: string | undefined,
  log: Logger,
): NodeAgent {
  return createNodeAgent({
    client: access.client,
    informers: access.informers,
    runtime,
    nodeName: settings.name,
    dataDir: settings.dataDir,
    address: nodeAddress(settings.network),
    tls: { cert: access.pair.cert, key: access.pair.key, clientCa: access.ca },
    dns: { domain: clusterDomain, ...(dns ? { server: dns } : {}) },
    podCidr: podRange(settings),
    volumePluginDir: settings.volumePluginDir,
    manifestDir: settings.manifestDir,
    ...(access.onServing ? { onServing: access.onServing } : {}),
    log: log.with({ part: "node", node: settings.name }),
  });
}

const podRange = ({ network, index }: NodeSettings) => partOf(parseCidr(network.podCidr), nodePrefix, index);
