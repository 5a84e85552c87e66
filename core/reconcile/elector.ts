import type { Lease, LeaseSpec } from "@capstan/api/generated/coordination-v1";
import { Leases } from "@capstan/api/generated/resources";
import { isReason, type ObjectRef } from "@capstan/api/meta";
import { sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";

export interface ElectorOptions {
  client: Client;
  /** The Lease that candidates meet at. */
  lease: Required<ObjectRef>;
  /** Tells candidates apart: different for each process. */
  identity: string;
  log: Logger;
  /** Milliseconds that a silent leader keeps its place. Default 15,000; a leader renews every third of it. */
  duration?: number;
}

/** One of several processes leads. */
export interface Elector {
  /**
   * Stands until the signal aborts; while this process leads, `lead` runs, with a signal that aborts when the place is
   * lost. Gives the place up at the end.
   */
  start(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void>;
}

/** Other candidates' clocks are not trusted: what counts is how long a lease has looked the same to this process. */
export function createElector(options: ElectorOptions): Elector {
  const { client, lease, identity, log, duration = 15_000 } = options;
  const pause = duration / 3;
  let observed: { version: string | undefined; at: number } | undefined;

  /** Takes or renews the place; false when another holds it. */
  const acquire = async (): Promise<boolean> => {
    const found = await client.find(Leases, lease);
    if (!found) {
      await client.create(Leases, { metadata: lease, spec: specOf(identity, duration, undefined) });
      return true;
    }
    const { resourceVersion } = found.metadata;
    if (observed?.version !== resourceVersion) observed = { version: resourceVersion, at: performance.now() };
    const holder = found.spec.holderIdentity;
    const lapse = (found.spec.leaseDurationSeconds ?? duration / 1000) * 1000;
    if (holder && holder !== identity && performance.now() - (observed?.at ?? 0) < lapse) return false;
    await client.update(Leases, { ...found, spec: specOf(identity, duration, found.spec) });
    return true;
  };
  const attempt = async (): Promise<boolean> => {
    try {
      return await acquire();
    } catch (error) {
      if (!isReason(error, "Conflict", "AlreadyExists"))
        log.warn("the lease could not be taken", { lease: lease.name, error });
      return false;
    }
  };
  /** Renews until the signal aborts or the lease has lapsed, and then aborts the term. */
  const hold = async (signal: AbortSignal, term: AbortController) => {
    let renewed = performance.now();
    while (!signal.aborted && performance.now() - renewed < duration) {
      await sleep(pause, signal);
      if (!signal.aborted && (await attempt())) renewed = performance.now();
    }
    if (!signal.aborted) log.warn("the lease was lost", { lease: lease.name, identity });
    term.abort();
  };
  return {
    async start(signal, lead) {
      while (!signal.aborted) {
        if (!(await attempt())) {
          await sleep(pause / 2, signal);
          continue;
        }
        log.info("leading", { lease: lease.name, identity });
        const term = new AbortController();
        const ended = new AbortController();
        const held = hold(AbortSignal.any([signal, ended.signal]), term);
        try {
          await lead(AbortSignal.any([signal, term.signal]));
        } finally {
          ended.abort();
          await held;
          if (signal.aborted) await giveUp(options);
        }
      }
    },
  };
}

function specOf(identity: string, duration: number, before: LeaseSpec | undefined): LeaseSpec {
  const now = new Date().toISOString().replace(/Z$/, "000Z");
  const same = before?.holderIdentity === identity;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.ceil(duration / 1000),
    renewTime: now,
    acquireTime: same ? (before.acquireTime ?? now) : now,
    leaseTransitions: (before?.leaseTransitions ?? 0) + (same || !before ? 0 : 1),
  };
}

async function giveUp({ client, lease, identity, log }: ElectorOptions): Promise<void> {
  try {
    const found: Lease | undefined = await client.find(Leases, lease);
    if (found?.spec.holderIdentity !== identity) return;
    await client.update(Leases, { ...found, spec: { ...found.spec, holderIdentity: "", leaseDurationSeconds: 1 } });
  } catch (error) {
    log.warn("the lease could not be given up: it will lapse", { lease: lease.name, error });
  }
}
