/** IPv4 as a number of 32 bits. */
export function toNumber(address: string): number {
  const parts = address.split(".").map(Number);
  if (parts.length !== 4 || parts.some((part) => !Number.isInteger(part) || part < 0 || part > 255)) {
    throw new RangeError(`"${address}" is not an IPv4 address`);
  }
  return parts.reduce((value, part) => value * 256 + part, 0);
}

export function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

export interface Cidr {
  /** The network's own address. */
  first: number;
  prefix: number;
  /** How many addresses it has. */
  size: number;
}

export function parseCidr(text: string): Cidr {
  const [address = "", bits = ""] = text.split("/");
  const prefix = Number(bits);
  if (!/^\d+$/.test(bits) || prefix > 32) throw new RangeError(`"${text}" is not a range such as 10.64.0.0/17`);
  const size = 2 ** (32 - prefix);
  return { first: Math.floor(toNumber(address) / size) * size, prefix, size };
}

export function contains(cidr: Cidr, address: string): boolean {
  const value = toNumber(address);
  return value >= cidr.first && value < cidr.first + cidr.size;
}

export function overlap(a: Cidr, b: Cidr): boolean {
  return a.first < b.first + b.size && b.first < a.first + a.size;
}

/** The address at `index` of the range. */
export function addressAt(cidr: Cidr, index: number): string {
  return toAddress(cidr.first + index);
}

/** Part number `index` of a range that is cut into parts of 2 ** (32 - prefix) addresses. Throws RangeError past its end. */
export function partOf(cidr: Cidr, prefix: number, index: number): string {
  const size = 2 ** (32 - prefix);
  if ((index + 1) * size > cidr.size) throw new RangeError(`the range has no part ${index} of ${size} addresses`);
  return `${toAddress(cidr.first + index * size)}/${prefix}`;
}
