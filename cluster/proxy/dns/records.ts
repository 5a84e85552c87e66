// What the cluster's domain says. Source: kubernetes/dns docs/specification.md (DNS-Based Service Discovery 1.1).
import type { Service } from "@capstan/api/generated/core-v1";
import type { Endpoint, EndpointSlice } from "@capstan/api/generated/discovery-v1";
import { isReady, virtualAddress } from "../backends.ts";

export type Record =
  | { type: "A"; name: string; ttl: number; data: string }
  | { type: "CNAME"; name: string; ttl: number; data: string }
  | { type: "PTR"; name: string; ttl: number; data: string }
  | { type: "TXT"; name: string; ttl: number; data: string }
  | {
      type: "SRV";
      name: string;
      ttl: number;
      data: { priority: number; weight: number; port: number; target: string };
    };

export interface Zone {
  /** `cluster.local` */
  domain: string;
  service(namespace: string, name: string): Service | undefined;
  slices(namespace: string, service: string): EndpointSlice[];
  hasNamespace(name: string): boolean;
  /** A service or an endpoint that has this address. */
  byAddress(
    address: string,
  ): { service?: Service; endpoint?: { slice: EndpointSlice; endpoint: Endpoint } } | undefined;
}

export interface Answer {
  /** Records that answer, and records of names that these point at. */
  answers: Record[];
  additionals: Record[];
  /** Whether the name is there, whatever the type that was asked for. */
  exists: boolean;
}

// CoreDNS' default in Kubernetes: what pods may be wrong about after a change.
const ttl = 5;
/** Of the specification that these names follow. */
const schemaVersion = "1.1.0";
const nothing: Answer = { answers: [], additionals: [], exists: false };
const empty: Answer = { answers: [], additionals: [], exists: true };

/** Undefined for names outside the cluster's domain. @param name lower case, without the last dot. */
export function resolveName(zone: Zone, name: string, type: string): Answer | undefined {
  if (name.endsWith(".in-addr.arpa")) return resolveAddress(zone, name, type);
  const labels = name.split(".");
  const suffix = zone.domain.split(".");
  if (labels.length < suffix.length || labels.slice(-suffix.length).join(".") !== zone.domain) return undefined;
  const parts = labels.slice(0, -suffix.length);
  const kind = parts.pop();
  if (kind === undefined) return empty;
  if (kind === "dns-version" && parts.length === 0) {
    if (type !== "TXT") return empty;
    return { answers: [{ type: "TXT", name, ttl, data: schemaVersion }], additionals: [], exists: true };
  }
  const namespace = parts.pop();
  if (namespace === undefined) return kind === "svc" || kind === "pod" ? empty : nothing;
  if (kind === "pod") return resolvePod(zone, name, namespace, parts, type);
  if (kind !== "svc") return nothing;
  const serviceName = parts.pop();
  if (serviceName === undefined) return zone.hasNamespace(namespace) ? empty : nothing;
  const service = zone.service(namespace, serviceName);
  return service ? resolveService(zone, service, name, parts, type) : nothing;
}

function resolveService(zone: Zone, service: Service, name: string, parts: string[], type: string): Answer {
  const [first, second, ...more] = parts;
  if (more.length > 0) return nothing;
  if (first === undefined) return addressesOf(zone, service, name, type);
  if (second !== undefined) {
    // _port._protocol
    if (!first.startsWith("_") || !second.startsWith("_")) return nothing;
    return resolvePort(zone, service, name, first.slice(1), second.slice(1), type);
  }
  // An endpoint's own name; services with an address of their own have none.
  const found = endpointsOf(zone, service).filter(({ endpoint }) => hostOf(endpoint) === first);
  if (found.length === 0) return nothing;
  if (type !== "A") return empty;
  const answers = found.flatMap(({ endpoint }) =>
    endpoint.addresses.map((data): Record => ({ type: "A", name, ttl, data })),
  );
  return { answers, additionals: [], exists: true };
}

function addressesOf(zone: Zone, service: Service, name: string, type: string): Answer {
  const { type: kind, externalName } = service.spec ?? {};
  if (kind === "ExternalName") {
    if (!externalName || !["A", "AAAA", "CNAME"].includes(type)) return empty;
    return {
      answers: [{ type: "CNAME", name, ttl, data: externalName.replace(/\.$/, "") }],
      additionals: [],
      exists: true,
    };
  }
  const address = virtualAddress(service);
  const addresses = address ? [address] : endpointsOf(zone, service).flatMap(({ endpoint }) => endpoint.addresses);
  if (type === "SRV") return allPorts(zone, service, name);
  if (!address && addresses.length === 0) return nothing;
  if (type !== "A") return empty;
  const answers = [...new Set(addresses)].map((data): Record => ({ type: "A", name, ttl, data }));
  return { answers, additionals: [], exists: true };
}

function resolvePort(zone: Zone, service: Service, name: string, port: string, protocol: string, type: string): Answer {
  const all = portRecords(zone, service, name, (one) => one.name === port && one.protocol.toLowerCase() === protocol);
  if (all.length === 0) return nothing;
  return type === "SRV" ? srvAnswer(all) : empty;
}

function allPorts(zone: Zone, service: Service, name: string): Answer {
  const all = portRecords(zone, service, name, () => true);
  return all.length === 0 ? empty : srvAnswer(all);
}

interface PortRecord {
  record: Record;
  address: string;
  target: string;
}

function srvAnswer(found: PortRecord[]): Answer {
  const additionals = new Map(
    found.map(({ target, address }): [string, Record] => [target, { type: "A", name: target, ttl, data: address }]),
  );
  return { answers: found.map(({ record }) => record), additionals: [...additionals.values()], exists: true };
}

function portRecords(
  zone: Zone,
  service: Service,
  name: string,
  wanted: (port: { name: string; protocol: string }) => boolean,
): PortRecord[] {
  const { namespace, name: own } = service.metadata;
  const base = `${own}.${namespace}.svc.${zone.domain}`;
  const make = (port: number, target: string, address: string, weight: number): PortRecord => {
    const record: Record = { type: "SRV", name, ttl, data: { priority: 0, weight, port, target } };
    return { record, address, target };
  };
  const address = virtualAddress(service);
  if (address) {
    const ports = (service.spec?.ports ?? []).filter((one) =>
      wanted({ name: one.name ?? "", protocol: one.protocol ?? "TCP" }),
    );
    return ports.map(({ port }) => make(port, base, address, 100));
  }
  return endpointsOf(zone, service).flatMap(({ endpoint, slice }) => {
    const ports = (slice.ports ?? []).filter((one) =>
      wanted({ name: one.name ?? "", protocol: one.protocol ?? "TCP" }),
    );
    const target = `${hostOf(endpoint)}.${base}`;
    return ports.map(({ port }) => make(port ?? 0, target, endpoint.addresses[0] ?? "", 100));
  });
}

/** `10-1-2-3.namespace.pod`: the address is in the name. */
function resolvePod(zone: Zone, name: string, namespace: string, parts: string[], type: string): Answer {
  const [dashed, ...more] = parts;
  if (!zone.hasNamespace(namespace)) return nothing;
  if (dashed === undefined) return empty;
  const data = dashed.replaceAll("-", ".");
  const numbers = data.split(".");
  const fine = numbers.length === 4 && numbers.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
  if (more.length > 0 || !fine) return nothing;
  return type === "A" ? { answers: [{ type: "A", name, ttl, data }], additionals: [], exists: true } : empty;
}

/** Undefined for addresses that are not the cluster's. */
function resolveAddress(zone: Zone, name: string, type: string): Answer | undefined {
  const numbers = name.slice(0, -".in-addr.arpa".length).split(".");
  if (numbers.length !== 4) return undefined;
  const found = zone.byAddress(numbers.reverse().join("."));
  if (!found) return undefined;
  if (type !== "PTR") return empty;
  const { service, endpoint } = found;
  let data: string;
  if (service) data = `${service.metadata.name}.${service.metadata.namespace}.svc.${zone.domain}`;
  else if (endpoint) {
    const { namespace, labels } = endpoint.slice.metadata;
    data = `${hostOf(endpoint.endpoint)}.${labels?.["kubernetes.io/service-name"]}.${namespace}.svc.${zone.domain}`;
  } else return undefined;
  return { answers: [{ type: "PTR", name, ttl, data }], additionals: [], exists: true };
}

/** The host name that a pod was given for its service, else its address. */
function hostOf({ hostname, addresses }: Endpoint): string {
  return hostname || (addresses[0] ?? "").replaceAll(".", "-");
}

/** Of headless services; ready ones, unless the service asks for all. */
function endpointsOf(zone: Zone, service: Service): { slice: EndpointSlice; endpoint: Endpoint }[] {
  const { namespace = "", name } = service.metadata;
  const all = service.spec?.publishNotReadyAddresses === true;
  return zone
    .slices(namespace, name)
    .filter(({ addressType }) => addressType === "IPv4")
    .flatMap((slice) => (slice.endpoints ?? []).map((endpoint) => ({ slice, endpoint })))
    .filter(({ endpoint }) => all || isReady(endpoint));
}
