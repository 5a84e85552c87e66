// What the pods of all nodes reach: services and names; and which of it policies let them.
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
import { type InstanceNetwork, nftMissing } from "@capstan/core/runtime";
import { clusterDomain, nodeAddress } from "./agent.ts";
import type { ControlPlane } from "./control-plane.ts";
import type { Parts } from "./parts.ts";

export const proxyModes = ["auto", "userspace", "nftables"] as const;
export type ProxyModeFlag = (typeof proxyModes)[number];

const recorderOf = (plane: ControlPlane, log: Logger): Recorder =>
  createRecorder(plane.client, { component: "capstan-network", log });

/** Started before anything that runs pods, and so stopped after it. */
export async function startPolicies(
  plane: ControlPlane,
  network: InstanceNetwork,
  log: Logger,
  parts: Parts,
): Promise<PolicyEngine> {
  const { bridge, podCidr, serviceCidr, dnsIp } = network;
  const engine = createPolicyEngine({
    informers: plane.informers,
    recorder: recorderOf(plane, log),
    ...(bridge
      ? { network: { podCidr, serviceCidr, dnsIp, gateway: nodeAddress(network), table: `${bridge}_policies` } }
      : {}),
    log: log.with({ part: "policies" }),
  });
  parts.add({
    name: "policies",
    ready: engine.ready,
    start: (signal) => engine.start(signal),
    about: () => {
      const missing = engine.missing();
      return missing === undefined ? "enforced by nftables" : `NetworkPolicies are not enforced: ${missing}`;
    },
  });
  await engine.ready;
  return engine;
}

/** Services and names. @returns the address of the name server, when it serves. */
export async function startNetwork(
  plane: ControlPlane,
  options: { network: InstanceNetwork; policies: PolicyEngine; proxyMode: ProxyModeFlag },
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
    mode: modeOf(options.proxyMode, network),
    nodeAddresses: [...new Set(["127.0.0.1", nodeAddress(network)])],
    ...(bridge ? { kernel: { podCidr, serviceCidr, table: `${bridge}_services` } } : {}),
    recorder: recorderOf(plane, log),
    allows: policies.allows,
    log: log.with({ part: "proxy" }),
  });
  const balancers = createLoadBalancers({ client, informers, log: log.with({ part: "load-balancers" }) });
  parts.add({ name: "dns", ready: dns.ready, start: (signal) => dns.start(signal), about: dns.about });
  parts.add({ name: "services", ready: proxy.ready, start: (signal) => proxy.start(signal), about: proxy.about });
  parts.add({ name: "load-balancers", start: (signal) => balancers.start(signal) });
  await dns.ready;
  return dns.serving ? network.dnsIp : undefined;
}

/** `auto`: packet rules where they are possible. @throws when they are asked for and are not. */
function modeOf(flag: ProxyModeFlag, { bridge }: InstanceNetwork): ProxyMode {
  const lack = bridge ? nftMissing() : "pods have no network of their own (that needs root and the program ip)";
  if (flag === "nftables" && lack) throw new Error(`--proxy-mode nftables: ${lack}; or take --proxy-mode userspace`);
  if (flag === "auto") return lack ? "userspace" : "nftables";
  return flag;
}
