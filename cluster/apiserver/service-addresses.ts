// Addresses and node ports of Services. Source: upstream's pkg/registry/core/service/{ipallocator,portallocator}.
import type { Service } from "@capstan/api/generated/core-v1";

/** Range of node ports. Source: upstream's --service-node-port-range. */
const nodePorts = { first: 30_000, last: 32_767 };

interface Range {
  base: number;
  size: number;
}

/** Throws RangeError for anything but an IPv4 range of at least 8 addresses. */
export function parseCidr(cidr: string): Range {
  const match = /^(\d+)\.(\d+)\.(\d+)\.(\d+)\/(\d+)$/.exec(cidr);
  const [a = 0, b = 0, c = 0, d = 0, bits = 0] = match?.slice(1).map(Number) ?? [];
  if (!match || bits < 8 || bits > 29 || [a, b, c, d].some((part) => part > 255)) {
    throw new RangeError(`${JSON.stringify(cidr)} is not an IPv4 range such as 10.96.0.0/16 with /8 to /29`);
  }
  const size = 2 ** (32 - bits);
  const address = ((a * 256 + b) * 256 + c) * 256 + d;
  return { base: address - (address % size), size };
}

const formatAddress = (address: number) =>
  [24, 16, 8, 0].map((shift) => Math.floor(address / 2 ** shift) % 256).join(".");

/** The address of the Service `default/kubernetes`. */
export function firstAddress(cidr: string): string {
  return formatAddress(parseCidr(cidr).base + 1);
}

function parseAddress(text: string): number | undefined {
  const parts = text.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) return undefined;
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export interface ServiceAddresses {
  /** Any free address; undefined when the range is full. */
  nextAddress(): string | undefined;
  /** Why an address may not be taken; undefined when it now is. */
  takeAddress(address: string): string | undefined;
  /** Whether the range holds the address. */
  holds(address: string): boolean;
  nextPort(): number | undefined;
  takePort(port: number): string | undefined;
  releaseAddress(address: string): void;
  releasePort(port: number): void;
  /** What a stored Service holds. */
  adopt(service: Service): void;
}

/** What is taken lives in memory and is read from the stored Services at start. */
export function createServiceAddresses(cidr: string): ServiceAddresses {
  const { base, size } = parseCidr(cidr);
  const taken = new Set<number>([0, size - 1]);
  const ports = new Set<number>();
  const offsetOf = (address: string) => (parseAddress(address) ?? -1) - base;
  const random = (count: number) => Math.floor(Math.random() * count);
  const addresses: ServiceAddresses = {
    nextAddress() {
      // The lower part of the range is left to Services that name their address. Source: ServiceIPStaticSubrange.
      const reserved = Math.min(256, Math.max(16, Math.floor(size / 16)));
      const offset = pick(taken, reserved < size ? reserved : 2, size - 1, random) ?? pick(taken, 2, size - 1, random);
      if (offset === undefined) return undefined;
      taken.add(offset);
      return formatAddress(base + offset);
    },
    takeAddress(address) {
      const offset = offsetOf(address);
      if (offset <= 0 || offset >= size - 1)
        return `the provided IP (${address}) is not in the valid range. The range of valid IPs is ${cidr}`;
      if (taken.has(offset)) return "provided IP is already allocated";
      taken.add(offset);
      return undefined;
    },
    holds(address) {
      const offset = offsetOf(address);
      return offset > 0 && offset < size - 1;
    },
    nextPort() {
      const port = pick(ports, nodePorts.first, nodePorts.last + 1, random);
      if (port !== undefined) ports.add(port);
      return port;
    },
    takePort(port) {
      const { first, last } = nodePorts;
      if (port < first || port > last)
        return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
      if (ports.has(port)) return "provided port is already allocated";
      ports.add(port);
      return undefined;
    },
    releaseAddress: (address) => void taken.delete(offsetOf(address)),
    releasePort: (port) => void ports.delete(port),
    adopt({ spec }) {
      if (spec?.clusterIP && spec.clusterIP !== "None") taken.add(offsetOf(spec.clusterIP));
      for (const { nodePort } of spec?.ports ?? []) if (nodePort) ports.add(nodePort);
      if (spec?.healthCheckNodePort) ports.add(spec.healthCheckNodePort);
    },
  };
  return addresses;
}

/** A free number of [from, to): a random one, or the next after it. */
function pick(
  taken: ReadonlySet<number>,
  from: number,
  to: number,
  random: (count: number) => number,
): number | undefined {
  const start = random(to - from);
  for (let i = 0; i < to - from; i++) {
    const candidate = from + ((start + i) % (to - from));
    if (!taken.has(candidate)) return candidate;
  }
  return undefined;
}
