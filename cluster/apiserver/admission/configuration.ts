// What configurations of webhooks and policies must say of the writes that they are about.
// Source: kubernetes/pkg/apis/admissionregistration/validation.
import type { MatchCondition, MatchResources } from "@capstan/api/generated/admissionregistration-v1";
import { qualifiedNameProblems } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import type { Rule } from "./matching.ts";
import { type ExpressionCheck, expressionCause } from "./policy/conditions.ts";

const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const scopes = ["*", "Cluster", "Namespaced"];

export function checkRule(rule: Rule, at: string, errors: FieldErrors): void {
  const { apiGroups = [], apiVersions = [], resources = [], scope } = rule;
  const wild = (list: readonly string[]) => list.length > 1 && list.includes("*");
  const others = (field: string, list: readonly string[], what: string) => {
    if (wild(list)) errors.invalid(`${at}.${field}`, list, `if '*' is present, must not specify other ${what}`);
  };
  const asked = rule.operations ?? [];
  if (asked.length === 0) errors.required(`${at}.operations`);
  others("operations", asked, "operations");
  for (const [i, operation] of asked.entries())
    if (!operations.includes(operation)) errors.notSupported(`${at}.operations[${i}]`, operation, operations);
  if (apiGroups.length === 0) errors.required(`${at}.apiGroups`);
  others("apiGroups", apiGroups, "API groups");
  if (apiVersions.length === 0) errors.required(`${at}.apiVersions`);
  others("apiVersions", apiVersions, "API versions");
  for (const [i, version] of apiVersions.entries()) if (version === "") errors.required(`${at}.apiVersions[${i}]`);
  checkResources(resources, `${at}.resources`, errors);
  if (scope !== undefined && !scopes.includes(scope)) errors.notSupported(`${at}.scope`, scope, scopes);
}

function checkResources(resources: readonly string[], at: string, errors: FieldErrors): void {
  if (resources.length === 0) errors.required(at);
  const seen = new Set<string>();
  for (const [i, one] of resources.entries()) {
    if (one === "") errors.required(`${at}[${i}]`);
    const [resource = "", part] = one.split("/", 2);
    if (part === undefined) continue;
    for (const wider of [`${resource}/*`, `*/${part}`])
      if (seen.has(wider)) errors.invalid(`${at}[${i}]`, one, `if '${wider}' is present, must not specify ${one}`);
    seen.add(one);
  }
  if (resources.length > 1 && resources.includes("*/*"))
    errors.invalid(at, resources, "if '*/*' is present, must not specify other resources");
  if (resources.includes("*") && resources.some((one) => one !== "*" && one !== "" && !one.includes("/")))
    errors.invalid(at, resources, "if '*' is present, must not specify other resources without subresources");
}

export const matchPolicies = ["Equivalent", "Exact"];
export const failurePolicies = ["Fail", "Ignore"];

export function checkMatchResources(match: MatchResources | undefined, at: string, errors: FieldErrors): void {
  if (!match) return;
  const { matchPolicy, resourceRules = [], excludeResourceRules = [] } = match;
  if (matchPolicy !== undefined && !matchPolicies.includes(matchPolicy))
    errors.notSupported(`${at}.matchPolicy`, matchPolicy, matchPolicies);
  for (const [i, rule] of resourceRules.entries()) checkRule(rule, `${at}.resourceRules[${i}]`, errors);
  for (const [i, rule] of excludeResourceRules.entries()) checkRule(rule, `${at}.excludeResourceRules[${i}]`, errors);
}

/** Conditions of one webhook or policy. */
const conditionLimit = 64;

export function checkConditions(
  conditions: readonly MatchCondition[],
  at: string,
  check: ExpressionCheck,
  errors: FieldErrors,
): void {
  if (conditions.length > conditionLimit) errors.tooMany(at, conditions.length, conditionLimit);
  const names = new Set<string>();
  for (const [i, { name, expression }] of conditions.entries()) {
    const field = `${at}[${i}].expression`;
    if (!expression?.trim()) errors.required(field);
    else errors.causes.push(...expressionCause(field, expression.trim(), check));
    if (!name) errors.required(`${at}[${i}].name`);
    else {
      for (const problem of qualifiedNameProblems(name)) errors.invalid(`${at}[${i}].name`, name, problem);
      if (names.has(name)) errors.duplicate(`${at}[${i}].name`, name);
      names.add(name);
    }
  }
}
