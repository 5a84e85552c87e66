import type { Pod } from "@capstan/api/generated/core-v1";
import { matchesNode } from "./node-affinity.ts";
import { hostPorts, type NodeState } from "./node-state.ts";
import { type NamespaceLabels, podAffinityCheck } from "./pod-affinity.ts";
import { podRequests } from "./requests.ts";
import { spreadCheck } from "./spread.ts";
import { untolerated } from "./tolerations.ts";

/** Why a pod cannot go to a node. Upstream's words. */
export interface Refusal {
  reasons: string[];
  /** Whether it could if other pods went. */
  preemptable: boolean;
}

/** Prepares the filters for one pod, in upstream's order. */
export function prepareFilters(
  pod: Pod,
  states: NodeState[],
  labelsOf: NamespaceLabels,
): (state: NodeState) => Refusal | undefined {
  const ports = hostPorts(pod);
  const requests = Object.entries(podRequests(pod)).filter(([, amount]) => amount > 0);
  const spread = spreadCheck(pod, states);
  const affinity = podAffinityCheck(pod, states, labelsOf);
  const unschedulable = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };
  return (state) => {
    const { node } = state;
    if (!node) return refuse("node(s) didn't match the requested node name");
    if (node.spec?.unschedulable && untolerated(pod, [unschedulable], "NoSchedule")) {
      return refuse("node(s) were unschedulable");
    }
    const taint = untolerated(pod, node.spec?.taints, "NoSchedule", "NoExecute");
    if (taint) return refuse(`node(s) had untolerated taint {${taint.key}: ${taint.value ?? ""}}`);
    if (!matchesNode(pod, node)) return refuse("node(s) didn't match Pod's node affinity/selector");
    if (state.hasPort(ports)) return preempt("node(s) didn't have free ports for the requested pod ports");
    const short = shortages(state, requests);
    if (short.length > 0) return preempt(...short);
    const uneven = spread?.(state);
    if (uneven) return uneven.includes("missing") ? refuse(uneven) : preempt(uneven);
    const apart = affinity?.(state);
    return apart ? preempt(apart) : undefined;
  };
}

function refuse(...reasons: string[]): Refusal {
  return { reasons, preemptable: false };
}

function preempt(...reasons: string[]): Refusal {
  return { reasons, preemptable: true };
}

function shortages({ allocatable, requested, size }: NodeState, requests: [string, number][]): string[] {
  const short = requests
    // Sums of decimal fractions are off by a little: a thousandth of the smallest unit is not a shortage.
    .filter(([name, amount]) => (requested[name] ?? 0) + amount > (allocatable[name] ?? 0) + 1e-6)
    .map(([name]) => `Insufficient ${name}`);
  return size + 1 > (allocatable.pods ?? 110) ? ["Too many pods", ...short] : short;
}
