import type { Pod, PodAffinityTerm } from "@capstan/api/generated/core-v1";
import { matches, type Requirement, requirementsOf, selects } from "@capstan/api/meta";
import type { NodeState } from "./node-state.ts";

/** Labels of a namespace, for terms that select namespaces. */
export type NamespaceLabels = (namespace: string) => Record<string, string> | undefined;

/** Whether a term of `owner` means `candidate`. */
export function termMeans(term: PodAffinityTerm, owner: Pod, candidate: Pod, labelsOf: NamespaceLabels): boolean {
  const { namespace = "" } = candidate.metadata;
  const { namespaces, namespaceSelector } = term;
  const own = !namespaces?.length && !namespaceSelector;
  const named = own ? owner.metadata.namespace === namespace : namespaces?.includes(namespace);
  if (!named && !(namespaceSelector && selects(namespaceSelector, labelsOf(namespace) ?? {}))) return false;
  const requirements = requirementsOf(term.labelSelector);
  if (!requirements) return false;
  const keyed = [...ownLabels(term.matchLabelKeys, owner, "In"), ...ownLabels(term.mismatchLabelKeys, owner, "NotIn")];
  return matches([...requirements, ...keyed], candidate.metadata.labels);
}

function ownLabels(keys: string[] | undefined, owner: Pod, operator: "In" | "NotIn"): Requirement[] {
  const labels = owner.metadata.labels ?? {};
  return (keys ?? []).flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [{ key, operator, values: [value] }];
  });
}

export function requiredAffinity({ spec }: Pod): PodAffinityTerm[] {
  return spec.affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

export function requiredAntiAffinity({ spec }: Pod): PodAffinityTerm[] {
  return spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
}

type Check = (state: NodeState) => string | undefined;

const refusals = {
  existing: "node(s) didn't satisfy existing pods anti-affinity rules",
  affinity: "node(s) didn't match pod affinity rules",
  anti: "node(s) didn't match pod anti-affinity rules",
};

/** Prepares the inter-pod rules for one pod: which topology values are allowed. Undefined when there are none. */
export function podAffinityCheck(pod: Pod, states: NodeState[], labelsOf: NamespaceLabels): Check | undefined {
  const affinity = requiredAffinity(pod);
  const anti = requiredAntiAffinity(pod);
  const wanted = affinity.map(() => new Set<string>());
  const avoided = anti.map(() => new Set<string>());
  /** key → values that pods already placed keep this one from. */
  const forbidden = new Map<string, Set<string>>();
  for (const { node, pods } of states) {
    const labels = node?.metadata.labels ?? {};
    for (const other of pods) {
      affinity.forEach((term, i) => {
        const value = labels[term.topologyKey];
        // All terms have to mean the same pod. Source: podMatchesAllAffinityTerms.
        if (value !== undefined && affinity.every((each) => termMeans(each, pod, other, labelsOf)))
          wanted[i]?.add(value);
      });
      anti.forEach((term, i) => {
        const value = labels[term.topologyKey];
        if (value !== undefined && termMeans(term, pod, other, labelsOf)) avoided[i]?.add(value);
      });
      for (const term of requiredAntiAffinity(other)) {
        const value = labels[term.topologyKey];
        if (value === undefined || !termMeans(term, other, pod, labelsOf)) continue;
        const values = forbidden.get(term.topologyKey);
        if (values) values.add(value);
        else forbidden.set(term.topologyKey, new Set([value]));
      }
    }
  }
  if (affinity.length + anti.length + forbidden.size === 0) return undefined;
  // The first of a group of pods that want to be together has nobody to be with.
  const first = wanted.every(({ size }) => size === 0) && affinity.every((term) => termMeans(term, pod, pod, labelsOf));
  return ({ node }) => {
    const labels = node?.metadata.labels ?? {};
    const has = (key: string, values: Set<string> | undefined) => values?.has(labels[key] ?? "") && key in labels;
    const together = affinity.every(
      ({ topologyKey }, i) => topologyKey in labels && (first || has(topologyKey, wanted[i])),
    );
    if (!together) return refusals.affinity;
    if (anti.some(({ topologyKey }, i) => has(topologyKey, avoided[i]))) return refusals.anti;
    return [...forbidden].some(([key, values]) => has(key, values)) ? refusals.existing : undefined;
  };
}

/** How much placed pods draw this one to a node, by preferred terms of both; any range. */
export function podAffinityScore(pod: Pod, states: NodeState[], labelsOf: NamespaceLabels): Map<NodeState, number> {
  const { podAffinity, podAntiAffinity } = pod.spec.affinity ?? {};
  const own = [
    ...(podAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((each) => ({
      ...each,
      weight: -each.weight,
    })),
  ];
  if (own.length === 0) return new Map();
  const pull = new Map<string, number>();
  for (const { node, pods } of states) {
    for (const { podAffinityTerm: term, weight } of own) {
      const value = node?.metadata.labels?.[term.topologyKey];
      if (value === undefined) continue;
      const key = `${term.topologyKey}=${value}`;
      const count = pods.filter((other) => termMeans(term, pod, other, labelsOf)).length;
      pull.set(key, (pull.get(key) ?? 0) + weight * count);
    }
  }
  const keys = new Set(own.map(({ podAffinityTerm }) => podAffinityTerm.topologyKey));
  const score = ({ node }: NodeState) =>
    [...keys].reduce((sum, key) => sum + (pull.get(`${key}=${node?.metadata.labels?.[key]}`) ?? 0), 0);
  return new Map(states.map((state) => [state, score(state)]));
}
