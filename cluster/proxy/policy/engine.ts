// NetworkPolicies, enforced on the node that all pods of the instance run on.
import { networkInterfaces } from "node:os";
import type { Pod } from "@capstan/api/generated/core-v1";
import type { NetworkPolicy } from "@capstan/api/generated/networking-v1";
import { aborted, backoff, deferred, sleep } from "@capstan/base/async";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Informers, Recorder } from "@capstan/core/reconcile";
import { contains, createNftTable, type NftMonitor, nftMissing, parseCidr } from "@capstan/core/runtime";
import { createRounds } from "../rounds.ts";
import { type Compiled, compilePolicies } from "./compile.ts";
import { allowsConnection, type Connection } from "./decide.ts";
import { fixedRules, type PolicyNetwork, tableOf } from "./rules.ts";
import { watchWorld } from "./world.ts";

export interface PolicyEngineOptions {
  informers: Informers;
  recorder: Recorder;
  /** Absent: pods have no network of their own, and policies are not enforced. */
  network?: PolicyNetwork & { table: string };
  /** Tells when somebody else deletes the table: it is made anew. */
  monitor?: Pick<NftMonitor, "onDeleted">;
  /** Why there is no `network`, where that is another reason. */
  foreign?: string;
  log: Logger;
}

export interface PolicyEngine {
  /** Resolves when the policies that were there are enforced, or cannot be. */
  ready: Promise<void>;
  start(signal: AbortSignal): Promise<void>;
  /** Why policies are not enforced; undefined when they are. */
  missing(): string | undefined;
  /** Whether a client may reach an endpoint that was chosen for it in user space. */
  allows(connection: Connection): boolean;
  /** Resolves when the policies for a pod that is about to start hold for its address. */
  admit(pod: Pod, ip: string): Promise<void>;
}

export function createPolicyEngine(options: PolicyEngineOptions): PolicyEngine {
  const { informers, recorder, network, monitor, foreign, log } = options;
  const world = watchWorld(informers, network?.dnsIp);
  const ready = deferred();
  const enforcer = network ? createEnforcer(network, log) : undefined;
  let missing = foreign ?? whyNot(network !== undefined);
  let compiled: Compiled | undefined;
  let isNode = (_: string) => false;
  let failures = 0;
  let retrying: Promise<void> | undefined;
  let ending = AbortSignal.abort();
  const tell = (policy: NetworkPolicy) => {
    if (missing) recorder.warning(policy, "NotEnforced", `This policy is not enforced: ${missing}`);
  };
  const rounds = createRounds(async () => {
    if (!enforcer || !network) return;
    const seen = world.now();
    const now = compilePolicies(seen);
    const before = missing;
    missing = await enforcer.enforce(now);
    if (missing !== before) for (const policy of seen.policies) tell(policy);
    isNode = nodeAddresses(network);
    compiled = now;
    if (missing === undefined) failures = 0;
    else if (!retrying) retrying = again(failures++);
  });
  const again = async (attempt: number) => {
    await sleep(backoff(attempt, retry), ending);
    retrying = undefined;
    if (!ending.aborted) void rounds.run();
  };

  return {
    ready: ready.promise,
    missing: () => missing,
    allows: (connection) =>
      !compiled ||
      missing !== undefined ||
      isNode(connection.source) ||
      isNode(connection.destination) ||
      allowsConnection(compiled, connection),
    async admit(pod, ip) {
      if (!enforcer || !world.concerned()) return;
      world.admit(pod, ip);
      await rounds.run();
    },
    async start(signal) {
      ending = signal;
      await world.synced();
      const unfollow = world.follow(() => void rounds.run(), tell);
      const unwatch = monitor?.onDeleted(network?.table ?? "", () => {
        enforcer?.suspect();
        void rounds.run();
      });
      await rounds.run();
      ready.resolve();
      await aborted(signal);
      unfollow();
      unwatch?.();
      await rounds.rest();
      await enforcer?.remove();
    },
  };
}

/** A kernel that refused the rules is asked again: policies must not lack until somebody changes one. */
const retry = { base: 500, cap: 60_000 };

/** Undefined where nft cannot be used. */
function createEnforcer(network: PolicyNetwork & { table: string }, log: Logger) {
  const table = createNftTable(network.table);
  if (!table) return undefined;
  let opened = false;
  let suspected = false;
  const enforce = async (compiled: Compiled): Promise<string | undefined> => {
    const wanted = tableOf(compiled, network);
    try {
      if (suspected && !(await table.exists())) opened = false;
      suspected = false;
      if (opened) await table.apply(wanted);
      else await table.open(fixedRules(network), wanted);
      opened = true;
      return undefined;
    } catch (error) {
      if (!opened) {
        log.error("network policies are not enforced", { error });
        return messageOf(error);
      }
      // Somebody else may have changed the table: it is made anew.
      opened = false;
      log.warn("the rules of network policies are written anew", { error });
      return await enforce(compiled);
    }
  };
  return {
    /** @returns why that cannot be; undefined when it is done. */
    enforce,
    suspect() {
      suspected = true;
    },
    remove: () => table.remove(),
  };
}

function whyNot(bridged: boolean): string | undefined {
  const lack = nftMissing();
  if (!bridged) return "pods have no network of their own: that needs root and the program ip";
  return lack === undefined ? undefined : `rules for packets need nft: ${lack}`;
}

/** The node's own traffic is never held up; the addresses of Services are the node's too. */
function nodeAddresses({ serviceCidr }: PolicyNetwork): (address: string) => boolean {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const own = new Set(all.map(({ address }) => address));
  const services = parseCidr(serviceCidr);
  return (address) => address.startsWith("127.") || own.has(address) || contains(services, address);
}
