// The nodes, and the network of their pods.
import type { Logger } from "@capstan/base/log";
import { defaultNodeName } from "@capstan/cluster/node";
import { createRenewal, type KeyPair } from "@capstan/core/pki";
import type { InstanceNetwork, Runtime } from "@capstan/core/runtime";
import { type NodeSettings, nodeAddress, openAgent, openRuntime } from "./agent.ts";
import { nodeRequest } from "./certificates.ts";
import type { ControlPlane } from "./control-plane.ts";
import { startFurtherNode } from "./further-node.ts";
import { startNetwork, startPolicies } from "./network.ts";
import type { Parts } from "./parts.ts";
import { endpointOf, type RuntimeFlag } from "./runtime-flag.ts";
import type { Settings } from "./settings.ts";

/** Resolves when the nodes are being started; their readiness is that of their parts. */
export async function startNodes(
  plane: ControlPlane,
  settings: Settings,
  network: InstanceNetwork,
  log: Logger,
  parts: Parts,
): Promise<void> {
  const { directory, imageMap, registries, runtime: flag } = settings;
  const { client, informers, authority } = plane;
  const name = defaultNodeName();
  const images = { imageMap, registries };
  const { volumePluginDir, manifestDir } = settings;
  const artifacts = directory.path("artifacts");
  const executorInPods = settings.executorImage !== undefined;
  const common = {
    root: directory.root,
    network,
    runtime: flag,
    ...images,
    artifacts,
    volumePluginDir,
    executorInPods,
  };
  const first: NodeSettings = { ...common, name, index: 0, dataDir: directory.root, manifestDir };
  const policies = await startPolicies(plane, { network, runtime: flag }, log, parts);
  const runtime = await openRuntime(first, plane.handler, log, policies.engine.admit);
  parts.add({
    name: "runtime",
    ready: runtime.ready,
    start: (signal) => runtime.start(signal),
    about: () => runtime.missing().join("; ") || aboutRuntime(runtime, flag),
  });
  await runtime.ready;
  const dns = await startNetwork(
    plane,
    { network, runtime: flag, policies, proxyMode: settings.proxyMode, nodePortRanges: settings.nodePortRanges },
    log,
    parts,
  );
  const request = nodeRequest(name, [nodeAddress(network)]);
  const pair = await authority.obtain("node", request);
  let apply: (fresh: KeyPair) => void = () => {};
  const onServing = (renew: typeof apply) => {
    apply = renew;
  };
  const agent = openAgent(first, runtime, { client, informers, pair, ca: authority.cert, onServing }, dns, log);
  const renewed = { name: "node", request, pair, apply: (fresh: KeyPair) => apply(fresh) };
  const renewal = createRenewal({ authority, certificates: [renewed], log });
  parts.add({
    name: "node",
    ready: agent.ready,
    start: async (signal) => void (await Promise.all([agent.start(signal), renewal.start(signal)])),
    about: () => name,
  });
  for (let index = 1; index < settings.nodes; index++) {
    const further = `${name}-${index + 1}`;
    const dataDir = directory.path("nodes", further);
    await startFurtherNode({ ...common, name: further, index, dataDir }, plane, dns, log, parts);
  }
}

function aboutRuntime({ version }: Runtime, flag: RuntimeFlag): string {
  const endpoint = endpointOf(flag);
  return endpoint ? `${version?.()} at ${endpoint}` : "namespaces, a network for each pod, limits";
}
