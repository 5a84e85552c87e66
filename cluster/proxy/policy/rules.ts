// Compiled policies as nftables. Egress is looked at first, then ingress, both after addresses were translated.
import { createHash } from "node:crypto";
import { emptyState, type TableState } from "@capstan/core/runtime";
import type { Compiled, CompiledRule, Direction, PortMatch } from "./compile.ts";

export interface PolicyNetwork {
  podCidr: string;
  serviceCidr: string;
  /** The node's address among the pods: its traffic is never held up. */
  gateway: string;
  /** The name server: the one address of the node itself that egress policies are about. */
  dnsIp: string;
}

/** Chains with hooks. What comes from the node passes no `forward` hook, so probes and the node's own clients get in. */
export function fixedRules({ dnsIp }: PolicyNetwork): string {
  const established = "ct state established,related accept";
  return `
  map egress { type ipv4_addr : verdict; }
  map ingress { type ipv4_addr : verdict; }
  set itself { type ipv4_addr . ipv4_addr; }
  chain strangers { }
  chain leave { type filter hook forward priority -2; policy accept;
    ${established}
    jump strangers
    ip saddr . ip daddr @itself accept
    ip saddr vmap @egress
  }
  chain enter { type filter hook forward priority -1; policy accept;
    ${established}
    ip saddr . ip daddr @itself accept
    ip daddr vmap @ingress
  }
  chain ask { type filter hook input priority -1; policy accept;
    ${established}
    ip daddr ${dnsIp} ip saddr vmap @egress
  }`;
}

const verdicts = "type ipv4_addr : verdict;";

/** Without policies nothing is filtered. With some, an address of a pod that is not known yet has no traffic. */
export function tableOf(compiled: Compiled, network: PolicyNetwork): TableState {
  const { podCidr, gateway } = network;
  const state = emptyState();
  const itself = new Set<string>();
  for (const direction of ["egress", "ingress"] as const) {
    const elements = new Set<string>();
    for (const [policy, rules] of compiled.rules[direction]) {
      addPolicy(state, direction, policy, rules);
      if (direction === "egress") addTranslated(state, policy, rules, network);
    }
    for (const [ip, policies] of compiled.isolated[direction]) {
      const group = `${direction}_${hash(policies.join())}`;
      state.chains.set(group, [...policies.map((one) => `jump ${chainOf(direction, one)}`), "drop"]);
      elements.add(`${ip} : jump ${group}`);
      itself.add(`${ip} . ${ip}`);
    }
    state.sets.set(direction, { head: verdicts, elements });
  }
  state.sets.set("itself", { head: "type ipv4_addr . ipv4_addr;", elements: itself });
  const policies = compiled.rules.egress.size + compiled.rules.ingress.size;
  const known = policies > 0 ? new Set([...compiled.known, gateway]) : new Set<string>();
  state.sets.set("known", { head: "type ipv4_addr;", elements: known });
  const strangers = ["saddr", "daddr"].map((end) => `ip ${end} ${podCidr} ip ${end} != @known drop`);
  state.chains.set("strangers", policies > 0 ? strangers : []);
  return state;
}

const hash = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);
const chainOf = (direction: Direction, policy: string) => `${direction}_of_${hash(policy)}`;

function addPolicy(state: TableState, direction: Direction, policy: string, rules: CompiledRule[]): void {
  const chain = chainOf(direction, policy);
  const lines = rules.flatMap((rule, index) => {
    const peers = peerMatches(state, `${chain}_${index}`, direction, rule);
    const ports = rule.ports?.map((port, number) => portMatch(state, `${chain}_${index}_${number}`, port)) ?? [""];
    return peers.flatMap((peer) => ports.map((port) => [peer, port, "accept"].filter(Boolean).join(" ")));
  });
  state.chains.set(chain, lines);
}

/**
 * A port that another program publishes on the machine (Docker does) is translated before rules see it: for a pod the
 * address that it asked counts. Not for Services, whose policies are about endpoints.
 */
function addTranslated(
  state: TableState,
  policy: string,
  rules: CompiledRule[],
  { podCidr, serviceCidr }: PolicyNetwork,
): void {
  const lines = rules.flatMap(({ peers, ports }) =>
    (peers?.blocks ?? []).flatMap((block) => {
      const asked = "ct original ip daddr";
      const base = `ct status dnat ip daddr != ${podCidr} ${asked} != ${serviceCidr} ${blockMatch(asked, block)}`;
      const numbered = ports
        ?.filter(({ named }) => !named)
        .map(({ protocol, range }) => {
          const port = range ? ` ct original proto-dst ${rangeText(range)}` : "";
          return `meta l4proto ${protocol}${port}`;
        });
      return (numbered ?? [""]).map((port) => [base, port, "accept"].filter(Boolean).join(" "));
    }),
  );
  state.chains.get(chainOf("egress", policy))?.push(...lines);
}

const rangeText = ([from, to]: [number, number]) => (from === to ? String(from) : `${from}-${to}`);
const blockMatch = (end: string, { cidr, except }: { cidr: string; except: string[] }) =>
  [`${end} ${cidr}`, ...except.map((one) => `${end} != ${one}`)].join(" ");

function peerMatches(state: TableState, name: string, direction: Direction, { peers }: CompiledRule): string[] {
  if (!peers) return [""];
  const end = direction === "ingress" ? "ip saddr" : "ip daddr";
  state.sets.set(name, { head: "type ipv4_addr;", elements: peers.addresses });
  return [`${end} @${name}`, ...peers.blocks.map((block) => blockMatch(end, block))];
}

function portMatch(state: TableState, name: string, { protocol, range, named }: PortMatch): string {
  const base = `meta l4proto ${protocol}`;
  if (range) return `${base} th dport ${rangeText(range)}`;
  if (!named) return base;
  const elements = new Set([...named].map((one) => one.replace(" ", " . ")));
  state.sets.set(name, { head: "type ipv4_addr . inet_service;", elements });
  return `${base} ip daddr . th dport @${name}`;
}
