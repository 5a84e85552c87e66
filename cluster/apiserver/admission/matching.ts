import type { LabelSelector } from "@capstan/api/generated/meta-v1";
import { Namespaces } from "@capstan/api/generated/resources";
import { selects } from "@capstan/api/meta";
import type { Attributes, View } from "../request.ts";

/** Which writes a webhook or a policy is about. Source: apiserver's plugin/webhook/{rules,predicates}. */
export interface Rule {
  operations?: string[];
  apiGroups?: string[];
  apiVersions?: string[];
  resources?: string[];
  resourceNames?: string[];
  scope?: string;
}

// Who could keep these from being written could keep anybody from ever taking a webhook away again; reviews store nothing.
const exempt = new Set(["admissionregistration.k8s.io", "authentication.k8s.io", "authorization.k8s.io"]);

export const isExempt = ({ info }: Attributes): boolean => exempt.has(info.group);

const includes = (list: string[] | undefined, value: string) => list?.includes("*") || list?.includes(value) || false;

export function ruleMatches(rule: Rule, { info, operation, namespace, name }: Attributes): boolean {
  const { operations, apiGroups, apiVersions, resources = [], resourceNames = [], scope = "*" } = rule;
  const { group, version, resource, subresource } = info;
  if (!includes(operations, operation) || !includes(apiGroups, group) || !includes(apiVersions, version)) return false;
  if (resourceNames.length > 0 && !resourceNames.includes(name)) return false;
  const namespaced = namespace !== "" && resource !== "namespaces";
  if (scope !== "*" && (scope === "Namespaced") !== namespaced) return false;
  return resources.some((pattern) => {
    const [wanted = "", part = ""] = pattern.split("/");
    return (wanted === "*" || wanted === resource) && (part === "*" || part === subresource);
  });
}

/** Whether the object's namespace has the labels; objects of no namespace always match, namespaces by their own labels. */
export function namespaceMatches(view: View, selector: LabelSelector | undefined, attributes: Attributes): boolean {
  const { info, namespace, object, oldObject } = attributes;
  if (!selector) return true;
  if (info.group === "" && info.resource === "namespaces")
    return selects(selector, (object ?? oldObject)?.metadata.labels);
  if (namespace === "") return true;
  return selects(selector, view.get(Namespaces, { name: namespace })?.metadata.labels);
}

/** Whether the object has the labels, or had them. */
export function objectMatches(selector: LabelSelector | undefined, { object, oldObject }: Attributes): boolean {
  return !selector || [object, oldObject].some((one) => one && selects(selector, one.metadata.labels));
}
