// What NetworkPolicies mean for the pods that there are now. Source: NetworkPolicySpec of networking.k8s.io/v1.
import { isIPv4 } from "node:net";
import type { NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort } from "@capstan/api/generated/networking-v1";
import { selects } from "@capstan/api/meta";

export type Protocol = "tcp" | "udp" | "sctp";

export interface PolicyPod {
  ip: string;
  namespace: string;
  labels: Record<string, string>;
  /** Ports with a name, of all its containers. */
  ports: { name: string; protocol: Protocol; port: number }[];
  /** Not a pod, though policies name it as one (the name server): nothing is ever kept from it. */
  free?: boolean;
}

export interface PolicyWorld {
  policies: NetworkPolicy[];
  pods: PolicyPod[];
  namespaceLabels(name: string): Record<string, string> | undefined;
}

export interface PortMatch {
  protocol: Protocol;
  /** Both ends count; absent with `named`, and for all ports of the protocol. */
  range?: [number, number];
  /** `address port` of the pods that have a port of that name. */
  named?: Set<string>;
}

export interface CompiledRule {
  /** Absent: everybody. */
  peers?: { addresses: Set<string>; blocks: { cidr: string; except: string[] }[] };
  /** Absent: all ports. */
  ports?: PortMatch[];
}

export type Direction = "ingress" | "egress";

export interface Compiled {
  /** By `namespace/name`: what a policy lets in and out; absent where it says nothing of a direction. */
  rules: Record<Direction, Map<string, CompiledRule[]>>;
  /** Pod address → the policies that isolate it. Addresses that are not here have all their traffic. */
  isolated: Record<Direction, Map<string, string[]>>;
  /** Every pod's address. */
  known: Set<string>;
}

export function compilePolicies(world: PolicyWorld): Compiled {
  const compiled: Compiled = {
    rules: { ingress: new Map(), egress: new Map() },
    isolated: { ingress: new Map(), egress: new Map() },
    known: new Set(world.pods.map(({ ip }) => ip)),
  };
  for (const policy of world.policies) {
    const { namespace = "", name } = policy.metadata;
    const key = `${namespace}/${name}`;
    const selected = world.pods.filter(
      (pod) => !pod.free && pod.namespace === namespace && selects(policy.spec.podSelector ?? {}, pod.labels),
    );
    for (const direction of directionsOf(policy)) {
      compiled.rules[direction].set(key, rulesOf(policy, direction, selected, world));
      const isolated = compiled.isolated[direction];
      for (const { ip } of selected) isolated.set(ip, [...(isolated.get(ip) ?? []), key]);
    }
  }
  return compiled;
}

/** The API server writes the types; what was stored without them means the same. */
function directionsOf({ spec }: NetworkPolicy): Direction[] {
  const types = spec.policyTypes?.length ? spec.policyTypes : ["Ingress", ...(spec.egress?.length ? ["Egress"] : [])];
  return (["ingress", "egress"] as const).filter((one) => types.some((type) => type.toLowerCase() === one));
}

function rulesOf(policy: NetworkPolicy, direction: Direction, selected: PolicyPod[], world: PolicyWorld) {
  const { namespace = "" } = policy.metadata;
  const written: { peers: NetworkPolicyPeer[] | undefined; ports: NetworkPolicyPort[] | undefined }[] =
    direction === "ingress"
      ? (policy.spec.ingress ?? []).map(({ from, ports }) => ({ peers: from, ports }))
      : (policy.spec.egress ?? []).map(({ to, ports }) => ({ peers: to, ports }));
  return written.map(({ peers, ports }): CompiledRule => {
    const rule: CompiledRule = {};
    const others = peers?.length
      ? world.pods.filter((pod) => peers.some((one) => isPeer(one, pod, namespace, world)))
      : undefined;
    if (peers?.length) {
      rule.peers = { addresses: new Set(others?.map(({ ip }) => ip)), blocks: blocksOf(peers) };
    }
    // A name is that of the pod which is talked to.
    const targets = direction === "ingress" ? selected : (others ?? world.pods);
    if (ports?.length) rule.ports = ports.map((one) => portOf(one, targets));
    return rule;
  });
}

function isPeer(peer: NetworkPolicyPeer, pod: PolicyPod, namespace: string, world: PolicyWorld): boolean {
  if (peer.ipBlock) return false;
  const near = peer.namespaceSelector
    ? selects(peer.namespaceSelector, world.namespaceLabels(pod.namespace))
    : pod.namespace === namespace;
  return near && (peer.podSelector === undefined || selects(peer.podSelector, pod.labels));
}

/** Those of IPv4: there is no other traffic. */
function blocksOf(peers: NetworkPolicyPeer[]) {
  return peers.flatMap(({ ipBlock }) => {
    if (!ipBlock || !isRange(ipBlock.cidr)) return [];
    return [{ cidr: ipBlock.cidr, except: (ipBlock.except ?? []).filter(isRange) }];
  });
}

function isRange(text: string): boolean {
  const [address = "", prefix = "", ...more] = text.split("/");
  return isIPv4(address) && /^\d{1,2}$/.test(prefix) && Number(prefix) <= 32 && more.length === 0;
}

function portOf({ protocol = "TCP", port, endPort }: NetworkPolicyPort, targets: PolicyPod[]): PortMatch {
  const match: PortMatch = { protocol: protocol.toLowerCase() as Protocol };
  if (typeof port === "number") return { ...match, range: [port, endPort ?? port] };
  if (port === undefined || port === null) return match;
  const named = targets.flatMap(({ ip, ports }) =>
    ports.filter((one) => one.name === port && one.protocol === match.protocol).map((one) => `${ip} ${one.port}`),
  );
  return { ...match, named: new Set(named) };
}
