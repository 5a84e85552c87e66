// Source: upstream's pkg/apis/networking/validation: ValidateNetworkPolicySpec.
import type {
  IPBlock,
  NetworkPolicy,
  NetworkPolicyPeer,
  NetworkPolicyPort,
} from "@capstan/api/generated/networking-v1";
import type { FieldErrors } from "../field-errors.ts";
import { checkOneOf, checkPort, checkSelector, isAddress } from "./values.ts";

export function checkNetworkPolicy({ spec }: NetworkPolicy, errors: FieldErrors): void {
  checkSelector(spec.podSelector, "spec.podSelector", errors);
  for (const [i, { from, ports }] of (spec.ingress ?? []).entries())
    checkRule(`spec.ingress[${i}]`, "from", from, ports, errors);
  for (const [i, { to, ports }] of (spec.egress ?? []).entries())
    checkRule(`spec.egress[${i}]`, "to", to, ports, errors);
  const { policyTypes = [] } = spec;
  if (policyTypes.length > 2)
    errors.invalid("spec.policyTypes", policyTypes, "may not specify more than two policyTypes");
  else
    for (const [i, type] of policyTypes.entries())
      checkOneOf(type, ["Egress", "Ingress"], `spec.policyTypes[${i}]`, errors);
}

function checkRule(
  at: string,
  name: string,
  peers: NetworkPolicyPeer[] | undefined,
  ports: NetworkPolicyPort[] | undefined,
  errors: FieldErrors,
): void {
  for (const [i, port] of (ports ?? []).entries()) checkPolicyPort(port, `${at}.ports[${i}]`, errors);
  for (const [i, { ipBlock, podSelector, namespaceSelector }] of (peers ?? []).entries()) {
    const field = `${at}.${name}[${i}]`;
    if (ipBlock && (podSelector || namespaceSelector)) {
      errors.forbidden(field, "may not specify both ipBlock and another peer");
    } else if (ipBlock) checkBlock(ipBlock, `${field}.ipBlock`, errors);
    else if (!podSelector && !namespaceSelector) errors.required(field, "must specify a peer");
  }
}

function checkPolicyPort({ port, endPort, protocol }: NetworkPolicyPort, at: string, errors: FieldErrors): void {
  checkOneOf(protocol, ["SCTP", "TCP", "UDP"], `${at}.protocol`, errors);
  checkPort(port, `${at}.port`, errors);
  if (endPort === undefined) return;
  const field = `${at}.endPort`;
  if (port === undefined) errors.invalid(field, endPort, "may not be specified when `port` is not specified");
  else if (typeof port === "string") errors.invalid(field, endPort, "may not be specified when `port` is non-numeric");
  else if (endPort < port) errors.invalid(field, endPort, "must be greater than or equal to `port`");
  else checkPort(endPort, field, errors);
}

function checkBlock({ cidr, except = [] }: IPBlock, at: string, errors: FieldErrors): void {
  if (!cidr) {
    errors.required(`${at}.cidr`);
    return;
  }
  const outer = rangeOf(cidr);
  if (!outer) errors.invalid(`${at}.cidr`, cidr, notRange);
  for (const [i, text] of except.entries()) {
    const inner = rangeOf(text);
    const field = `${at}.except[${i}]`;
    if (!inner) errors.invalid(field, text, notRange);
    else if (outer && !isWithin(inner, outer)) errors.invalid(field, text, "must be a strict subset of `cidr`");
  }
}

const notRange = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";

interface Range {
  /** The address's bits, most significant first. */
  bits: string;
  prefix: number;
}

function rangeOf(text: string): Range | undefined {
  const [address = "", prefix = "", ...more] = text.split("/");
  if (!isAddress(address) || !/^\d{1,3}$/.test(prefix) || more.length > 0) return undefined;
  const bits = address.includes(":")
    ? bitsOfV6(address)
    : address
        .split(".")
        .map((part) => bitsOf(Number(part), 8))
        .join("");
  return Number(prefix) <= bits.length ? { bits, prefix: Number(prefix) } : undefined;
}

const bitsOf = (value: number, count: number) => value.toString(2).padStart(count, "0");

/** The URL parser writes an address in its shortest form, in hexadecimal alone. */
function bitsOfV6(address: string): string {
  const short = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const [head = "", tail] = short.split("::");
  const groups = (part: string) => (part ? part.split(":") : []);
  const [before, after] = [groups(head), groups(tail ?? "")];
  const zeros = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => "0");
  return [...before, ...zeros, ...after].map((group) => bitsOf(Number.parseInt(group, 16), 16)).join("");
}

function isWithin(inner: Range, outer: Range): boolean {
  const same = inner.bits.length === outer.bits.length;
  return same && inner.prefix > outer.prefix && inner.bits.startsWith(outer.bits.slice(0, outer.prefix));
}
