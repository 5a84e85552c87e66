// Source: upstream's pkg/apis/core/validation: ValidateService; pkg/apis/discovery/validation.
import type { Endpoints, Service } from "@capstan/api/generated/core-v1";
import type { EndpointSlice } from "@capstan/api/generated/discovery-v1";
import type { FieldErrors } from "../field-errors.ts";
import { isDnsLabel, isSubdomain, labelDetail, subdomainDetail, validateLabels } from "../metadata.ts";
import { addressDetail, checkOneOf, checkPort, isAddress } from "./values.ts";

const types = ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"];

export function checkService(service: Service, errors: FieldErrors, old?: Service): void {
  const { spec } = service;
  checkOneOf(spec.type, types, "spec.type", errors);
  checkOneOf(spec.sessionAffinity, ["ClientIP", "None"], "spec.sessionAffinity", errors);
  validateLabels(spec.selector, "spec.selector", errors);
  const headless = spec.clusterIP === "None";
  if (!spec.ports?.length && !headless && spec.type !== "ExternalName") errors.required("spec.ports");
  if (headless && (spec.type === "NodePort" || spec.type === "LoadBalancer")) {
    errors.invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${spec.type} services`);
  }
  if (spec.type === "ExternalName") {
    const name = (spec.externalName ?? "").replace(/\.$/, "");
    if (!name) errors.required("spec.externalName");
    else if (!isSubdomain(name)) errors.invalid("spec.externalName", name, subdomainDetail);
  }
  for (const [i, address] of (spec.externalIPs ?? []).entries()) {
    if (!isAddress(address))
      errors.invalid(
        `spec.externalIPs[${i}]`,
        address,
        "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
      );
    else if (/^127\.|^::1$/.test(address)) {
      errors.invalid(`spec.externalIPs[${i}]`, address, "may not be in the loopback range (127.0.0.0/8, ::1/128)");
    }
  }
  if (spec.clusterIP && !headless && !isAddress(spec.clusterIP)) {
    errors.invalid(
      "spec.clusterIPs[0]",
      spec.clusterIP,
      "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)",
    );
  }
  checkServicePorts(service, errors);
  checkFamilies(service, errors);
  checkTraffic(service, errors, old);
  const before = old?.spec.clusterIP;
  if (before && old?.spec.type !== "ExternalName" && spec.type !== "ExternalName" && spec.clusterIP !== before) {
    errors.invalid("spec.clusterIPs[0]", spec.clusterIPs ?? [], "may not change once set");
  }
}

function checkServicePorts({ spec }: Service, errors: FieldErrors): void {
  const names = new Set<string>();
  const taken = new Set<string>();
  const many = (spec.ports?.length ?? 0) > 1;
  for (const [i, port] of (spec.ports ?? []).entries()) {
    const at = `spec.ports[${i}]`;
    if (!port.name) {
      if (many) errors.required(`${at}.name`);
    } else if (!isDnsLabel(port.name)) errors.invalid(`${at}.name`, port.name, labelDetail);
    else if (names.has(port.name)) errors.duplicate(`${at}.name`, port.name);
    if (port.name) names.add(port.name);
    checkPort(port.port ?? 0, `${at}.port`, errors);
    checkPort(port.targetPort, `${at}.targetPort`, errors);
    checkOneOf(port.protocol, ["SCTP", "TCP", "UDP"], `${at}.protocol`, errors);
    // Names of endpoints can say SCTP; there is no balancer for it.
    const balanced = spec.clusterIP !== "None" && spec.type !== "ExternalName";
    if (balanced && port.protocol === "SCTP") errors.notSupported(`${at}.protocol`, "SCTP", ["TCP", "UDP"]);
    const key = `${port.protocol}/${port.port}`;
    if (taken.has(key)) errors.duplicate(at, { port: port.port, protocol: port.protocol });
    taken.add(key);
    if (port.nodePort && spec.type !== "NodePort" && spec.type !== "LoadBalancer") {
      errors.forbidden(`${at}.nodePort`, "may not be used when `type` is 'ClusterIP'");
    }
  }
}

/** Addresses are IPv4. Source: pkg/registry/core/service/storage/alloc.go, initIPFamilyFields. */
function checkFamilies({ spec }: Service, errors: FieldErrors): void {
  if (spec.type === "ExternalName") return;
  if (spec.ipFamilyPolicy === "RequireDualStack") {
    const detail = "Cluster is not configured for dual-stack services";
    errors.invalid("spec.ipFamilyPolicy", spec.ipFamilyPolicy, detail);
  } else if (spec.ipFamilyPolicy !== undefined) {
    checkOneOf(
      spec.ipFamilyPolicy,
      ["SingleStack", "PreferDualStack", "RequireDualStack"],
      "spec.ipFamilyPolicy",
      errors,
    );
  }
  for (const [i, family] of (spec.ipFamilies ?? []).entries()) {
    if (family === "IPv6") errors.invalid(`spec.ipFamilies[${i}]`, family, "not configured on this cluster");
    else checkOneOf(family, ["IPv4", "IPv6"], `spec.ipFamilies[${i}]`, errors);
  }
}

function checkTraffic({ spec }: Service, errors: FieldErrors, old?: Service): void {
  const policies = ["Cluster", "Local"];
  const outside = spec.type === "NodePort" || spec.type === "LoadBalancer" || (spec.externalIPs ?? []).length > 0;
  if (spec.externalTrafficPolicy) {
    checkOneOf(spec.externalTrafficPolicy, policies, "spec.externalTrafficPolicy", errors);
    if (!outside) {
      const detail = "may only be set for externally-accessible services";
      errors.invalid("spec.externalTrafficPolicy", spec.externalTrafficPolicy, detail);
    }
  }
  if (spec.internalTrafficPolicy)
    checkOneOf(spec.internalTrafficPolicy, policies, "spec.internalTrafficPolicy", errors);
  if (spec.trafficDistribution !== undefined)
    checkOneOf(spec.trafficDistribution, ["PreferClose"], "spec.trafficDistribution", errors);
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (spec.sessionAffinity === "ClientIP" && seconds !== undefined && (seconds <= 0 || seconds > 86_400)) {
    const field = "spec.sessionAffinityConfig.clientIP.timeoutSeconds";
    errors.invalid(field, seconds, "must be greater than 0 and less than 86400");
  }
  if (spec.healthCheckNodePort && !(spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local")) {
    const detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'";
    errors.invalid("spec.healthCheckNodePort", spec.healthCheckNodePort, detail);
  }
  if ((spec.loadBalancerSourceRanges ?? []).length > 0) {
    const detail = "the balancers of this cluster do not look at their clients' addresses: use a NetworkPolicy";
    errors.forbidden("spec.loadBalancerSourceRanges", detail);
  }
  if (spec.loadBalancerClass && spec.type !== "LoadBalancer") {
    errors.forbidden("spec.loadBalancerClass", "may only be used when `type` is 'LoadBalancer'");
  } else if (
    old?.spec.type === "LoadBalancer" &&
    old.spec.loadBalancerClass !== spec.loadBalancerClass &&
    spec.type === "LoadBalancer"
  ) {
    errors.invalid("spec.loadBalancerClass", spec.loadBalancerClass ?? null, "may not change once set");
  }
}

export function checkEndpoints({ subsets }: Endpoints, errors: FieldErrors): void {
  for (const [i, subset] of (subsets ?? []).entries()) {
    const at = `subsets[${i}]`;
    if (!subset.addresses?.length && !subset.notReadyAddresses?.length) {
      errors.required(at, "must specify `addresses` or `notReadyAddresses`");
    }
    for (const [j, { ip }] of (subset.addresses ?? []).entries()) {
      if (!isAddress(ip)) errors.invalid(`${at}.addresses[${j}].ip`, ip, addressDetail);
    }
    const ports = subset.ports ?? [];
    for (const [j, { port, name }] of ports.entries()) {
      checkPort(port, `${at}.ports[${j}].port`, errors);
      if (!name && ports.length > 1) errors.required(`${at}.ports[${j}].name`);
      else if (name && !isDnsLabel(name)) errors.invalid(`${at}.ports[${j}].name`, name, labelDetail);
    }
  }
}

export function checkEndpointSlice(slice: EndpointSlice, errors: FieldErrors, old?: EndpointSlice): void {
  checkOneOf(slice.addressType, ["FQDN", "IPv4", "IPv6"], "addressType", errors);
  if (old && old.addressType !== slice.addressType)
    errors.invalid("addressType", slice.addressType, "field is immutable");
  if ((slice.endpoints?.length ?? 0) > 1000) errors.tooMany("endpoints", slice.endpoints.length, 1000);
  const names = (slice.ports ?? []).map(({ name }) => name ?? "");
  for (const [i, name] of names.entries()) {
    if (names.indexOf(name) < i) errors.duplicate(`ports[${i}].name`, name);
    else if (name && !isDnsLabel(name)) errors.invalid(`ports[${i}].name`, name, labelDetail);
  }
  for (const [i, { addresses, nodeName }] of (slice.endpoints ?? []).entries()) {
    if (!addresses?.length) errors.required(`endpoints[${i}].addresses`, "must contain at least 1 address");
    if (nodeName && !isSubdomain(nodeName)) errors.invalid(`endpoints[${i}].nodeName`, nodeName, subdomainDetail);
    for (const [j, address] of (addresses ?? []).entries()) {
      const at = `endpoints[${i}].addresses`;
      if (slice.addressType === "FQDN") {
        if (!isSubdomain(address)) errors.invalid(`${at}[${j}]`, address, subdomainDetail);
      } else if (!isAddress(address)) errors.invalid(`${at}[${j}]`, address, addressDetail);
      else if (address.includes(":") !== (slice.addressType === "IPv6")) {
        errors.invalid(at, address, `must be an ${slice.addressType} address`);
      }
    }
  }
}
