// What a pod's spec says beside its containers: identities, gates, names' servers, claims. Source: core's ValidatePodSpec.
import type { Container, PodDNSConfig, PodSpec } from "@capstan/api/generated/core-v1";
import { isQuantity, parseQuantity, qualifiedNameProblems } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { checkResources } from "./containers.ts";
import { addressDetail, checkOneOf, checkUserId, isAddress } from "./values.ts";

export function checkPodContext(spec: PodSpec, field: string, errors: FieldErrors): void {
  checkIdentity(spec, `${field}.securityContext`, errors);
  if (spec.hostNetwork) {
    checkHostPorts(spec.containers, `${field}.containers`, errors);
    checkHostPorts(spec.initContainers, `${field}.initContainers`, errors);
  }
  for (const [i, { conditionType = "" }] of (spec.readinessGates ?? []).entries()) {
    const at = `${field}.readinessGates[${i}].conditionType`;
    for (const problem of qualifiedNameProblems(conditionType)) errors.invalid(at, conditionType, problem);
  }
  if (spec.os && !spec.os.name) errors.required(`${field}.os.name`);
  else if (spec.os) checkOneOf(spec.os.name, ["linux", "windows"], `${field}.os`, errors);
  // A template is bound nowhere: upstream looks at pods alone.
  if (field === "spec" && spec.nodeName && spec.schedulingGates?.length) {
    errors.forbidden(`${field}.nodeName`, "cannot be set until all schedulingGates have been cleared");
  }
  for (const [i, claim] of (spec.resourceClaims ?? []).entries()) {
    const at = `${field}.resourceClaims[${i}]`;
    const { resourceClaimName, resourceClaimTemplateName } = claim;
    if (resourceClaimName === undefined && resourceClaimTemplateName === undefined) {
      errors.invalid(at, claim, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`");
    } else if (resourceClaimName !== undefined && resourceClaimTemplateName !== undefined) {
      errors.invalid(at, claim, "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified");
    }
  }
  if (spec.resources) checkWhole(spec, `${field}.resources`, errors);
  refuseWhatNodesLack(spec, field, errors);
  if (spec.dnsConfig) checkDns(spec.dnsConfig, `${field}.dnsConfig`, errors);
}

/** Source: k8s.io/kubernetes pkg/apis/core/validation, validatePodResources. */
function checkWhole({ resources, containers }: PodSpec, field: string, errors: FieldErrors): void {
  checkResources(resources, field, errors);
  for (const part of ["requests", "limits"] as const) {
    for (const [name, whole] of Object.entries(resources?.[part] ?? {})) {
      const at = `${field}.${part}[${name}]`;
      if (!["cpu", "memory"].includes(name) && !name.startsWith("hugepages-")) {
        errors.invalid(at, name, "must be a standard resource for pods: cpu, memory or hugepages");
        continue;
      }
      if (name.startsWith("hugepages-")) {
        errors.forbidden(at, "the nodes of this cluster limit cpu and memory of pods as a whole");
        continue;
      }
      if (!isQuantity(whole)) continue;
      const own = (containers ?? []).flatMap((one) => {
        const value = one.resources?.[part]?.[name];
        return value !== undefined && isQuantity(value) ? [parseQuantity(value)] : [];
      });
      const needed = part === "requests" ? own.reduce((sum, one) => sum + one, 0) : Math.max(0, ...own);
      if (needed > parseQuantity(whole)) {
        const what = part === "requests" ? "the sum of its containers' requests" : "the limit of any container";
        errors.invalid(at, whole, `must be greater than or equal to ${what}`);
      }
    }
  }
}

/** What the nodes here would not do is refused, so that nobody relies on it. */
function refuseWhatNodesLack(spec: PodSpec, field: string, errors: FieldErrors): void {
  if (spec.hostUsers === false) {
    errors.forbidden(`${field}.hostUsers`, "the nodes of this cluster give pods no user namespace of their own");
  }
  if (spec.setHostnameAsFQDN) {
    errors.forbidden(`${field}.setHostnameAsFQDN`, "the nodes of this cluster set the short host name alone");
  }
  for (const name of ["containers", "initContainers"] as const) {
    for (const [i, { volumeDevices, securityContext }] of (spec[name] ?? []).entries()) {
      const at = `${field}.${name}[${i}]`;
      if (volumeDevices?.length) {
        errors.forbidden(
          `${at}.volumeDevices`,
          "the nodes of this cluster mount volumes: they pass on no block devices",
        );
      }
      if (securityContext?.procMount === "Unmasked") {
        errors.forbidden(
          `${at}.securityContext.procMount`,
          "the nodes of this cluster mask /proc of all but privileged containers",
        );
      }
    }
  }
}

function checkIdentity(spec: PodSpec, at: string, errors: FieldErrors): void {
  const { runAsUser, runAsGroup, fsGroup, supplementalGroups } = spec.securityContext ?? {};
  for (const [name, id] of Object.entries({ runAsUser, runAsGroup, fsGroup })) checkUserId(id, `${at}.${name}`, errors);
  for (const [i, id] of (supplementalGroups ?? []).entries()) checkUserId(id, `${at}.supplementalGroups[${i}]`, errors);
  if (spec.shareProcessNamespace && spec.hostPID) {
    errors.invalid(`${at}.shareProcessNamespace`, true, "ShareProcessNamespace and HostPID cannot both be enabled");
  }
}

function checkHostPorts(containers: Container[] | undefined, field: string, errors: FieldErrors): void {
  for (const [i, { ports }] of (containers ?? []).entries()) {
    for (const [j, { hostPort, containerPort }] of (ports ?? []).entries()) {
      if (!hostPort || hostPort === containerPort) continue;
      const detail = "must match `containerPort` when `hostNetwork` is true";
      errors.invalid(`${field}[${i}].ports[${j}].hostPort`, hostPort, detail);
    }
  }
}

/** Source: core's MaxDNSNameservers, MaxDNSSearchPaths. */
const mostServers = 3;
const mostSearches = 32;
/** Subdomains with underscores. */
const domain = /^_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*$/;
const domainDetail =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*')";

function checkDns({ nameservers = [], searches = [], options = [] }: PodDNSConfig, at: string, errors: FieldErrors) {
  if (nameservers.length > mostServers) {
    errors.invalid(`${at}.nameservers`, nameservers, `must not have more than ${mostServers} nameservers`);
  }
  for (const [i, address] of nameservers.entries()) {
    if (!isAddress(address)) errors.invalid(`${at}.nameservers[${i}]`, address, addressDetail);
  }
  if (searches.length > mostSearches) {
    errors.invalid(`${at}.searches`, searches, `must not have more than ${mostSearches} search paths`);
  }
  for (const [i, search] of searches.entries()) {
    // A dot alone is the root; names may end with one.
    const name = search.replace(/\.$/, "");
    if (search !== "." && !(name.length <= 253 && domain.test(name))) {
      errors.invalid(`${at}.searches[${i}]`, name, domainDetail);
    }
  }
  for (const [i, { name }] of options.entries()) if (!name) errors.required(`${at}.options[${i}]`, "must not be empty");
}
