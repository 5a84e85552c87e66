import { sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Authority } from "./authority.ts";
import { type CertificateRequest, type KeyPair, renewalTime } from "./certificate.ts";

/** A certificate in use, and how its user takes a new one. */
export interface Renewable {
  name: string;
  request: CertificateRequest;
  pair: KeyPair;
  apply(pair: KeyPair): void | Promise<void>;
}

export interface RenewalOptions {
  authority: Pick<Authority, "obtain">;
  certificates: Renewable[];
  log: Logger;
  clock?: () => number;
}

// Timers hold 31 bits of milliseconds; a failed renewal is tried again after a minute, of months that are left.
const longest = 2 ** 31 - 1;
const retry = 60_000;

/** Renews certificates while the process runs. start resolves when the signal aborted. */
export function createRenewal({ authority, certificates, log, clock = Date.now }: RenewalOptions) {
  const due = new Map(certificates.map((item) => [item, renewalTime(item.pair.cert)]));
  const renew = async (item: Renewable) => {
    try {
      const pair = await authority.obtain(item.name, item.request);
      await item.apply(pair);
      due.set(item, renewalTime(pair.cert));
      log.info("certificate renewed", { certificate: item.name });
    } catch (error) {
      due.set(item, clock() + retry);
      log.error("cannot renew a certificate", { certificate: item.name, error });
    }
  };
  return {
    async start(signal: AbortSignal): Promise<void> {
      while (!signal.aborted && certificates.length > 0) {
        const next = Math.min(...due.values());
        await sleep(Math.min(Math.max(0, next - clock()), longest), signal);
        if (signal.aborted) return;
        for (const [item, time] of due) if (time <= clock()) await renew(item);
      }
    },
  };
}
