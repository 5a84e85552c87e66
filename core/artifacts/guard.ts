// Addresses that a store may not have: those by which a machine talks to what it runs on, its cloud's credentials among them.
import { type LookupAddress, lookup } from "node:dns";
import { BlockList, isIP, type LookupFunction } from "node:net";
import type { StoreResources } from "./resources.ts";
import { StoreError } from "./store.ts";

/** Link-local (RFC 3927, RFC 4291), and where AWS has its metadata in IPv6. */
const machine = new BlockList();
machine.addSubnet("169.254.0.0", 16, "ipv4");
machine.addSubnet("fe80::", 10, "ipv6");
machine.addAddress("fd00:ec2::254", "ipv6");

const isBlocked = (address: string) => machine.check(address, isIP(address) === 6 ? "ipv6" : "ipv4");
const refusal = (host: string) => new StoreError(`${host} is an address of the machine itself, and no store`);

export interface Guard {
  /** @throws StoreError for a host that is such an address. */
  check(host: string): void;
  /** Finds names; those that lead to such an address lead nowhere. */
  lookup: LookupFunction;
}

/** Undefined where the process is the pod's own: it sees no more than the pod does. */
export function createGuard({ machineAccount }: StoreResources): Guard | undefined {
  if (machineAccount) return undefined;
  return {
    check(host) {
      const address = host.replace(/^\[|\]$/g, "");
      if (isIP(address) && isBlocked(address)) throw refusal(host);
    },
    lookup(name, options, done) {
      lookup(name, options, (error, found: string | LookupAddress[], family) => {
        const addresses = Array.isArray(found) ? found.map(({ address }) => address) : [found];
        if (!error && addresses.some(isBlocked)) done(refusal(name), "", 0);
        else done(error, found as string, family as number);
      });
    },
  };
}
