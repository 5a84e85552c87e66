// Nodes, limit ranges and quotas. Source: upstream's pkg/apis/core/validation.
import type { LimitRange, Node, ResourceQuota } from "@capstan/api/generated/core-v1";
import { isQuantity, parseQuantity, qualifiedNameProblems } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { checkQuantity, isAddress } from "./values.ts";

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function checkNode({ spec }: Node, errors: FieldErrors): void {
  for (const [i, { key, effect }] of (spec?.taints ?? []).entries()) {
    // Upstream's path says metadata, too.
    const at = `metadata.taints[${i}]`;
    for (const problem of qualifiedNameProblems(key ?? "")) errors.invalid(`${at}.key`, key ?? "", problem);
    if (!effect) errors.required(`${at}.effect`);
    else if (!effects.includes(effect)) errors.notSupported(`${at}.effect`, effect, effects);
    const same = (spec?.taints ?? []).findIndex((taint) => taint.key === key && taint.effect === effect);
    if (key && effect && same < i) {
      errors.duplicate(at, { key, effect }, "taints must be unique by key and effect pair");
    }
  }
  const ranges = spec?.podCIDRs?.length ? spec.podCIDRs : spec?.podCIDR ? [spec.podCIDR] : [];
  for (const [i, range] of ranges.entries()) {
    const [address = "", bits = ""] = range.split("/");
    if (isAddress(address) && /^\d{1,3}$/.test(bits)) continue;
    errors.invalid(`spec.podCIDRs[${i}]`, range, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)");
  }
}

type Amounts = Record<string, string> | undefined;

export function checkLimitRange({ spec }: LimitRange, errors: FieldErrors): void {
  for (const [i, limit] of (spec?.limits ?? []).entries()) {
    const { type, max, min, default: usual, defaultRequest, maxLimitRequestRatio } = limit;
    const at = `spec.limits[${i}]`;
    if ((spec?.limits ?? []).findIndex((other) => other.type === type) < i) errors.duplicate(`${at}.type`, type ?? "");
    if (type === "Pod") {
      const detail = "may not be specified when `type` is 'Pod'";
      if (Object.keys(usual ?? {}).length > 0) errors.forbidden(`${at}.default`, detail);
      if (Object.keys(defaultRequest ?? {}).length > 0) errors.forbidden(`${at}.defaultRequest`, detail);
    }
    if (type === "PersistentVolumeClaim" && min?.storage === undefined && max?.storage === undefined) {
      const detail = "either minimum or maximum storage value is required, but neither was provided";
      errors.required(`${at}.limits`, detail);
    }
    for (const [name, ratio] of Object.entries(maxLimitRequestRatio ?? {})) {
      if (!isQuantity(ratio) || parseQuantity(ratio) >= 1) continue;
      errors.invalid(`${at}.maxLimitRequestRatio[${name}]`, ratio, `ratio ${ratio} is less than 1`);
    }
    for (const problem of qualifiedNameProblems(type ?? "")) errors.invalid(`${at}.type`, type ?? "", problem);
    const parts: [string, Amounts][] = [
      ["max", max],
      ["min", min],
      ["default", usual],
      ["defaultRequest", defaultRequest],
    ];
    const names = new Set(parts.flatMap(([, amounts]) => Object.keys(amounts ?? {})));
    for (const name of names) checkOrder(name, { max, min, usual, defaultRequest }, at, errors);
  }
}

function checkOrder(
  name: string,
  { max, min, usual, defaultRequest }: Record<"max" | "min" | "usual" | "defaultRequest", Amounts>,
  at: string,
  errors: FieldErrors,
): void {
  const over = (a: string | undefined, b: string | undefined) =>
    a !== undefined && b !== undefined && isQuantity(a) && isQuantity(b) && parseQuantity(a) > parseQuantity(b);
  const [top, low, limit, request] = [max?.[name], min?.[name], usual?.[name], defaultRequest?.[name]];
  const refuse = (part: string, value: string | undefined, detail: string) =>
    errors.invalid(`${at}.${part}[${name}]`, value, detail);
  if (over(low, top)) refuse("min", low, `min value ${low} is greater than max value ${top}`);
  if (over(low, request))
    refuse("defaultRequest", request, `min value ${low} is greater than default request value ${request}`);
  if (over(request, top))
    refuse("defaultRequest", request, `default request value ${request} is greater than max value ${top}`);
  if (over(request, limit))
    refuse("defaultRequest", request, `default request value ${request} is greater than default limit value ${limit}`);
  if (over(low, limit)) refuse("default", low, `min value ${low} is greater than default value ${limit}`);
  if (over(limit, top)) refuse("default", top, `default value ${limit} is greater than max value ${top}`);
}

const scopes = [
  "BestEffort",
  "CrossNamespacePodAffinity",
  "NotBestEffort",
  "NotTerminating",
  "PriorityClass",
  "Terminating",
  "VolumeAttributesClass",
];
/** Source: core's standardQuotaResources that are counted. */
const counted =
  /^(count\/.+|pods|services|services\.(nodeports|loadbalancers)|replicationcontrollers|secrets|configmaps|persistentvolumeclaims|resourcequotas)$/;

/** Resources of devices: their names lie outside of Kubernetes' own domain. */
const isExtended = (name: string) => name.includes("/") && !/^([^/]+\.)?kubernetes\.io\//.test(name);

/** Source: core's standardQuotaResources and standardResources that are measured. */
const measured = /^((requests\.|limits\.)?(cpu|memory|ephemeral-storage)|hugepages-.+|requests\..+)$/;

export function checkQuota({ spec }: ResourceQuota, errors: FieldErrors): void {
  for (const [name, value] of Object.entries(spec?.hard ?? {})) {
    const at = `spec.hard[${name}]`;
    for (const problem of qualifiedNameProblems(name)) errors.invalid(at, name, problem);
    if (!name.includes("/") && !counted.test(name) && !measured.test(name)) {
      if (name !== "storage") errors.invalid(at, name, "must be a standard resource type or fully qualified");
      errors.invalid(at, name, "must be a standard resource for quota");
    }
    checkQuantity(value, at, errors);
    if ((counted.test(name) || isExtended(name)) && isQuantity(value) && !Number.isInteger(parseQuantity(value))) {
      errors.invalid(at, value, "must be an integer");
    }
  }
  const given = spec?.scopes ?? [];
  if (given.some((scope) => !scopes.includes(scope))) errors.invalid("spec.scopes", given, "unsupported scope");
  checkScopes(given, Object.keys(spec?.hard ?? {}), errors);
  for (const { scopeName, operator, values = [] } of spec?.scopeSelector?.matchExpressions ?? []) {
    const at = "spec.scopeSelector.matchExpressions";
    if (!scopes.includes(scopeName)) errors.invalid(`${at}.scopeName`, scopeName ?? "", "unsupported scope");
    if (operator === "In" || operator === "NotIn") {
      const detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
      if (values.length === 0) errors.required(`${at}.values`, detail);
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      const detail = "must be no value when `operator` is 'Exists' or 'DoesNotExist' for scope selector";
      if (values.length > 0) errors.invalid(`${at}.values`, values, detail);
    } else errors.invalid(`${at}.operator`, operator ?? "", "not a valid selector operator");
  }
}

/** Source: core's IsResourceQuotaScopeValidForResource: what each scope may count. */
const ofPods =
  /^(pods|cpu|memory|ephemeral-storage|requests\.(cpu|memory|ephemeral-storage)|limits\.(cpu|memory|ephemeral-storage))$/;
const opposites = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
];

function checkScopes(given: string[], names: string[], errors: FieldErrors): void {
  const fits = (scope: string, name: string) => {
    if (scope === "BestEffort") return name === "pods";
    if (scope === "VolumeAttributesClass") return true;
    return scopes.includes(scope) ? ofPods.test(name) || name.includes("/") || name.includes("hugepages-") : true;
  };
  if (given.some((scope) => names.some((name) => !fits(scope, name)))) {
    errors.invalid("spec.scopes", given, "unsupported scope applied to resource");
  }
  for (const pair of opposites) {
    if (pair.every((scope) => given.includes(scope))) errors.invalid("spec.scopes", given, "conflicting scopes");
  }
}
