// Which addresses stand behind a port of a Service.
import { isIPv4 } from "node:net";
import type { Service } from "@capstan/api/generated/core-v1";
import type { Endpoint, EndpointSlice } from "@capstan/api/generated/discovery-v1";

export interface Backend {
  address: string;
  port: number;
  /** From 1; only some schedulers look at it. */
  weight: number;
}

export const serviceLabel = "kubernetes.io/service-name";
/** On a Service: how connections are spread. */
export const schedulerAnnotation = "capstan.dev/scheduler";
/** On a Service: JSON, address or pod name → weight; what is not named has 1. */
export const weightsAnnotation = "capstan.dev/weights";

export interface ServicePort {
  name: string;
  protocol: "TCP" | "UDP";
  port: number;
  nodePort: number | undefined;
}

/** TCP and UDP ports; there is no balancer for SCTP. */
export function portsOf({ spec }: Service): ServicePort[] {
  return (spec?.ports ?? []).flatMap(({ name = "", protocol = "TCP", port, nodePort }) => {
    return protocol === "TCP" || protocol === "UDP" ? [{ name, protocol, port, nodePort: nodePort || undefined }] : [];
  });
}

/** IPv4 addresses that a Service has of its own: none for headless services and ExternalName. */
export function virtualAddress({ spec }: Service): string | undefined {
  if (spec?.type === "ExternalName") return undefined;
  const address = spec?.clusterIP;
  return address && isIPv4(address) ? address : undefined;
}

/**
 * Ready endpoints; when there are none, those that still serve while they end.
 * Source: KEP-1669, ProxyTerminatingEndpoints.
 * @param local only those on this machine: endpoints that name a node.
 */
export function backendsOf(service: Service, slices: EndpointSlice[], port: ServicePort, local = false): Backend[] {
  const weights = weightsOf(service);
  const all = slices.flatMap((slice) => {
    if (slice.addressType !== "IPv4") return [];
    const number = (slice.ports ?? []).find(
      (one) => (one.name ?? "") === port.name && (one.protocol ?? "TCP") === port.protocol,
    )?.port;
    if (number === undefined || number === null) return [];
    const endpoints = (slice.endpoints ?? []).filter(({ nodeName }) => !local || nodeName);
    return endpoints.map((endpoint) => ({ endpoint, port: number }));
  });
  const ready = all.filter(({ endpoint }) => isReady(endpoint));
  const usable = ready.length > 0 ? ready : all.filter(({ endpoint }) => endpoint.conditions?.serving === true);
  const found = new Map<string, Backend>();
  for (const { endpoint, port: number } of usable) {
    const address = endpoint.addresses[0];
    if (!address || !isIPv4(address)) continue;
    const weight = weights[address] ?? weights[endpoint.targetRef?.name ?? ""] ?? 1;
    found.set(`${address}:${number}`, { address, port: number, weight });
  }
  return [...found.values()];
}

/** An absent condition counts as ready, as the API says. */
export function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready !== false;
}

/** What is not a whole number from 1 to 65535 is left out. */
function weightsOf({ metadata }: Service): Record<string, number> {
  const text = metadata.annotations?.[weightsAnnotation];
  if (!text) return {};
  try {
    const parsed = JSON.parse(text) as unknown;
    if (typeof parsed !== "object" || parsed === null) return {};
    const fine = (value: unknown) => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= 65_535;
    return Object.fromEntries(Object.entries(parsed).filter(([, value]) => fine(value)));
  } catch (error) {
    if (error instanceof SyntaxError) return {};
    throw error;
  }
}
