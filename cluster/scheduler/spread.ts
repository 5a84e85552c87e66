import type { Pod, TopologySpreadConstraint } from "@capstan/api/generated/core-v1";
import { matches, type Requirement, requirementsOf } from "@capstan/api/meta";
import { matchesNode } from "./node-affinity.ts";
import type { NodeState } from "./node-state.ts";
import { untolerated } from "./tolerations.ts";

const refused = "node(s) didn't match pod topology spread constraints";

/** Matching pods in each topology value, over the nodes that count. */
function domains(constraint: TopologySpreadConstraint, pod: Pod, states: NodeState[]): Map<string, number> {
  const { topologyKey, nodeAffinityPolicy = "Honor", nodeTaintsPolicy = "Ignore" } = constraint;
  const wanted = selectorOf(constraint, pod);
  const counts = new Map<string, number>();
  for (const { node, pods } of states) {
    const value = node?.metadata.labels?.[topologyKey];
    if (!node || value === undefined) continue;
    if (nodeAffinityPolicy === "Honor" && !matchesNode(pod, node)) continue;
    if (nodeTaintsPolicy === "Honor" && untolerated(pod, node.spec?.taints, "NoSchedule", "NoExecute")) continue;
    const count = pods.filter((other) => isCounted(other, pod, wanted)).length;
    counts.set(value, (counts.get(value) ?? 0) + count);
  }
  return counts;
}

function isCounted(other: Pod, pod: Pod, wanted: Requirement[]): boolean {
  if (other.metadata.namespace !== pod.metadata.namespace || other.metadata.deletionTimestamp) return false;
  return matches(wanted, other.metadata.labels);
}

function selectorOf({ labelSelector, matchLabelKeys = [] }: TopologySpreadConstraint, pod: Pod): Requirement[] {
  const keyed = matchLabelKeys.flatMap((key): Requirement[] => {
    const value = pod.metadata.labels?.[key];
    return value === undefined ? [] : [{ key, operator: "In", values: [value] }];
  });
  const none: Requirement[] = [{ key: "", operator: "Exists", values: [] }];
  return [...(requirementsOf(labelSelector) ?? none), ...keyed];
}

function constraintsOf({ spec }: Pod, whenUnsatisfiable: string): TopologySpreadConstraint[] {
  return (spec.topologySpreadConstraints ?? []).filter((each) => each.whenUnsatisfiable === whenUnsatisfiable);
}

/** Prepares the hard constraints of a pod; undefined when it has none. */
export function spreadCheck(pod: Pod, states: NodeState[]): ((state: NodeState) => string | undefined) | undefined {
  const checks = constraintsOf(pod, "DoNotSchedule").map((constraint) => {
    const counts = domains(constraint, pod, states);
    const enough = counts.size >= (constraint.minDomains ?? 1);
    const least = enough ? Math.min(...counts.values()) : 0;
    const self = matches(selectorOf(constraint, pod), pod.metadata.labels) ? 1 : 0;
    return ({ node }: NodeState) => {
      const value = node?.metadata.labels?.[constraint.topologyKey];
      if (value === undefined) return `${refused} (missing required label)`;
      return (counts.get(value) ?? 0) + self - least > constraint.maxSkew ? refused : undefined;
    };
  });
  if (checks.length === 0) return undefined;
  return (state) => {
    for (const check of checks) {
      const refusal = check(state);
      if (refusal) return refusal;
    }
    return undefined;
  };
}

/** How many matching pods a node's domains hold already, by the soft constraints: less is better. */
export function spreadScore(pod: Pod, states: NodeState[]): Map<NodeState, number> {
  const soft = constraintsOf(pod, "ScheduleAnyway");
  if (soft.length === 0) return new Map();
  const counted = soft.map((constraint) => ({ key: constraint.topologyKey, counts: domains(constraint, pod, states) }));
  const crowd = ({ node }: NodeState) =>
    counted.reduce((sum, { key, counts }) => sum + (counts.get(node?.metadata.labels?.[key] ?? "") ?? 0), 0);
  return new Map(states.map((state) => [state, -crowd(state)]));
}
