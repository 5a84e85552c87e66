import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import { conntrackMissing, createNftTable, forgetUdp, type NftMonitor, nftMissing } from "@capstan/core/runtime";
import type { Backend } from "../backends.ts";
import { createRounds } from "../rounds.ts";
import { fixedRules, type KernelNetwork, type KernelPart, tableOf } from "./rules.ts";

export interface KernelOptions {
  network: KernelNetwork & { table: string };
  /** Tells when somebody else deletes the table: it is made anew. */
  monitor?: Pick<NftMonitor, "onDeleted"> | undefined;
  /** What the kernel is to do now. */
  parts(): KernelPart[];
  /** Told when the rules cannot be written: from then on there are none. */
  failed(why: string): void;
  log: Logger;
}

export interface Kernel {
  /** Undefined when it can begin; else why it cannot work here. */
  open(): string | undefined;
  /** Resolves when the rules are those of the parts, or have failed. */
  update(): Promise<void>;
  /** What lacks, though it works. */
  missing(): string | undefined;
  close(): Promise<void>;
}

export function createKernel({ network, monitor, parts, failed, log }: KernelOptions): Kernel {
  const table = createNftTable(network.table);
  let lacks = conntrackMissing();
  let open = false;
  let written = false;
  let suspect = false;
  let unwatch: (() => void) | undefined;
  let udp = new Map<string, UdpState>();
  const write = async () => {
    const now = parts();
    const wanted = tableOf(now, network, ({ plan }, { host, port }) =>
      log.warn("a service's address is another's already", { address: `${host}:${port}`, plan: plan.id }),
    );
    if (suspect && !(await table?.exists())) written = false;
    suspect = false;
    try {
      if (written) await table?.apply(wanted);
    } catch (error) {
      written = false;
      log.warn("the rules of services are written anew", { error });
    }
    if (!written) await table?.open(fixedRules(network), wanted);
    written = true;
    const before = udp;
    udp = udpStates(now);
    const flows = staleFlows(before, udp);
    if (flows.length > 0) lacks = await forgetUdp(flows);
  };
  const rounds = createRounds(async () => {
    if (!open) return;
    try {
      await write();
    } catch (error) {
      open = false;
      failed(messageOf(error));
    }
  });
  return {
    open() {
      open = table !== undefined;
      unwatch = monitor?.onDeleted(network.table, () => {
        suspect = true;
        void rounds.run();
      });
      return open ? undefined : `rules for packets need nft: ${nftMissing()}`;
    },
    update: () => rounds.run(),
    missing: () => lacks,
    async close() {
      unwatch?.();
      await rounds.rest();
      open = false;
      await table?.remove();
    },
  };
}

interface UdpState {
  host: string;
  port: number;
  endpoints: Set<string>;
}

function udpStates(parts: KernelPart[]): Map<string, UdpState> {
  const states = new Map<string, UdpState>();
  for (const { plan, frontends, listener } of parts) {
    if (plan.port.protocol !== "UDP" || listener) continue;
    const endpoints = new Set(plan.settings.backends.map(({ address }: Backend) => address));
    for (const { host, port } of frontends) states.set(`${host}:${port}`, { host, port, endpoints });
  }
  return states;
}

/** Of endpoints that are gone, and of addresses that were nobody's before: the kernel remembers that too. */
function staleFlows(before: Map<string, UdpState>, now: Map<string, UdpState>) {
  const gone = [...before].flatMap(([key, { host, port, endpoints }]) => {
    const left = now.get(key)?.endpoints;
    return [...endpoints].filter((one) => !left?.has(one)).map((endpoint) => ({ host, port, endpoint }));
  });
  const fresh = [...now].filter(([key]) => !before.has(key)).map(([, { host, port }]) => ({ host, port }));
  return [...gone, ...fresh];
}
