// What the pods of all nodes reach: services and names; and which of it policies let them.
import { networkInterfaces } from "node:os";
import type { Logger } from "@capstan/base/log";
import {
  createDnsServer,
  createLoadBalancers,
  createPolicyEngine,
  createServiceProxy,
  type PolicyEngine,
  type ProxyMode,
} from "@capstan/cluster/proxy";
import { createRecorder, type Recorder } from "@capstan/core/reconcile";
import {
  contains,
  createNftMonitor,
  type InstanceNetwork,
  type NftMonitor,
  nftMissing,
  parseCidr,
} from "@capstan/core/runtime";
import { clusterDomain, nodeAddress } from "./agent.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { Parts } from "./parts.ts";
import { endpointOf, type RuntimeFlag } from "./runtime-flag.ts";

export const proxyModes = ["auto", "userspace", "nftables"] as const;
export type ProxyModeFlag = (typeof proxyModes)[number];

const recorderOf = (plane: ControlPlane, log: Logger): Recorder =>
  createRecorder(plane.client, { component: "capstan-network", log });

export interface Policies {
  engine: PolicyEngine;
  /** Watches the tables of policies and services. */
  monitor: NftMonitor;
}

/** Started before anything that runs pods, and so stopped after it. */
export async function startPolicies(
  plane: ControlPlane,
  settings: { network: InstanceNetwork; runtime: RuntimeFlag },
  log: Logger,
  parts: Parts,
): Promise<Policies> {
  const { network } = settings;
  const foreign = foreignNetwork(settings.runtime);
  const { bridge, podCidr, serviceCidr, dnsIp } = network;
  const monitor = createNftMonitor(log.with({ part: "policies" }));
  const engine = createPolicyEngine({
    monitor,
    informers: plane.informers,
    recorder: recorderOf(plane, log),
    ...(foreign ? { foreign } : {}),
    ...(bridge && !foreign
      ? { network: { podCidr, serviceCidr, dnsIp, gateway: nodeAddress(network), table: `${bridge}_policies` } }
      : {}),
    log: log.with({ part: "policies" }),
  });
  parts.add({
    name: "policies",
    ready: engine.ready,
    start: async (signal) => void (await Promise.all([monitor.start(signal), engine.start(signal)])),
    about: () => {
      const missing = engine.missing();
      return missing === undefined ? "enforced by nftables" : `NetworkPolicies are not enforced: ${missing}`;
    },
  });
  await engine.ready;
  return { engine, monitor };
}

/** Services and names. @returns the address of the name server, when it serves. */
export async function startNetwork(
  plane: ControlPlane,
  options: {
    network: InstanceNetwork;
    runtime: RuntimeFlag;
    policies: Policies;
    proxyMode: ProxyModeFlag;
    nodePortRanges: string[];
  },
  log: Logger,
  parts: Parts,
): Promise<string | undefined> {
  const { informers, client } = plane;
  const { network, policies } = options;
  const { bridge, podCidr, serviceCidr } = network;
  const dns = createDnsServer({
    informers,
    host: network.dnsIp,
    domain: clusterDomain,
    log: log.with({ part: "dns" }),
  });
  const proxy = createServiceProxy({
    informers,
    mode: modeOf(options.proxyMode, network, foreignNetwork(options.runtime)),
    nodeAddresses: nodePortAddresses(network, options.nodePortRanges),
    ...(bridge ? { kernel: { podCidr, serviceCidr, table: `${bridge}_services` } } : {}),
    recorder: recorderOf(plane, log),
    monitor: policies.monitor,
    allows: policies.engine.allows,
    log: log.with({ part: "proxy" }),
  });
  const balancers = createLoadBalancers({ client, informers, log: log.with({ part: "load-balancers" }) });
  parts.add({ name: "dns", ready: dns.ready, start: (signal) => dns.start(signal), about: dns.about });
  parts.add({ name: "services", ready: proxy.ready, start: (signal) => proxy.start(signal), about: proxy.about });
  parts.add({ name: "load-balancers", start: (signal) => balancers.start(signal) });
  await dns.ready;
  return dns.serving ? network.dnsIp : undefined;
}

/** What the node is reached at: from this machine always, from others at its addresses of the ranges. */
function nodePortAddresses(network: InstanceNetwork, ranges: string[]): string[] {
  const wanted = ranges.map(parseCidr);
  const own = Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ family }) => family === "IPv4")
    .map(({ address }) => address);
  const opened = own.filter((address) => wanted.some((range) => contains(range, address)));
  return [...new Set(["127.0.0.1", nodeAddress(network), ...opened])];
}

/** Pods of one bridge answer each other past the node's rules: on a bridge that is not ours those cannot be relied on. */
function foreignNetwork(runtime: RuntimeFlag): string | undefined {
  return (
    endpointOf(runtime) && "pods are on the network of the container runtime, whose CNI plugins enforce what they can"
  );
}

/** `auto`: packet rules where they are possible. @throws when they are asked for and are not. */
function modeOf(flag: ProxyModeFlag, { bridge }: InstanceNetwork, foreign: string | undefined): ProxyMode {
  const none = "pods have no network of their own (that needs root and the program ip)";
  const lack = foreign ?? (bridge ? nftMissing() : none);
  if (flag === "nftables" && lack) throw new Error(`--proxy-mode nftables: ${lack}; or take --proxy-mode userspace`);
  if (flag === "auto") return lack ? "userspace" : "nftables";
  return flag;
}
