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
  for (const [i, { type, max, min, default: usual, defaultRequest }] of (spec?.limits ?? []).entries()) {
    const at = `spec.limits[${i}]`;
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

export function checkQuota({ spec }: ResourceQuota, errors: FieldErrors): void {
  for (const [name, value] of Object.entries(spec?.hard ?? {})) {
    const at = `spec.hard[${name}]`;
    for (const problem of qualifiedNameProblems(name)) errors.invalid(at, name, problem);
    checkQuantity(value, at, errors);
    if (counted.test(name) && isQuantity(value) && !Number.isInteger(parseQuantity(value))) {
      errors.invalid(at, value, "must be an integer");
    }
  }
  const given = spec?.scopes ?? [];
  if (given.some((scope) => !scopes.includes(scope))) errors.invalid("spec.scopes", given, "unsupported scope");
}
