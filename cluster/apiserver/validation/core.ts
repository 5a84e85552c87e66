// Source: upstream's pkg/apis/{core,rbac,policy,scheduling,coordination,storage}/validation.
import type { Lease } from "@capstan/api/generated/coordination-v1";
import type { ConfigMap, Event, PersistentVolumeClaim, Secret } from "@capstan/api/generated/core-v1";
import type { PodDisruptionBudget } from "@capstan/api/generated/policy-v1";
import type { ClusterRole, ClusterRoleBinding } from "@capstan/api/generated/rbac-v1";
import type { PriorityClass } from "@capstan/api/generated/scheduling-v1";
import type { StorageClass } from "@capstan/api/generated/storage-v1";
import { equal, goJsonError, isQuantity, parseQuantity, qualifiedNameProblems } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { isSubdomain, subdomainDetail } from "../metadata.ts";
import {
  checkDataKeys,
  checkIntOrPercent,
  checkNotNegative,
  checkOneOf,
  checkSelector,
  checkShare,
  isSelector,
} from "./values.ts";

/** Bytes that a config map or secret may hold. Source: core's MaxSecretSize. */
const dataLimit = 1024 * 1024;
const fixed = "field is immutable when `immutable` is set";

/** @param binary maps whose values are base64. */
function checkSize(
  plain: Record<string, string> | undefined,
  binary: Record<string, string> | undefined,
  field: string,
  errors: FieldErrors,
): void {
  let size = 0;
  for (const value of Object.values(plain ?? {})) size += Buffer.byteLength(value);
  for (const value of Object.values(binary ?? {})) size += Buffer.byteLength(value, "base64");
  if (size > dataLimit) errors.tooLong(field, dataLimit);
}

function checkImmutable(
  next: { immutable?: boolean },
  old: { immutable?: boolean } | undefined,
  fields: string[],
  errors: FieldErrors,
): void {
  if (!old?.immutable) return;
  if (!next.immutable) errors.forbidden("immutable", fixed);
  for (const field of fields) {
    const [a, b] = [next, old] as unknown as Record<string, unknown>[];
    if (!equal(a?.[field], b?.[field])) errors.forbidden(field, fixed);
  }
}

export function checkConfigMap(map: ConfigMap, errors: FieldErrors, old?: ConfigMap): void {
  checkDataKeys(map.data, "data", errors);
  checkDataKeys(map.binaryData, "binaryData", errors);
  for (const key of Object.keys(map.binaryData ?? {})) {
    if (map.data && Object.hasOwn(map.data, key))
      errors.invalid(`data[${key}]`, key, "duplicate of key present in binaryData");
  }
  checkSize(map.data, map.binaryData, "", errors);
  checkImmutable(map, old, ["data", "binaryData"], errors);
}

const wantedKeys: Record<string, string[]> = {
  "kubernetes.io/tls": ["tls.crt", "tls.key"],
  "kubernetes.io/dockerconfigjson": [".dockerconfigjson"],
  "kubernetes.io/dockercfg": [".dockercfg"],
  "kubernetes.io/ssh-auth": ["ssh-privatekey"],
};

export function checkSecret(secret: Secret, errors: FieldErrors, old?: Secret): void {
  checkDataKeys(secret.data, "data", errors);
  checkSize(undefined, secret.data, "data", errors);
  for (const key of wantedKeys[secret.type ?? ""] ?? []) {
    if (secret.data?.[key] === undefined) errors.required(`data[${key}]`);
    else if (key.startsWith(".docker")) {
      const problem = goJsonError(atob(secret.data[key]));
      if (problem) errors.invalid(`data[${key}]`, "<secret contents redacted>", problem);
    }
  }
  if (secret.type === "kubernetes.io/basic-auth" && !secret.data?.username && !secret.data?.password) {
    for (const key of ["username", "password"]) errors.required(`data[${key}]`);
  }
  const account = secret.metadata.annotations?.["kubernetes.io/service-account.name"];
  if (secret.type === "kubernetes.io/service-account-token" && !account) {
    errors.required("metadata.annotations[kubernetes.io/service-account.name]");
  }
  if (old && old.type !== secret.type) errors.invalid("type", secret.type, "field is immutable");
  checkImmutable(secret, old, ["data"], errors);
}

export function checkSinglePod(given: string[] | undefined, errors: FieldErrors): void {
  if (!given?.includes("ReadWriteOncePod") || given.length === 1) return;
  errors.forbidden("spec.accessModes", "may not use ReadWriteOncePod with other access modes");
}

export const volumeModes = ["Block", "Filesystem"];
export const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];

export function checkClaim(claim: PersistentVolumeClaim, errors: FieldErrors, old?: PersistentVolumeClaim): void {
  const { spec } = claim;
  if (!spec.accessModes?.length) errors.required("spec.accessModes", "at least 1 access mode is required");
  for (const mode of spec.accessModes ?? []) checkOneOf(mode, accessModes, "spec.accessModes", errors);
  checkSinglePod(spec.accessModes, errors);
  const storage = spec.resources?.requests?.storage;
  if (storage === undefined) errors.required("spec.resources[storage]");
  else if (isQuantity(storage) && parseQuantity(storage) <= 0) {
    errors.invalid("spec.resources[storage]", storage, "must be greater than zero");
  }
  if (spec.storageClassName && !isSubdomain(spec.storageClassName)) {
    errors.invalid("spec.storageClassName", spec.storageClassName, subdomainDetail);
  }
  if (spec.volumeMode !== undefined && !volumeModes.includes(spec.volumeMode)) {
    errors.notSupported("spec.volumeMode", spec.volumeMode, volumeModes);
  }
  checkSelector(spec.selector, "spec.selector", errors);
  if (!old) return;
  const rest = ({
    resources: _resources,
    volumeName: _name,
    storageClassName: _class,
    volumeAttributesClassName: _attributes,
    ...kept
  }: typeof spec) => kept;
  const renamed = old.spec.volumeName && spec.volumeName !== old.spec.volumeName;
  const moved = old.spec.storageClassName !== undefined && spec.storageClassName !== old.spec.storageClassName;
  if (renamed || moved || !equal(rest(spec), rest(old.spec))) {
    errors.forbidden(
      "spec",
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
    );
  }
}

export function checkStorageClass(storage: StorageClass, errors: FieldErrors, old?: StorageClass): void {
  if (!storage.provisioner) errors.required("provisioner");
  else {
    const name = storage.provisioner.toLowerCase();
    for (const problem of qualifiedNameProblems(name)) errors.invalid("provisioner", name, problem);
  }
  for (const name of Object.keys(storage.parameters ?? {})) {
    if (!name) errors.invalid("parameters", name, "field can not be empty.");
  }
  checkOneOf(storage.reclaimPolicy, ["Delete", "Retain"], "reclaimPolicy", errors);
  checkOneOf(storage.volumeBindingMode, ["Immediate", "WaitForFirstConsumer"], "volumeBindingMode", errors);
  if (!old) return;
  for (const field of ["provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"] as const) {
    if (!equal(storage[field], old[field])) errors.forbidden(field, `updates to ${field} are forbidden.`);
  }
}

export function checkEvent(event: Event, errors: FieldErrors): void {
  const { namespace } = event.involvedObject ?? {};
  const own = event.metadata.namespace;
  const fitting = namespace ? namespace === own : own === "default" || own === "kube-system";
  if (!fitting) {
    errors.invalid("involvedObject.namespace", namespace ?? "", "does not match event.namespace");
  }
  if (!event.eventTime) return;
  if (!event.reportingComponent) errors.required("reportingController");
  if (!event.reportingInstance) errors.required("reportingInstance");
  if (!event.action) errors.required("action");
  if (!event.reason) errors.required("reason");
}

export function checkRole({ rules, kind, aggregationRule }: ClusterRole, errors: FieldErrors): void {
  const selectors = aggregationRule?.clusterRoleSelectors ?? [];
  if (aggregationRule && selectors.length === 0) {
    const detail = "at least one clusterRoleSelector required if aggregationRule is non-nil";
    errors.required("aggregationRule.clusterRoleSelectors", detail);
  }
  for (const [i, selector] of selectors.entries()) {
    const at = `aggregationRule.clusterRoleSelectors[${i}]`;
    checkSelector(selector, at, errors);
    if (!isSelector(selector)) errors.invalid(at, null, "invalid label selector.");
  }
  for (const [i, rule] of (rules ?? []).entries()) {
    const at = `rules[${i}]`;
    if (!rule.verbs?.length) errors.required(`${at}.verbs`, "verbs must contain at least one value");
    if (rule.nonResourceURLs?.length) {
      if (kind === "Role")
        errors.invalid(
          `${at}.nonResourceURLs`,
          rule.nonResourceURLs,
          "namespaced rules cannot apply to non-resource URLs",
        );
      else if (rule.apiGroups?.length || rule.resources?.length || rule.resourceNames?.length) {
        const detail = "rules cannot apply to both regular resources and non-resource URLs";
        errors.invalid(`${at}.nonResourceURLs`, rule.nonResourceURLs, detail);
      }
      continue;
    }
    if (!rule.apiGroups?.length)
      errors.required(`${at}.apiGroups`, "resource rules must supply at least one api group");
    if (!rule.resources?.length) errors.required(`${at}.resources`, "resource rules must supply at least one resource");
  }
}

const rbacGroup = "rbac.authorization.k8s.io";

export function checkBinding(binding: ClusterRoleBinding, errors: FieldErrors, old?: ClusterRoleBinding): void {
  const { roleRef, subjects } = binding;
  if (roleRef?.apiGroup !== rbacGroup) {
    errors.notSupported("roleRef.apiGroup", roleRef?.apiGroup ?? "", [rbacGroup]);
  }
  if (!roleRef?.name) errors.required("roleRef.name");
  const kinds = binding.kind === "RoleBinding" ? ["Role", "ClusterRole"] : ["ClusterRole"];
  if (!kinds.includes(roleRef?.kind ?? "")) errors.notSupported("roleRef.kind", roleRef?.kind ?? "", kinds);
  for (const [i, subject] of (subjects ?? []).entries()) {
    if (!subject.name) errors.required(`subjects[${i}].name`);
    const kinds = ["ServiceAccount", "User", "Group"];
    if (!kinds.includes(subject.kind)) errors.notSupported(`subjects[${i}].kind`, subject.kind ?? "", kinds);
    const group = subject.kind === "ServiceAccount" ? "" : rbacGroup;
    if (kinds.includes(subject.kind) && (subject.apiGroup ?? "") !== group) {
      errors.notSupported(`subjects[${i}].apiGroup`, subject.apiGroup ?? "", [group]);
    }
    if (subject.kind !== "ServiceAccount") continue;
    if (subject.name && !isSubdomain(subject.name)) {
      errors.invalid(`subjects[${i}].name`, subject.name, subdomainDetail);
    }
    if (!subject.namespace && binding.kind !== "RoleBinding") errors.required(`subjects[${i}].namespace`);
  }
  if (old && !equal(old.roleRef, roleRef)) {
    const { apiGroup, kind, name } = roleRef;
    errors.invalid("roleRef", { APIGroup: apiGroup, Kind: kind, Name: name }, "cannot change roleRef");
  }
}

export function checkBudget({ spec }: PodDisruptionBudget, errors: FieldErrors): void {
  const { minAvailable, maxUnavailable } = spec ?? {};
  if (minAvailable !== undefined && maxUnavailable !== undefined) {
    errors.invalid("spec", { minAvailable, maxUnavailable }, "minAvailable and maxUnavailable cannot be both set");
  }
  checkIntOrPercent(minAvailable, "spec.minAvailable", errors);
  checkIntOrPercent(maxUnavailable, "spec.maxUnavailable", errors);
  checkShare(minAvailable, "spec.minAvailable", errors);
  checkShare(maxUnavailable, "spec.maxUnavailable", errors);
  checkSelector(spec?.selector, "spec.selector", errors);
  const policy = spec?.unhealthyPodEvictionPolicy;
  if (policy !== undefined) {
    checkOneOf(policy, ["AlwaysAllow", "IfHealthyBudget"], "spec.unhealthyPodEvictionPolicy", errors);
  }
}

export function checkPriorityClass(priority: PriorityClass, errors: FieldErrors, old?: PriorityClass): void {
  const system = priority.metadata.name?.startsWith("system-");
  if (system && !["system-cluster-critical", "system-node-critical"].includes(priority.metadata.name)) {
    errors.forbidden(
      "metadata.name",
      `priority class names with 'system-' prefix are reserved for system use only. error: ${priority.metadata.name} is not a known system priority class`,
    );
  }
  if (!system && (priority.value ?? 0) > 1_000_000_000) {
    errors.forbidden("value", "maximum allowed value of a user defined priority is 1000000000");
  }
  const policies = ["PreemptLowerPriority", "Never"];
  const policy = priority.preemptionPolicy;
  if (policy !== undefined && !policies.includes(policy)) errors.notSupported("preemptionPolicy", policy, policies);
  if (old && old.value !== priority.value) errors.forbidden("value", "may not be changed in an update.");
}

export function checkLease({ spec }: Lease, errors: FieldErrors): void {
  if (spec?.leaseDurationSeconds !== undefined && spec.leaseDurationSeconds <= 0) {
    errors.invalid("spec.leaseDurationSeconds", spec.leaseDurationSeconds, "must be greater than 0");
  }
  checkNotNegative(spec?.leaseTransitions, "spec.leaseTransitions", errors);
}
