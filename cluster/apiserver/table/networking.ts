import type { Endpoints, Service } from "@capstan/api/generated/core-v1";
import type { EndpointSlice } from "@capstan/api/generated/discovery-v1";
import type {
  Ingress,
  IngressClass,
  IPAddress,
  NetworkPolicy,
  ServiceCIDR,
} from "@capstan/api/generated/networking-v1";
import { ageColumn, type Column, nameColumn, text, wide } from "./column.ts";
import { selectorText } from "./selector-text.ts";

function externalIp({ spec, status }: Service): string {
  const given = spec.externalIPs ?? [];
  if (spec.type === "ExternalName") return spec.externalName ?? "";
  if (spec.type === "LoadBalancer") {
    const balanced = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "");
    const all = [...balanced, ...given];
    return all.length > 0 ? all.join(",") : "<pending>";
  }
  return given.length > 0 ? given.join(",") : "<none>";
}

const servicePorts = ({ spec }: Service) =>
  (spec.ports ?? [])
    .map(({ port, nodePort, protocol }) => `${port}${nodePort ? `:${nodePort}` : ""}/${protocol ?? "TCP"}`)
    .join(",") || "<none>";

const serviceColumns: Column<Service>[] = [
  nameColumn,
  text("Type", ({ spec }) => spec.type),
  text("Cluster-IP", ({ spec }) => spec.clusterIP || undefined),
  text("External-IP", externalIp),
  text("Port(s)", servicePorts),
  ageColumn,
  wide("Selector", ({ spec }) => selectorText(spec.selector)),
];

/** At most three, then how many more there are. */
function firstThree(list: string[]): string | undefined {
  if (list.length === 0) return undefined;
  return list.slice(0, 3).join(",") + (list.length > 3 ? ` + ${list.length - 3} more...` : "");
}

const endpointsColumns: Column<Endpoints>[] = [
  nameColumn,
  text("Endpoints", ({ subsets }) =>
    firstThree(
      (subsets ?? []).flatMap(({ addresses = [], ports = [] }) =>
        ports.length === 0
          ? addresses.map(({ ip }) => ip)
          : ports.flatMap(({ port }) => addresses.map(({ ip }) => `${ip}:${port}`)),
      ),
    ),
  ),
  ageColumn,
];

const sliceColumns: Column<EndpointSlice>[] = [
  nameColumn,
  text("AddressType", ({ addressType }) => addressType),
  text("Ports", ({ ports }) => (ports?.length ? firstThree(ports.map(({ port }) => String(port ?? "*"))) : "<unset>")),
  text("Endpoints", ({ endpoints }) =>
    endpoints?.length ? firstThree(endpoints.flatMap(({ addresses }) => addresses)) : "<unset>",
  ),
  ageColumn,
];

const ingressColumns: Column<Ingress>[] = [
  nameColumn,
  text("Class", ({ spec }) => spec.ingressClassName),
  text("Hosts", ({ spec }) => firstThree((spec.rules ?? []).flatMap(({ host }) => host || [])) ?? "*"),
  text("Address", ({ status }) =>
    (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }) => ip || hostname || "").join(","),
  ),
  text("Ports", ({ spec }) => (spec.tls?.length ? "80, 443" : "80")),
  ageColumn,
];

const ingressClassColumns: Column<IngressClass>[] = [
  nameColumn,
  text("Controller", ({ spec }) => spec.controller),
  text("Parameters", ({ spec }) => {
    const { parameters } = spec;
    if (!parameters) return undefined;
    const { apiGroup, kind, name } = parameters;
    return `${kind}${apiGroup ? `.${apiGroup}` : ""}/${name}`;
  }),
  ageColumn,
];

const policyColumns: Column<NetworkPolicy>[] = [
  nameColumn,
  text("Pod-Selector", ({ spec }) => selectorText(spec.podSelector)),
  ageColumn,
];

const cidrColumns: Column<ServiceCIDR>[] = [nameColumn, text("CIDRs", ({ spec }) => spec.cidrs?.join(",")), ageColumn];

const addressColumns: Column<IPAddress>[] = [
  nameColumn,
  text("ParentRef", ({ spec: { parentRef } }) =>
    [parentRef?.group, parentRef?.resource, parentRef?.namespace, parentRef?.name].filter(Boolean).join("/"),
  ),
];

export const networkingColumns = {
  "/services": serviceColumns,
  "/endpoints": endpointsColumns,
  "discovery.k8s.io/endpointslices": sliceColumns,
  "networking.k8s.io/ingresses": ingressColumns,
  "networking.k8s.io/ingressclasses": ingressClassColumns,
  "networking.k8s.io/networkpolicies": policyColumns,
  "networking.k8s.io/servicecidrs": cidrColumns,
  "networking.k8s.io/ipaddresses": addressColumns,
};
