// Which requests are recorded, and how much of them. Source: audit.k8s.io/v1 Policy, k8s.io/apiserver/pkg/audit/policy.
import type { Principal } from "@capstan/base/http";
import type { RequestInfo } from "../request.ts";
import { createReader } from "./reader.ts";

const levels = ["None", "Metadata", "Request", "RequestResponse"] as const;
export type AuditLevel = (typeof levels)[number];

export const stages = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"] as const;
export type AuditStage = (typeof stages)[number];

interface ResourceRule {
  group: string;
  resources: string[];
  resourceNames: string[];
}

/** A rule holds when each of its parts does; an empty part holds for all. */
interface AuditRule {
  level: AuditLevel;
  users: string[];
  userGroups: string[];
  verbs: string[];
  resources: ResourceRule[];
  namespaces: string[];
  nonResourceURLs: string[];
  omitStages: AuditStage[];
  omitManagedFields: boolean;
}

export interface AuditDecision {
  level: AuditLevel;
  omitStages: readonly AuditStage[];
  omitManagedFields: boolean;
}

/** The decision of the first rule that holds; None when none does. */
export type AuditPolicy = (principal: Principal | undefined, info: RequestInfo) => AuditDecision;

/** What holds without a policy file: the metadata of every request, once it is answered. */
export const recordMetadata: AuditPolicy = () => ({
  level: "Metadata",
  omitStages: ["RequestReceived"],
  omitManagedFields: false,
});

/** Reads a Policy object. Throws an Error that starts with the path of the field that is wrong or unknown. */
export function parseAuditPolicy(value: unknown): AuditPolicy {
  const reader = createReader(value, "policy", [
    "apiVersion",
    "kind",
    "metadata",
    "rules",
    "omitStages",
    "omitManagedFields",
  ]);
  if (reader.text("apiVersion") !== "audit.k8s.io/v1" || reader.text("kind") !== "Policy") {
    throw new Error("policy: apiVersion must be audit.k8s.io/v1 and kind Policy");
  }
  const omitStages = reader.choices("omitStages", stages);
  const omitManagedFields = reader.flag("omitManagedFields") ?? false;
  const rules = reader.objects("rules").map(([rule, path]) => parseRule(rule, path, omitStages, omitManagedFields));
  if (rules.length === 0) throw new Error("policy.rules: needs at least one rule: without any, nothing is recorded");
  const nothing: AuditDecision = { level: "None", omitStages: [], omitManagedFields: false };
  return (principal, info) => rules.find((rule) => holds(rule, principal, info)) ?? nothing;
}

const ruleFields = [
  "level",
  "users",
  "userGroups",
  "verbs",
  "resources",
  "namespaces",
  "nonResourceURLs",
  "omitStages",
  "omitManagedFields",
];

function parseRule(
  value: unknown,
  path: string,
  omitStages: readonly AuditStage[],
  omitManagedFields: boolean,
): AuditRule {
  const reader = createReader(value, path, ruleFields);
  const [level] = reader.choices("level", levels);
  if (!level) throw new Error(`${path}.level: is missing: it is one of ${levels.join(", ")}`);
  const nonResourceURLs = reader.texts("nonResourceURLs");
  const resources = reader.objects("resources").map(([rule, at]) => parseResource(rule, at));
  const namespaces = reader.texts("namespaces");
  if (nonResourceURLs.length > 0 && (resources.length > 0 || namespaces.length > 0)) {
    throw new Error(`${path}.nonResourceURLs: cannot stand with resources or namespaces`);
  }
  for (const url of nonResourceURLs) {
    if (url !== "*" && (!url.startsWith("/") || url.slice(0, -1).includes("*"))) {
      throw new Error(`${path}.nonResourceURLs: "${url}" must start with / and have * at its end only`);
    }
  }
  return {
    level,
    users: reader.texts("users"),
    userGroups: reader.texts("userGroups"),
    verbs: reader.texts("verbs"),
    resources,
    namespaces,
    nonResourceURLs,
    omitStages: [...omitStages, ...reader.choices("omitStages", stages)],
    omitManagedFields: reader.flag("omitManagedFields") ?? omitManagedFields,
  };
}

function parseResource(value: unknown, path: string): ResourceRule {
  const reader = createReader(value, path, ["group", "resources", "resourceNames"]);
  const resources = reader.texts("resources");
  const resourceNames = reader.texts("resourceNames");
  if (resourceNames.length > 0 && resources.length === 0) {
    throw new Error(`${path}.resourceNames: needs resources beside it`);
  }
  return { group: reader.text("group") ?? "", resources, resourceNames };
}

function holds(rule: AuditRule, principal: Principal | undefined, info: RequestInfo): boolean {
  const { users, userGroups, verbs } = rule;
  if (users.length > 0 && !(principal && users.includes(principal.name))) return false;
  if (userGroups.length > 0 && !principal?.groups.some((group) => userGroups.includes(group))) return false;
  if (verbs.length > 0 && !verbs.includes(info.verb)) return false;
  if (rule.resources.length === 0 && rule.namespaces.length === 0 && rule.nonResourceURLs.length === 0) return true;
  return info.isResource ? holdsForResource(rule, info) : holdsForPath(rule, info.path);
}

function holdsForResource({ namespaces, resources, nonResourceURLs }: AuditRule, info: RequestInfo): boolean {
  if (nonResourceURLs.length > 0) return false;
  if (namespaces.length > 0 && !namespaces.includes(info.namespace)) return false;
  if (resources.length === 0) return true;
  const { resource, subresource, name } = info;
  const full = subresource ? `${resource}/${subresource}` : resource;
  const isNamed = (wanted: string) =>
    wanted === full ||
    wanted === "*" ||
    (subresource !== "" && (wanted === `*/${subresource}` || wanted === `${resource}/*`));
  return resources.some(
    (rule) =>
      rule.group === info.group &&
      (rule.resources.length === 0 ||
        ((rule.resourceNames.length === 0 || rule.resourceNames.includes(name)) && rule.resources.some(isNamed))),
  );
}

function holdsForPath({ nonResourceURLs }: AuditRule, path: string): boolean {
  return nonResourceURLs.some(
    (wanted) => wanted === "*" || wanted === path || (wanted.endsWith("*") && path.startsWith(wanted.slice(0, -1))),
  );
}
