// URLs, IP addresses and ranges. Source: apiserver's library.URLs, library.IP and library.CIDR.
import { BlockList, isIP, SocketAddress } from "node:net";
import type { Library } from "./define.ts";

const parsesAsUrl = (text: string) =>
  (text.startsWith("/") && !text.startsWith("//")) || /^[a-z][a-z0-9+.-]*:\/\//i.test(text);

class Url {
  readonly url: URL;
  readonly absolute: boolean;
  constructor(text: string) {
    if (!isUrl(text)) throw new Error(`URL parse error during conversion from string: ${JSON.stringify(text)}`);
    this.absolute = !text.startsWith("/");
    this.url = new URL(text, "relative://");
  }
  get query(): Record<string, string[]> {
    const query: Record<string, string[]> = {};
    for (const [key, value] of this.url.searchParams) {
      query[key] ??= [];
      query[key].push(value);
    }
    return query;
  }
}
const isUrl = (text: string) => parsesAsUrl(text) && URL.canParse(text, "relative://");

/** An address of 32 or 128 bits. */
class Ip {
  readonly value: bigint;
  readonly family: 4 | 6;
  constructor(value: bigint, family: 4 | 6) {
    this.value = value;
    this.family = family;
  }
  toString(): string {
    if (this.family === 4) return [24n, 16n, 8n, 0n].map((shift) => (this.value >> shift) & 255n).join(".");
    const words = Array.from({ length: 8 }, (_, i) => ((this.value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
    return new SocketAddress({ address: new URL(`http://[${words.join(":")}]/`).hostname.slice(1, -1), family: "ipv6" })
      .address;
  }
}

/** No zones, no IPv4 written as IPv6. */
function readIp(text: string): Ip | undefined {
  const family = isIP(text);
  if (family === 4)
    return new Ip(
      text.split(".").reduce((sum, part) => sum * 256n + BigInt(part), 0n),
      4,
    );
  if (family !== 6 || text.includes("%") || text.includes(".")) return undefined;
  const [head = "", tail] = text.split("::");
  const first = head === "" ? [] : head.split(":");
  const last = tail ? tail.split(":") : [];
  const middle = tail === undefined ? [] : Array<string>(8 - first.length - last.length).fill("0");
  return new Ip(
    [...first, ...middle, ...last].reduce((sum, part) => sum * 65536n + BigInt(`0x${part}`), 0n),
    6,
  );
}

function ipOf(text: string): Ip {
  const ip = readIp(text);
  if (!ip) throw new Error(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  return ip;
}

class Cidr {
  readonly ip: Ip;
  readonly bits: number;
  constructor(ip: Ip, bits: number) {
    this.ip = ip;
    this.bits = bits;
  }
  toString(): string {
    return `${this.ip}/${this.bits}`;
  }
  masked(): Cidr {
    const rest = BigInt((this.ip.family === 4 ? 32 : 128) - this.bits);
    return new Cidr(new Ip((this.ip.value >> rest) << rest, this.ip.family), this.bits);
  }
  contains(ip: Ip): boolean {
    return ip.family === this.ip.family && new Cidr(ip, this.bits).masked().ip.value === this.masked().ip.value;
  }
}

function readCidr(text: string): Cidr | undefined {
  const match = /^([^/]+)\/(0|[1-9]\d{0,2})$/.exec(text);
  const ip = match && readIp(match[1] ?? "");
  const bits = Number(match?.[2]);
  return ip && bits <= (ip.family === 4 ? 32 : 128) ? new Cidr(ip, bits) : undefined;
}

function cidrOf(text: string): Cidr {
  const cidr = readCidr(text);
  if (!cidr) throw new Error(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
  return cidr;
}

const within = (...ranges: string[]) => {
  const list = new BlockList();
  for (const range of ranges) {
    const { ip, bits } = cidrOf(range);
    list.addSubnet(String(ip), bits, ip.family === 4 ? "ipv4" : "ipv6");
  }
  return (ip: Ip) => list.check(String(ip), ip.family === 4 ? "ipv4" : "ipv6");
};
const unspecified = within("0.0.0.0/32", "::/128");
const loopback = within("127.0.0.0/8", "::1/128");
const linkLocalMulticast = within("224.0.0.0/24", "ff02::/16");
const multicast = within("224.0.0.0/4", "ff00::/8");
const linkLocal = within("169.254.0.0/16", "fe80::/10");
const broadcast = within("255.255.255.255/32");
const isGlobal = (ip: Ip) => ![unspecified, loopback, multicast, linkLocal, broadcast].some((has) => has(ip));

class IpNames {}

function addUrls({ define, type, equals }: Library): void {
  type("URL", Url);
  equals("URL", (a: Url, b: Url) => a.url.href === b.url.href);
  define("isURL(string): bool", isUrl);
  define("url(string): URL", (text: string) => new Url(text));
  const part = (name: string, read: (url: Url) => string) => define(`URL.${name}(): string`, read);
  part("getScheme", ({ url, absolute }) => (absolute ? url.protocol.slice(0, -1) : ""));
  part("getHost", ({ url, absolute }) => (absolute ? url.host : ""));
  part("getHostname", ({ url, absolute }) => (absolute ? url.hostname.replace(/^\[|\]$/g, "") : ""));
  part("getPort", ({ url, absolute }) => (absolute ? url.port : ""));
  part("getEscapedPath", ({ url }) => url.pathname);
  define("URL.getQuery(): map<string, list<string>>", (url: Url) => url.query);
}

export function addAddresses(library: Library): void {
  addUrls(library);
  const { define, type, equals } = library;
  type("IP", Ip);
  type("CIDR", Cidr);
  for (const name of ["IP", "CIDR"]) equals(name, (a: object, b: object) => String(a) === String(b));
  type("IPNames", IpNames, "ip");
  define("isIP(string): bool", (text: string) => readIp(text) !== undefined);
  define("ip(string): IP", ipOf);
  define("IPNames.isCanonical(string): bool", (_: IpNames, text: string) => String(ipOf(text)) === text);
  define("string(IP): string", String);
  define("IP.family(): int", ({ family }: Ip) => BigInt(family));
  define("IP.isUnspecified(): bool", unspecified);
  define("IP.isLoopback(): bool", loopback);
  define("IP.isLinkLocalMulticast(): bool", linkLocalMulticast);
  define("IP.isLinkLocalUnicast(): bool", linkLocal);
  define("IP.isGlobalUnicast(): bool", isGlobal);
  define("isCIDR(string): bool", (text: string) => readCidr(text) !== undefined);
  define("cidr(string): CIDR", cidrOf);
  define("string(CIDR): string", String);
  define("CIDR.containsIP(string): bool", (cidr: Cidr, text: string) => cidr.contains(ipOf(text)));
  define("CIDR.containsIP(IP): bool", (cidr: Cidr, ip: Ip) => cidr.contains(ip));
  const holds = (cidr: Cidr, other: Cidr) => other.bits >= cidr.bits && cidr.contains(other.ip);
  define("CIDR.containsCIDR(string): bool", (cidr: Cidr, text: string) => holds(cidr, cidrOf(text)));
  define("CIDR.containsCIDR(CIDR): bool", holds);
  define("CIDR.ip(): IP", ({ ip }: Cidr) => ip);
  define("CIDR.masked(): CIDR", (cidr: Cidr) => cidr.masked());
  define("CIDR.prefixLength(): int", ({ bits }: Cidr) => BigInt(bits));
}
