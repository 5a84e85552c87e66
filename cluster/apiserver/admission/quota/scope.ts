import type { Pod, ResourceQuota, ScopedResourceSelectorRequirement } from "@capstan/api/generated/core-v1";
import type { KubeObject, Resource } from "@capstan/api/meta";
import { containersOf } from "../of-pods.ts";

type Spec = NonNullable<ResourceQuota["spec"]>;

/** Whether a quota counts an object. Quotas with scopes count pods alone. Source: kubernetes/pkg/quota/v1/evaluator/core/pods.go. */
export function quotaCounts(spec: Spec, of: Pick<Resource, "group" | "resource">, object: KubeObject): boolean {
  const requirements = [
    ...(spec.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" })),
    ...(spec.scopeSelector?.matchExpressions ?? []),
  ];
  if (requirements.length === 0) return true;
  if (of.group !== "" || of.resource !== "pods") return false;
  return requirements.every((requirement) => meets(object as Pod, requirement));
}

function meets(pod: Pod, { scopeName, operator, values }: ScopedResourceSelectorRequirement): boolean {
  const { spec } = pod;
  switch (scopeName) {
    case "Terminating":
      return spec.activeDeadlineSeconds !== undefined;
    case "NotTerminating":
      return spec.activeDeadlineSeconds === undefined;
    case "BestEffort":
      return isBestEffort(pod);
    case "NotBestEffort":
      return !isBestEffort(pod);
    case "CrossNamespacePodAffinity":
      return crossesNamespaces(pod);
    case "PriorityClass":
      return hasClass(spec.priorityClassName ?? "", operator, values ?? []);
    default:
      return false;
  }
}

function isBestEffort(pod: Pod): boolean {
  return containersOf(pod).every(({ resources }) => {
    const amounts = { ...resources?.requests, ...resources?.limits };
    return amounts.cpu === undefined && amounts.memory === undefined;
  });
}

function hasClass(name: string, operator: string, values: string[]): boolean {
  if (operator === "Exists") return name !== "";
  if (operator === "DoesNotExist") return name === "";
  return operator === "In" ? values.includes(name) : !values.includes(name);
}

function crossesNamespaces({ spec }: Pod): boolean {
  const terms = [spec.affinity?.podAffinity, spec.affinity?.podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((weighted) => weighted.podAffinityTerm),
  ]);
  return terms.some(
    ({ namespaces, namespaceSelector }) => (namespaces?.length ?? 0) > 0 || namespaceSelector !== undefined,
  );
}
