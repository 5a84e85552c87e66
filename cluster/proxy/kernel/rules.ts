// Services as nftables: the kernel translates addresses of a connection's first packet, and remembers.
import { createHash } from "node:crypto";
import { contains, emptyState, parseCidr, type TableState } from "@capstan/core/runtime";
import type { Backend } from "../backends.ts";
import type { Frontend, Plan } from "../plan.ts";

export interface KernelNetwork {
  podCidr: string;
  serviceCidr: string;
}

/** Chains with hooks. `ip daddr . protocol . port` of a first packet leads to the chain of its service. */
export function fixedRules({ podCidr, serviceCidr }: KernelNetwork): string {
  return `
  map addresses { ${heads.addresses} }
  set hairpin { ${heads.hairpin} }
  set outside { ${heads.outside} }
  chain services { ip daddr . meta l4proto . th dport vmap @addresses
  }
  chain arrive { type nat hook prerouting priority -100; policy accept;
    jump services
  }
  chain begin { type nat hook output priority -100; policy accept;
    jump services
  }
  chain back { type nat hook postrouting priority 100; policy accept;
    ct status dnat ip saddr . ip daddr @hairpin masquerade
    ct status dnat ip saddr ${serviceCidr} oifname != "lo" masquerade
    ct status dnat ip daddr . meta l4proto . th dport @outside masquerade
    ip saddr ${podCidr} ip daddr != ${podCidr} masquerade
  }`;
}

const heads = {
  addresses: "type ipv4_addr . inet_proto . inet_service : verdict;",
  /** A pod that a service leads to itself: it takes no packet that comes from its own address. */
  hairpin: "type ipv4_addr . ipv4_addr;",
  /** Endpoints that would answer past the node. */
  outside: "type ipv4_addr . inet_proto . inet_service;",
};

/** Whether the kernel can do what a plan asks: those that count connections, and loopback addresses, are for user space. */
export function isForKernel({ settings }: Plan): boolean {
  const { scheduler, backends } = settings;
  return ["rr", "wrr", "sh", "dh"].includes(scheduler) && backends.every(({ address }) => !isLoopback(address));
}

/** Packets to these addresses pass no hook that could translate them for good. */
export const isForListener = ({ host }: Frontend) => isLoopback(host) || host === "0.0.0.0";

const isLoopback = (address: string) => address.startsWith("127.");

/** What the kernel does, and for which frontends. */
export interface KernelPart {
  plan: Plan;
  frontends: Frontend[];
  /** Where a listener in user space serves this plan: packets are led there instead of to the backends. */
  listener?: { host: string; port: number };
}

/** @param taken is told of an address that an earlier part has already. */
export function tableOf(
  parts: KernelPart[],
  { podCidr }: KernelNetwork,
  taken: (part: KernelPart, frontend: Frontend) => void = () => {},
): TableState {
  const state = emptyState();
  const sets = {
    addresses: new Set<string>(),
    hairpin: new Set<string>(),
    outside: new Set<string>(),
  };
  const pods = parseCidr(podCidr);
  const used = new Set<string>();
  for (const part of parts) {
    const { plan, frontends, listener } = part;
    const protocol = plan.port.protocol.toLowerCase();
    const name = `s_${hash(plan.id)}${listener ? "_up" : ""}`;
    if (listener) {
      state.chains.set(name, [`meta l4proto ${protocol} dnat ip to ${listener.host}:${listener.port}`]);
    } else {
      addService(state, name, plan);
      for (const { address, port } of plan.settings.backends) {
        if (contains(pods, address)) sets.hairpin.add(`${address} . ${address}`);
        else sets.outside.add(`${address} . ${protocol} . ${port}`);
      }
    }
    for (const frontend of frontends) {
      const key = `${frontend.host} . ${protocol} . ${frontend.port}`;
      if (used.has(key)) taken(part, frontend);
      else sets.addresses.add(`${key} : goto ${name}`);
      used.add(key);
    }
  }
  for (const key of ["addresses", "hairpin", "outside"] as const) {
    state.sets.set(key, { head: heads[key], elements: sets[key] });
  }
  return state;
}

function addService(state: TableState, name: string, { port, settings }: Plan): void {
  const protocol = `meta l4proto ${port.protocol.toLowerCase()}`;
  const { backends, scheduler, affinity } = settings;
  const weighted = backends.map((backend) => ({ backend, weight: scheduler === "rr" ? 1 : backend.weight }));
  const total = weighted.reduce((sum, { weight }) => sum + weight, 0);
  const number =
    scheduler === "sh"
      ? `jhash ip saddr mod ${total} seed 1`
      : scheduler === "dh"
        ? `jhash ip daddr mod ${total} seed 1`
        : `numgen inc mod ${total}`;
  if (affinity === undefined) {
    const shares = ranges(weighted).map(({ range, backend }) => `${range} : ${backend.address} . ${backend.port}`);
    state.chains.set(name, [`${protocol} dnat ip to ${number} map { ${shares.join(", ")} }`]);
    return;
  }
  const seconds = Math.ceil(affinity / 1000);
  const known: string[] = [];
  for (const { address, port: to } of backends) {
    const own = chainOf(name, { address, port: to });
    const clients = `${own}_${seconds}`;
    state.sets.set(clients, {
      head: `type ipv4_addr; flags dynamic,timeout; timeout ${seconds}s;`,
      elements: new Set(),
    });
    state.chains.set(own, [`update @${clients} { ip saddr }`, `${protocol} dnat ip to ${address}:${to}`]);
    known.push(`ip saddr @${clients} goto ${own}`);
  }
  const shares = ranges(weighted).map(({ range, backend }) => `${range} : goto ${chainOf(name, backend)}`);
  state.chains.set(name, [...known, `${number} vmap { ${shares.join(", ")} }`]);
}

const chainOf = (name: string, { address, port }: { address: string; port: number }) =>
  `${name}_${address.replaceAll(".", "_")}_${port}`;
const hash = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);

/** Each backend's part of 0 … total - 1. */
function ranges(weighted: { backend: Backend; weight: number }[]): { range: string; backend: Backend }[] {
  let from = 0;
  return weighted.map(({ backend, weight }) => {
    const to = from + weight - 1;
    const range = from === to ? String(from) : `${from}-${to}`;
    from += weight;
    return { range, backend };
  });
}
