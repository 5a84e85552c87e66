import type { Deployment, ReplicaSet } from "@capstan/api/generated/apps-v1";
import type { IntOrString } from "@capstan/api/generated/meta-v1";

export function replicasOf(object: { spec: { replicas?: number } }): number {
  return object.spec.replicas ?? 1;
}

export function sum<T>(items: Iterable<T>, count: (item: T) => number | undefined): number {
  let total = 0;
  for (const item of items) total += count(item) ?? 0;
  return total;
}

/** A count, or a percentage of `total`. */
export function resolveShare(share: IntOrString | undefined, total: number, round: (value: number) => number): number {
  if (typeof share === "number") return share;
  const percent = /^(\d+)%$/.exec(share ?? "");
  return percent ? round((Number(percent[1]) * total) / 100) : 0;
}

/** How far a rolling update may go above and below; never 0 and 0, which would stand still. */
export function limitsOf(deployment: Deployment): { maxSurge: number; maxUnavailable: number } {
  const wanted = replicasOf(deployment);
  if (deployment.spec.strategy?.type === "Recreate") return { maxSurge: 0, maxUnavailable: 0 };
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = resolveShare(maxSurge, wanted, Math.ceil);
  const unavailable = resolveShare(maxUnavailable, wanted, Math.floor);
  if (surge === 0 && unavailable === 0) return { maxSurge: 0, maxUnavailable: 1 };
  return { maxSurge: surge, maxUnavailable: Math.min(unavailable, wanted) };
}

/** What the new set may have now. Source: NewRSNewReplicas. */
export function newSetReplicas(deployment: Deployment, sets: ReplicaSet[], current: number): number {
  const wanted = replicasOf(deployment);
  if (deployment.spec.strategy?.type === "Recreate") return wanted;
  const room = wanted + limitsOf(deployment).maxSurge - sum(sets, replicasOf);
  return room <= 0 ? current : current + Math.min(room, wanted - current);
}

export function oldestFirst(sets: ReplicaSet[]): ReplicaSet[] {
  return sets.toSorted((a, b) => {
    const times = Date.parse(a.metadata.creationTimestamp ?? "") - Date.parse(b.metadata.creationTimestamp ?? "");
    return times || (a.metadata.name < b.metadata.name ? -1 : 1);
  });
}
