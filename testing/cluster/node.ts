import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createAuthentication } from "@capstan/cluster/apiserver/authentication";
import { createMetrics } from "@capstan/cluster/apiserver/metrics";
import { createStreams } from "@capstan/cluster/apiserver/streams";
import { createNodeAgent, type DelayOptions, type NodeAgentOptions, releaseVolumes } from "@capstan/cluster/node";
import { type Authority, openAuthority, openTokenSigner } from "@capstan/core/pki";
import {
  addressAt,
  allocateInstanceNetwork,
  type BuiltinImage,
  canBridge,
  createRuntime,
  type ImageMapping,
  type InProcessImages,
  type InstanceNetwork,
  parseCidr,
  type RegistryOptions,
  type Runtime,
  type RuntimeOptions,
} from "@capstan/core/runtime";
import { createRemoteRuntime } from "@capstan/core/runtime/remote";
import { TestCluster, type TestClusterOptions } from "./test-cluster.ts";

export interface TestNodeOptions {
  name?: string;
  builtinImages?: BuiltinImage[];
  imageMap?: ImageMapping[];
  registries?: RegistryOptions;
  inProcess?: InProcessImages;
  delays?: DelayOptions;
  /** Who signs the agent's certificate and those of its clients; default one of its own. */
  authority?: Authority;
  /** Where pods ask for names. */
  dnsServer?: string;
  /** Directory of FlexVolume drivers; default one of the node's own directory. */
  volumePluginDir?: string;
  driverTimeoutMs?: number;
  storagePeriodMs?: number;
  /** Keeps the directory of an earlier node: the agent is started again. */
  dataDir?: string;
  /** What Capstan's own runtime makes containers with. */
  launcher?: RuntimeOptions["launcher"];
  /** Socket of a container runtime that runs the pods instead of Capstan's own. */
  endpoint?: string;
}

export interface TestNode extends AsyncDisposable {
  name: string;
  /** Where pods reach it. */
  address: string;
  dataDir: string;
  volumePluginDir: string;
  network: InstanceNetwork;
  runtime: Runtime;
  /** Stops the agent, not its containers. */
  stopAgent(): Promise<void>;
  /** Another agent takes over the node with all that runs on it. */
  restartAgent(): Promise<void>;
}

/** A cluster with one real node, whose pods kubectl reaches. */
export class NodeCluster implements AsyncDisposable {
  readonly cluster: TestCluster;
  readonly node: TestNode;
  readonly #directory: string;

  static async start(options: TestNodeOptions & { log?: TestClusterOptions["log"] } = {}): Promise<NodeCluster> {
    const directory = mkdtempSync(join(tmpdir(), "capstan-pki-"));
    const authority = await openAuthority({ directory });
    const pair = await authority.issue({
      commonName: "kube-apiserver-kubelet-client",
      organizations: ["system:masters"],
      usages: ["client"],
    });
    const signer = await openTokenSigner(directory);
    const cluster = await TestCluster.start({
      log: options.log,
      extensions: [
        createStreams({ client: { ca: authority.cert, ...pair } }),
        createMetrics({ source: { client: { ca: authority.cert, ...pair } }, window: 200 }),
        createAuthentication({ signer }),
      ],
    });
    return new NodeCluster(cluster, await startTestNode(cluster, { ...options, authority }), directory);
  }

  private constructor(cluster: TestCluster, node: TestNode, directory: string) {
    this.cluster = cluster;
    this.node = node;
    this.#directory = directory;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.node[Symbol.asyncDispose]();
    await this.cluster[Symbol.asyncDispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** Why real pods cannot run here; undefined when they can. */
export function nodeMissing(): string | undefined {
  return canBridge() ? undefined : "pods with networks of their own need root and the program ip";
}

/** Resolves when it is ready. */
async function startAgent(options: NodeAgentOptions): Promise<{ stop(): Promise<void> }> {
  const stop = new AbortController();
  const agent = createNodeAgent(options);
  const running = agent.start(stop.signal);
  await Promise.race([agent.ready, running]);
  return {
    async stop() {
      stop.abort();
      await running;
    },
  };
}

/** A real node: pods run in namespaces of this machine. Everything of it is gone after its disposal. */
export async function startTestNode(
  cluster: Pick<TestCluster, "client" | "informers" | "log">,
  options: TestNodeOptions = {},
): Promise<TestNode> {
  const { name = "node-1", delays } = options;
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "capstan-node-"));
  const network = allocateInstanceNetwork(dataDir, { bridged: canBridge() });
  const address = addressAt(parseCidr(network.podCidr), 1);
  const authority = options.authority ?? (await openAuthority({ directory: join(dataDir, "pki") }));
  const pair = await authority.obtain("kubelet", { commonName: name, usages: ["server"], hosts: [address] });
  const stopRuntime = new AbortController();
  const { log, client, informers } = cluster;
  const { builtinImages, imageMap, registries, inProcess, volumePluginDir = join(dataDir, "volume-plugins") } = options;
  const runtimeOptions = {
    dataDir,
    network,
    codeDir: join(import.meta.dirname, "../.."),
    builtinImages,
    imageMap,
    registries,
    inProcess,
    log,
  };
  const { endpoint, launcher } = options;
  const runtime = endpoint
    ? createRemoteRuntime({ ...runtimeOptions, endpoint })
    : createRuntime({ ...runtimeOptions, launcher });
  const running = runtime.start(stopRuntime.signal);
  await runtime.ready;
  const agentOptions = {
    client,
    informers,
    runtime,
    nodeName: name,
    dataDir,
    address,
    tls: { ...pair, clientCa: authority.cert },
    dns: { domain: "cluster.local", server: options.dnsServer },
    delays,
    volumePluginDir,
    driverTimeoutMs: options.driverTimeoutMs,
    storagePeriodMs: options.storagePeriodMs,
    log,
  };
  let agent = await startAgent(agentOptions);
  return {
    name,
    address,
    dataDir,
    volumePluginDir,
    network,
    runtime,
    stopAgent: () => agent.stop(),
    async restartAgent() {
      await agent.stop();
      agent = await startAgent(agentOptions);
    },
    async [Symbol.asyncDispose]() {
      await agent.stop();
      stopRuntime.abort();
      await running;
      await releaseVolumes({ dataDir, nodeName: name, log });
      if (!options.dataDir) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
