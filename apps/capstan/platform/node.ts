// A node of the cluster: container runtime, node agent, and what its pods reach: services and names.
import type { Logger } from "@capstan/base/log";
import { createNodeAgent, defaultNodeName } from "@capstan/cluster/node";
import { createDnsServer, createServiceProxy } from "@capstan/cluster/proxy";
import { addressAt, createRuntime, type InstanceNetwork, parseCidr, type Runtime } from "@capstan/core/runtime";
import { createExecutorImages } from "@capstan/executor";
import { nodeRequest } from "./certificates.ts";
import { codeDirectory } from "./code.ts";
import type { ControlPlane } from "./control-plane.ts";
import { builtinImages } from "./images.ts";
import type { Parts } from "./parts.ts";
import type { Settings } from "./settings.ts";

const domain = "cluster.local";

export async function startNode(
  plane: ControlPlane,
  settings: Settings,
  network: InstanceNetwork,
  log: Logger,
  parts: Parts,
): Promise<void> {
  const { client, informers, authority } = plane;
  const { directory } = settings;
  const runtime: Runtime = createRuntime({
    dataDir: directory.root,
    network,
    codeDir: codeDirectory,
    builtinImages,
    imageMap: settings.imageMap,
    inProcess: createExecutorImages({ handler: plane.handler, artifacts: directory.path("artifacts") }),
    log: log.with({ part: "runtime" }),
  });
  parts.add({
    name: "runtime",
    ready: runtime.ready,
    start: (signal) => runtime.start(signal),
    about: () => runtime.missing().join("; ") || "namespaces, a network for each pod, limits",
  });
  await runtime.ready;

  const dns = createDnsServer({ informers, host: network.dnsIp, domain, log: log.with({ part: "dns" }) });
  const proxy = createServiceProxy({ informers, nodePortAddress: "127.0.0.1", log: log.with({ part: "proxy" }) });
  parts.add({ name: "dns", ready: dns.ready, start: (signal) => dns.start(signal) });
  parts.add({ name: "services", ready: proxy.ready, start: (signal) => proxy.start(signal) });
  await dns.ready;

  const nodeName = defaultNodeName();
  const address = network.bridge ? addressAt(parseCidr(network.podCidr), 1) : "127.0.0.1";
  const pair = await authority.obtain("node", nodeRequest(nodeName, [address]));
  const agent = createNodeAgent({
    client,
    informers,
    runtime,
    nodeName,
    dataDir: directory.root,
    address,
    tls: { cert: pair.cert, key: pair.key, clientCa: authority.cert },
    dns: { domain, ...(dns.serving ? { server: network.dnsIp } : {}) },
    podCidr: network.podCidr,
    log: log.with({ part: "node" }),
  });
  parts.add({ name: "node", ready: agent.ready, start: (signal) => agent.start(signal), about: () => nodeName });
}
