import { RuntimeError } from "../cri.ts";
import { addressAt, parseCidr } from "./address.ts";

/** Gives out the addresses of a range; one that was given back comes again last. */
export interface AddressPool {
  take(owner: string): string;
  keep(address: string, owner: string): void;
  /** Does nothing when the address has come to somebody else meanwhile. */
  give(address: string, owner: string): void;
}

/** The first two addresses (the network's own and the gateway's) and the last are left out. */
export function createAddressPool(cidr: string): AddressPool {
  const range = parseCidr(cidr);
  const owners = new Map<string, string>();
  const count = range.size - 3;
  let next = 0;
  return {
    take(owner) {
      for (let tried = 0; tried < count; tried++) {
        const address = addressAt(range, 2 + (next++ % count));
        if (owners.has(address)) continue;
        owners.set(address, owner);
        return address;
      }
      throw new RuntimeError("Failed", `all ${count} addresses of ${cidr} are taken by pods`);
    },
    keep: (address, owner) => void owners.set(address, owner),
    give(address, owner) {
      if (owners.get(address) === owner) owners.delete(address);
    },
  };
}
