import type { PolicyRule } from "@capstan/api/generated/rbac-v1";
import type { Access } from "./access.ts";

const has = (list: readonly string[] | undefined, value: string) => list?.includes(value) === true;
const hasOrAll = (list: readonly string[] | undefined, value: string) => has(list, "*") || has(list, value);

/** Whether a rule allows an access. Source: kubernetes/pkg/apis/rbac/v1 evaluation helpers. */
export function ruleAllows(rule: PolicyRule, access: Access): boolean {
  if (!hasOrAll(rule.verbs, access.verb)) return false;
  if (!access.isResource) return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, access.path));
  if (!hasOrAll(rule.apiGroups, access.group) || !resourceMatches(rule, access.resource, access.subresource))
    return false;
  const names = rule.resourceNames ?? [];
  return names.length === 0 || names.includes(access.name);
}

function resourceMatches({ resources }: PolicyRule, resource: string, subresource: string): boolean {
  if (has(resources, "*")) return true;
  if (subresource === "") return has(resources, resource);
  return has(resources, `${resource}/${subresource}`) || has(resources, `*/${subresource}`);
}

function pathMatches(pattern: string, path: string): boolean {
  return pattern === "*" || pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.slice(0, -1)));
}

/** The rules of `wanted`, taken apart to single permissions, that `held` does not give. Source: rbac/validation's Covers. */
export function uncovered(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  return wanted.flatMap(takeApart).filter((single) => !held.some((rule) => covers(rule, single)));
}

function takeApart(rule: PolicyRule): PolicyRule[] {
  const single: PolicyRule[] = [];
  const names = rule.resourceNames?.length ? rule.resourceNames : [undefined];
  for (const verb of rule.verbs) {
    for (const url of rule.nonResourceURLs ?? []) single.push({ verbs: [verb], nonResourceURLs: [url] });
    for (const group of rule.apiGroups ?? []) {
      for (const resource of rule.resources ?? []) {
        for (const name of names) {
          const one: PolicyRule = { verbs: [verb], apiGroups: [group], resources: [resource] };
          single.push(name === undefined ? one : { ...one, resourceNames: [name] });
        }
      }
    }
  }
  return single;
}

function covers(rule: PolicyRule, single: PolicyRule): boolean {
  const first = (list: string[] | undefined) => list?.[0] ?? "";
  if (!hasOrAll(rule.verbs, first(single.verbs))) return false;
  if (single.nonResourceURLs) {
    return (rule.nonResourceURLs ?? []).some((pattern) => pathMatches(pattern, first(single.nonResourceURLs)));
  }
  if (!hasOrAll(rule.apiGroups, first(single.apiGroups))) return false;
  const [resource = "", subresource = ""] = first(single.resources).split("/");
  if (!resourceMatches(rule, resource, subresource)) return false;
  const names = rule.resourceNames ?? [];
  return names.length === 0 || (single.resourceNames !== undefined && has(names, first(single.resourceNames)));
}

/** A rule as kube-apiserver writes it in messages. */
export function describeRule(rule: PolicyRule): string {
  const parts = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["ResourceNames", rule.resourceNames],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["Verbs", rule.verbs],
  ] as const;
  const shown = parts.flatMap(([name, list]) => (list?.length ? [`${name}:${JSON.stringify(list)}`] : []));
  return `{${shown.join(", ")}}`;
}
