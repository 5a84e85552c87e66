import type { Pod } from "@capstan/api/generated/core-v1";
import { conditionOf, isReady } from "../pod.ts";

const phases = ["Pending", "Unknown", "Running"];

/**
 * Pods in the order in which to delete them: those that do least. Source: ActivePodsWithRanks in pkg/controller.
 * @param related all pods of the owner's siblings, by which doubled-up nodes are found.
 */
export function deletionOrder(pods: Pod[], related: Pod[], now: number): Pod[] {
  const onNode = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec.nodeName ?? "";
    onNode.set(node, (onNode.get(node) ?? 0) + 1);
  }
  const rank = (pod: Pod): number[] => [
    pod.spec.nodeName ? 1 : 0,
    phases.indexOf(pod.status?.phase ?? "Pending"),
    isReady(pod) ? 1 : 0,
    deletionCost(pod),
    -(onNode.get(pod.spec.nodeName ?? "") ?? 0),
    isReady(pod) ? ageRank(conditionOf(pod, "Ready")?.lastTransitionTime, now) : 0,
    -mostRestarts(pod),
    ageRank(pod.metadata.creationTimestamp, now),
  ];
  const ranked = pods.map((pod) => ({ pod, rank: rank(pod) }));
  ranked.sort((a, b) => compare(a.rank, b.rank) || (a.pod.metadata.name < b.pod.metadata.name ? -1 : 1));
  return ranked.map(({ pod }) => pod);
}

/** Annotation controller.kubernetes.io/pod-deletion-cost, an int32; anything else counts as 0. */
function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"] ?? "0";
  return /^(0|-?[1-9]\d{0,9})$/.test(text) ? Number(text) : 0;
}

/** Ages on a logarithmic scale, so that small differences do not decide; the youngest first. */
function ageRank(time: string | undefined, now: number): number {
  const age = now - Date.parse(time ?? "");
  return Number.isNaN(age) ? -1 : Math.floor(Math.log2(Math.max(1, age)));
}

function mostRestarts(pod: Pod): number {
  return Math.max(0, ...(pod.status?.containerStatuses ?? []).map(({ restartCount }) => restartCount ?? 0));
}

function compare(a: number[], b: number[]): number {
  for (let i = 0; i < a.length; i++) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
