import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Services } from "@capstan/api/generated/resources";
import { aborted, deferred } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { createRecorder, type Informers } from "@capstan/core/reconcile";
import type { Runtime } from "@capstan/core/runtime";
import { serve } from "@capstan/core/wire";
import { DeviceManager, serveDevices, standardPluginDirectory } from "./devices/index.ts";
import { type CollectionPolicy, ImageCollector } from "./image-collector.ts";
import { nodeImages } from "./node-images.ts";
import { PodManager } from "./pod-manager.ts";
import type { NodeContext } from "./pods/context.ts";
import type { DnsSettings } from "./pods/files.ts";
import { ImagePuller } from "./pods/image-puller.ts";
import { type DelayOptions, kubeletDelays } from "./pods/restart-delay.ts";
import { enforceStorageLimits } from "./pods/storage-limits.ts";
import { ProbeCounts } from "./probes/counts.ts";
import { allocatable, keepAlive, type NodeIdentity, registerNode, writeStatus } from "./registration.ts";
import { kubeletConfiguration } from "./server/configz.ts";
import { PodDisk } from "./server/readings.ts";
import { createNodeServer } from "./server/server.ts";
import { createVariables, createVolumeData } from "./sources.ts";
import { Drivers, defaultPluginDirectory } from "./volumes/flex/drivers.ts";
import { FlexVolumes } from "./volumes/flex/flex-volumes.ts";
import { createTokenCache } from "./volumes/token-cache.ts";

export interface NodeAgentOptions {
  client: Client;
  informers: Informers;
  /** Started by the caller, and stopped after the agent. */
  runtime: Runtime;
  nodeName: string;
  /** The instance's data directory: pods' volumes and logs are kept below `node`. */
  dataDir: string;
  /** Where the API server and pods reach the node; pods on the node's network have it too. */
  address: string;
  /** Port of the agent's HTTPS server; 0 takes a free one. */
  port?: number;
  /** PEM; `clientCa` signs the certificates of those who may ask the agent. */
  tls: { cert: string; key: string; clientCa: string };
  /** Gets the way to give the agent's server a renewed certificate. */
  onServing?: (renew: (pair: { cert: string; key: string }) => void) => void;
  dns: DnsSettings;
  labels?: NodeIdentity["labels"];
  taints?: NodeIdentity["taints"];
  podCidr?: string;
  maxPods?: number;
  /** When unused images go; default the kubelet's. */
  imagePolicy?: CollectionPolicy;
  /** Milliseconds between two looks at what pods have on disk; default ten seconds. */
  storagePeriodMs?: number;
  /** Directory of static pods' manifests; default `manifests` in the data directory. */
  manifestDir?: string | undefined;
  /** Directory of FlexVolume drivers, `<vendor>~<driver>/<driver>`; default the kubelet's. */
  volumePluginDir?: string | undefined;
  /** Milliseconds that a call of a driver may take; default two minutes. */
  driverTimeoutMs?: number;
  /** Pauses between restarts of what fails; default the kubelet's. */
  delays?: DelayOptions;
  log: Logger;
}

export interface NodeAgent {
  /** Resolves when the Node is registered and the pods that were there are looked after. */
  ready: Promise<void>;
  /** Resolves when the signal aborted and nothing is done any more; containers go on running. */
  start(signal: AbortSignal): Promise<void>;
}

// The kubelet's default is 110; what bounds an embedded node is its memory.
const maxPodsDefault = 500;
// At its stop a node does not wait long for a driver that does not answer.
const releaseMs = 10_000;
// Enough for any program, and a bound for fork bombs.
const pidsLimit = 4096;

export function createNodeAgent(options: NodeAgentOptions): NodeAgent {
  const ready = deferred();
  ready.promise.catch((error) => options.log.debug("the node is not ready", { error }));
  return {
    ready: ready.promise,
    async start(signal) {
      try {
        await run(options, signal, ready.resolve);
      } catch (error) {
        ready.reject(error);
        throw error;
      }
    },
  };
}

/**
 * Unmounts what volumes of pods have mounted on the node: to be called when no container runs any more. Pods that start
 * again get them anew. @param options as the agent's
 */
export async function releaseVolumes(
  options: Pick<NodeAgentOptions, "dataDir" | "nodeName" | "volumePluginDir" | "driverTimeoutMs" | "log">,
): Promise<void> {
  const {
    dataDir,
    nodeName,
    volumePluginDir: directory = defaultPluginDirectory,
    driverTimeoutMs: timeoutMs = releaseMs,
  } = options;
  const podsDirectory = join(resolve(dataDir), "node", "pods");
  const volumes = new FlexVolumes({ drivers: new Drivers({ directory, timeoutMs }), nodeName, podsDirectory });
  for (const problem of await volumes.releaseAll()) options.log.warn("a volume stays mounted", { problem });
}

function identityOf(options: NodeAgentOptions, dataDir: string, devices: DeviceManager): NodeIdentity {
  const { nodeName: name, address, labels, taints, podCidr, maxPods = maxPodsDefault, runtime } = options;
  return {
    name,
    address,
    labels,
    taints,
    podCidr,
    dataDir,
    maxPods,
    runtime: runtime.version?.(),
    devices: () => devices.amounts(),
    images: () => nodeImages(runtime.images),
  };
}

function serverOf(options: NodeAgentOptions, context: NodeContext, manager: PodManager, volumePluginDir: string) {
  const { nodeName, address, maxPods = maxPodsDefault, podCidr, runtime } = options;
  const config = kubeletConfiguration({ ...context, address, maxPods, volumePluginDir, podCidr });
  return createNodeServer({ ...context, images: runtime.images, manager, nodeName, disk: new PodDisk(), config });
}

async function run(options: NodeAgentOptions, signal: AbortSignal, ready: () => void): Promise<void> {
  const { client, informers, runtime, nodeName, address, log, tls } = options;
  const dataDir = join(resolve(options.dataDir), "node");
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const manifestDir = resolve(options.manifestDir ?? join(options.dataDir, "manifests"));
  mkdirSync(manifestDir, { recursive: true, mode: 0o700 });
  const recorder = createRecorder(client, { component: "kubelet", host: nodeName, log });
  const tokens = createTokenCache(client);
  const delays = options.delays ?? kubeletDelays;
  const services = informers.informer(Services);
  const directory = options.volumePluginDir ?? defaultPluginDirectory;
  const drivers = new Drivers({ directory, timeoutMs: options.driverTimeoutMs });
  const devices = new DeviceManager({ file: join(dataDir, "devices.json"), log });
  const plugins = join(dataDir, "device-plugins");
  const context: NodeContext = {
    client,
    runtime: runtime.runtime,
    runtimeName: runtime.name,
    puller: new ImagePuller(runtime.images, client, recorder, delays),
    recorder,
    log,
    dataDir,
    manifestDir,
    hostIP: address,
    dns: options.dns,
    allocatable: allocatable(),
    variables: createVariables(client),
    volumeData: createVolumeData(client, tokens),
    tokens,
    flex: new FlexVolumes({ drivers, nodeName, podsDirectory: join(dataDir, "pods") }),
    devices,
    nodePath: (path) => (resolve(path) === standardPluginDirectory ? plugins : path),
    services: () => services.list(),
    delays,
    pidsLimit,
    probes: new ProbeCounts(),
    signal,
  };
  await Promise.all([runtime.ready, services.synced()]);
  const manager = new PodManager(context, informers, nodeName);
  const server = serverOf(options, context, manager, directory);
  await using serving = await serve({
    handler: server.handler,
    upgrade: server.upgrade,
    port: options.port ?? 0,
    host: address,
    tls,
    log,
  });
  options.onServing?.((pair) => serving.setTls({ ...pair, clientCa: tls.clientCa }));
  const identity = identityOf(options, dataDir, devices);
  await registerNode(client, identity, serving.port);
  await manager.start();
  drivers.watch(() => manager.driversChanged(), log, signal);
  const served = serveDevices({ manager: devices, directory: plugins, log }, signal);
  let told = Promise.resolve();
  const tell = () => {
    told = told.then(async () => {
      if (!signal.aborted) await writeStatus(client, identity, serving.port);
    });
    told = told.catch((error: unknown) => log.warn("the node's status could not be written", { error }));
  };
  devices.onChange(tell);
  runtime.images.onChange?.(tell);
  const limits = enforceStorageLimits(context, () => manager.workers(), options.storagePeriodMs);
  const collector = new ImageCollector({ ...context, images: runtime.images, nodeName, policy: options.imagePolicy });
  const collecting = collector.start(signal);
  const alive = keepAlive(client, identity, serving.port, log, signal);
  ready();
  await aborted(signal);
  await manager.stop();
  await Promise.all([alive, collecting, limits, served, told]);
}
