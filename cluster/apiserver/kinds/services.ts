// Source: upstream's pkg/registry/core/service/storage and strategy.
import type { Service } from "@capstan/api/generated/core-v1";
import { FieldErrors } from "../field-errors.ts";
import type { Rules } from "../kind.ts";
import type { ServiceAddresses } from "../service-addresses.ts";
import { checkService } from "../validation/services.ts";
import { isAddress } from "../validation/values.ts";
import { defaultService } from "./core-defaults.ts";

const usesAddress = ({ spec }: Service) => spec.type !== "ExternalName";
const usesPorts = ({ spec }: Service) =>
  spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);

const usesHealthPort = ({ spec }: Pick<Service, "spec">) =>
  spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";

function portsHeld(service: Service | undefined): Set<number> {
  const { ports = [], healthCheckNodePort } = service?.spec ?? {};
  return new Set([...ports.map(({ nodePort }) => nodePort), healthCheckNodePort].flatMap((port) => port || []));
}

export function serviceRules(addresses: ServiceAddresses): Rules<Service> {
  return {
    defaults: defaultService,
    prepare(service, old) {
      if (!service.spec) return;
      if (!old) service.status = { loadBalancer: {} };
      if (old) carryOver(service, old);
      const errors = new FieldErrors();
      if (usesAddress(service)) allocateAddress(service, old, addresses, errors);
      else
        for (const field of ["clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"] as const)
          delete service.spec[field];
      if (usesPorts(service)) allocatePorts(service, old, addresses, errors);
      settleHealthPort(service, old, addresses, errors);
      if (errors.causes.length > 0) release(addresses, service, old);
      errors.throwFor({ group: "", kind: "Service" }, service.metadata.name);
    },
    validate: checkService,
    warnings: ({ spec }) =>
      spec?.clusterIP === "None" && spec.sessionAffinity
        ? ["spec.SessionAffinity is ignored for headless services"]
        : [],
    release: (service, old) => release(addresses, service, old),
    written: (service, old) => release(addresses, old, service),
    deleted: (service) => release(addresses, service, undefined),
    fields: {
      "spec.clusterIP": ({ spec }) => spec?.clusterIP ?? "",
      "spec.type": ({ spec }) => spec?.type ?? "",
    },
  };
}

/** What only another type has goes with that type, unless somebody writes it now. Source: dropTypeDependentFields. */
function dropOfOldType({ spec }: Service, old: Service): void {
  const outside = spec.type === "NodePort" || spec.type === "LoadBalancer" || (spec.externalIPs ?? []).length > 0;
  const kept = {
    externalTrafficPolicy: outside,
    healthCheckNodePort: usesHealthPort({ spec }),
    allocateLoadBalancerNodePorts: spec.type === "LoadBalancer",
    loadBalancerClass: spec.type === "LoadBalancer",
    internalTrafficPolicy: spec.type !== "ExternalName",
  };
  for (const field of Object.keys(kept) as (keyof typeof kept)[]) {
    if (!kept[field] && spec[field] === old.spec[field]) delete spec[field];
  }
}

/** What the server chose stays, when an update leaves it out. */
function carryOver(service: Service, old: Service): void {
  const { spec } = service;
  dropOfOldType(service, old);
  if (usesAddress(service) && usesAddress(old) && old.spec.clusterIP) {
    if (!spec.clusterIP) spec.clusterIP = spec.clusterIPs?.[0] ?? old.spec.clusterIP;
    if (!spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    spec.ipFamilies ??= old.spec.ipFamilies;
    spec.ipFamilyPolicy ??= old.spec.ipFamilyPolicy;
  }
  if (!usesPorts(service) || !usesPorts(old)) {
    if (!usesPorts(service) && spec.type !== "LoadBalancer") for (const port of spec.ports ?? []) delete port.nodePort;
    return;
  }
  const named = new Set((spec.ports ?? []).flatMap(({ nodePort }) => nodePort ?? []));
  for (const port of spec.ports ?? []) {
    if (port.nodePort) continue;
    const same = old.spec.ports?.find((p) => p.port === port.port && p.protocol === port.protocol);
    if (same?.nodePort && !named.has(same.nodePort)) port.nodePort = same.nodePort;
  }
}

function allocateAddress(
  service: Service,
  old: Service | undefined,
  addresses: ServiceAddresses,
  errors: FieldErrors,
): void {
  const { spec } = service;
  spec.clusterIP ||= spec.clusterIPs?.[0] ?? "";
  if (spec.clusterIP === "") {
    const address = addresses.nextAddress();
    if (!address) errors.invalid("spec.clusterIPs", [], "failed to allocate an IP address: range is full");
    spec.clusterIP = address ?? "";
  } else if (isAddress(spec.clusterIP) && spec.clusterIP !== old?.spec.clusterIP) {
    const problem = addresses.takeAddress(spec.clusterIP);
    if (problem) {
      errors.invalid("spec.clusterIPs", [spec.clusterIP], `failed to allocate IP ${spec.clusterIP}: ${problem}`);
      spec.clusterIP = "";
    }
  }
  spec.clusterIPs = [spec.clusterIP];
  spec.ipFamilies ??= ["IPv4"];
  spec.ipFamilyPolicy ??= "SingleStack";
}

function allocatePorts(
  service: Service,
  old: Service | undefined,
  addresses: ServiceAddresses,
  errors: FieldErrors,
): void {
  const held = portsHeld(old);
  for (const [i, port] of (service.spec.ports ?? []).entries()) {
    if (port.nodePort && held.has(port.nodePort)) continue;
    if (port.nodePort) {
      const problem = addresses.takePort(port.nodePort);
      if (problem) {
        errors.invalid(`spec.ports[${i}].nodePort`, port.nodePort, problem);
        delete port.nodePort;
      }
      continue;
    }
    port.nodePort = addresses.nextPort();
    if (!port.nodePort) errors.invalid(`spec.ports[${i}].nodePort`, 0, "failed to allocate a nodePort: range is full");
  }
}

/** A balancer in front of several machines asks each of them at this port whether it has endpoints. */
function settleHealthPort(
  service: Service,
  old: Service | undefined,
  addresses: ServiceAddresses,
  errors: FieldErrors,
): void {
  const { spec } = service;
  if (!usesHealthPort(service)) return;
  const held = old?.spec.healthCheckNodePort;
  spec.healthCheckNodePort ||= held;
  if (spec.healthCheckNodePort && spec.healthCheckNodePort === held) return;
  const field = "spec.healthCheckNodePort";
  if (spec.healthCheckNodePort) {
    const problem = addresses.takePort(spec.healthCheckNodePort);
    if (problem) {
      errors.invalid(field, spec.healthCheckNodePort, `failed to allocate requested HealthCheck NodePort: ${problem}`);
      delete spec.healthCheckNodePort;
    }
    return;
  }
  spec.healthCheckNodePort = addresses.nextPort();
  if (!spec.healthCheckNodePort) errors.invalid(field, 0, "failed to allocate a HealthCheck NodePort: range is full");
}

/** Gives back what `service` holds and `kept` does not. */
function release(addresses: ServiceAddresses, service: Service, kept: Service | undefined): void {
  const { spec } = service;
  if (!spec) return;
  if (spec.clusterIP && spec.clusterIP !== "None" && spec.clusterIP !== kept?.spec?.clusterIP) {
    addresses.releaseAddress(spec.clusterIP);
  }
  const held = portsHeld(kept);
  for (const port of portsHeld(service)) if (!held.has(port)) addresses.releasePort(port);
}
