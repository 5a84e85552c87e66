// Source: upstream's pkg/apis/networking/validation, for ingresses and their classes.
import type { Ingress, IngressBackend, IngressClass } from "@capstan/api/generated/networking-v1";
import type { FieldErrors } from "../field-errors.ts";
import { isSubdomain, subdomainDetail } from "../metadata.ts";
import { checkDomainPath, checkOneOf, checkPort, isAddress } from "./values.ts";

export function checkIngress({ spec }: Ingress, errors: FieldErrors): void {
  if (!spec.rules?.length && !spec.defaultBackend) {
    errors.invalid("spec", spec.rules ?? null, "either `defaultBackend` or `rules` must be specified");
  }
  checkBackend(spec.defaultBackend, "spec.defaultBackend", errors);
  if (spec.ingressClassName !== undefined && !isSubdomain(spec.ingressClassName)) {
    errors.invalid("spec.ingressClassName", spec.ingressClassName, subdomainDetail);
  }
  for (const [i, { hosts, secretName }] of (spec.tls ?? []).entries()) {
    for (const [j, host] of (hosts ?? []).entries()) {
      if (host.includes("*")) checkHost(host, `spec.tls[${i}].hosts[${j}]`, errors);
      else if (!isSubdomain(host)) errors.invalid(`spec.tls[${i}].hosts[${j}]`, host, subdomainDetail);
    }
    if (secretName && !isSubdomain(secretName))
      errors.invalid(`spec.tls[${i}].secretName`, secretName, subdomainDetail);
  }
  for (const [i, rule] of (spec.rules ?? []).entries()) {
    if (rule.host) checkHost(rule.host, `spec.rules[${i}].host`, errors);
    if (rule.http && !rule.http.paths?.length) errors.required(`spec.rules[${i}].http.paths`);
    for (const [j, path] of (rule.http?.paths ?? []).entries()) {
      const at = `spec.rules[${i}].http.paths[${j}]`;
      if (!path.pathType) {
        errors.required(`${at}.pathType`, "pathType must be specified");
        continue;
      }
      checkOneOf(path.pathType, ["Exact", "ImplementationSpecific", "Prefix"], `${at}.pathType`, errors);
      if (path.pathType !== "ImplementationSpecific" && !path.path?.startsWith("/")) {
        errors.invalid(`${at}.path`, path.path ?? "", "must be an absolute path");
      } else if (path.path && path.pathType !== "ImplementationSpecific") checkPath(path.path, `${at}.path`, errors);
      checkBackend(path.backend ?? {}, `${at}.backend`, errors);
    }
  }
}

function checkBackend(backend: IngressBackend | undefined, at: string, errors: FieldErrors): void {
  if (!backend) return;
  const { service, resource } = backend;
  if (!service && !resource) errors.invalid(at, "", "resource or service backend is required");
  if (service && resource) errors.invalid(at, "", "cannot set both resource and service backends");
  if (!service) return;
  if (!service.name) errors.required(`${at}.service.name`);
  const { name, number } = service.port ?? {};
  if (name && number) errors.invalid(at, "", "cannot set both port name & port number");
  else if (name) checkPort(name, `${at}.service.port.name`, errors);
  else if (number) checkPort(number, `${at}.service.port.number`, errors);
  else errors.required(at, "port name or number is required");
}

/** Sequences that no path of a rule may hold, and ends. Source: networking's invalidPathSequences. */
const strange = ["//", "/./", "/../", "%2f", "%2F"];
const strangeEnds = ["/..", "/."];

function checkPath(path: string, at: string, errors: FieldErrors): void {
  for (const part of strange) if (path.includes(part)) errors.invalid(at, path, `must not contain '${part}'`);
  for (const end of strangeEnds) if (path.endsWith(end)) errors.invalid(at, path, `cannot end with '${end}'`);
}

const wildcardDetail =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character (e.g. '*.example.com', regex used for validation is '\\*\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";

function checkHost(host: string, at: string, errors: FieldErrors): void {
  if (isAddress(host)) errors.invalid(at, host, "must be a DNS name, not an IP address");
  else if (host.includes("*")) {
    if (!host.startsWith("*.") || !isSubdomain(host.slice(2))) errors.invalid(at, host, wildcardDetail);
  } else if (!isSubdomain(host)) errors.invalid(at, host, subdomainDetail);
}

export function checkIngressClass({ spec }: IngressClass, errors: FieldErrors): void {
  if (!spec?.controller) errors.required("spec.controller");
  else if (spec.controller.length > longestController) errors.tooLong("spec.controller", longestController);
  else checkDomainPath(spec.controller, "spec.controller", errors);
  const { kind, name, scope, namespace } = spec?.parameters ?? {};
  if (!spec?.parameters) return;
  const at = "spec.parameters";
  if (!kind) errors.required(`${at}.kind`);
  if (!name) errors.required(`${at}.name`);
  checkOneOf(scope, ["Cluster", "Namespace"], `${at}.scope`, errors);
  if (scope === "Namespace" && !namespace) {
    errors.required(`${at}.namespace`, "`parameters.scope` is set to 'Namespace'");
  }
  if (scope === "Cluster" && namespace !== undefined) {
    errors.forbidden(`${at}.namespace`, "`parameters.scope` is set to 'Cluster'");
  }
}

/** Source: networking's maxControllerNameLength. */
const longestController = 250;
