import type { Deployment, ReplicaSet } from "@capstan/api/generated/apps-v1";
import { limitsOf, oldestFirst, replicasOf, sum } from "./counts.ts";
import type { Rollout } from "./new-set.ts";
import { desiredAnnotation, maxAnnotation } from "./revision.ts";
import { type Shop, scaleSet } from "./shop.ts";

/** Whether `spec.replicas` changed since the sets got their sizes. */
export function isResized(deployment: Deployment, sets: ReplicaSet[]): boolean {
  return sets
    .filter((set) => replicasOf(set) > 0)
    .some((set) => {
      const desired = set.metadata.annotations?.[desiredAnnotation];
      return desired !== undefined && Number(desired) !== replicasOf(deployment);
    });
}

/** Gives a new size to the one set that is up, or to all of them in proportion when a rollout is under way. */
export async function resize(shop: Shop, rollout: Rollout, signal: AbortSignal): Promise<void> {
  const { deployment, newSet, oldSets } = rollout;
  const wanted = replicasOf(deployment);
  const all = newSet ? [...oldSets, newSet] : oldSets;
  const active = all.filter((set) => replicasOf(set) > 0);
  const only = active.length === 1 ? active[0] : active.length === 0 ? (newSet ?? newest(oldSets)) : undefined;
  if (only) return replace(rollout, await scaleSet(shop, deployment, only, wanted, signal));
  if (newSet && isSaturated(newSet, wanted)) {
    for (const set of oldSets) replace(rollout, await scaleSet(shop, deployment, set, 0, signal));
    return;
  }
  if (deployment.spec.strategy?.type === "Recreate") return;
  const allowed = wanted > 0 ? wanted + limitsOf(deployment).maxSurge : 0;
  for (const [set, size] of shares(active, allowed)) {
    replace(rollout, await scaleSet(shop, deployment, set, size, signal));
  }
}

function newest(sets: ReplicaSet[]): ReplicaSet | undefined {
  return oldestFirst(sets).at(-1);
}

function isSaturated(set: ReplicaSet, wanted: number): boolean {
  const { annotations } = set.metadata;
  const sized = Number(annotations?.[desiredAnnotation]) === wanted;
  return sized && replicasOf(set) === wanted && set.status?.availableReplicas === wanted;
}

function replace(rollout: Rollout, set: ReplicaSet): void {
  if (rollout.newSet?.metadata.uid === set.metadata.uid) rollout.newSet = set;
  else rollout.oldSets = rollout.oldSets.map((old) => (old.metadata.uid === set.metadata.uid ? set : old));
}

/**
 * Splits what is to be added or taken away in proportion to the sets' sizes; what rounding leaves goes to the largest.
 * Source: scale() in pkg/controller/deployment/sync.go.
 */
export function shares(active: ReplicaSet[], allowed: number): Map<ReplicaSet, number> {
  const total = sum(active, replicasOf);
  const change = allowed - total;
  const order = oldestFirst(active).sort((a, b) => replicasOf(b) - replicasOf(a));

  let left = change;
  const sizes = new Map<ReplicaSet, number>();
  for (const set of order) {
    const size = replicasOf(set);
    const max = Number(set.metadata.annotations?.[maxAnnotation] ?? total) || total;
    const ideal = Math.round((size * allowed) / max) - size;
    const part = change > 0 ? Math.min(Math.max(ideal, 0), left) : Math.max(Math.min(ideal, 0), left);
    sizes.set(set, size + part);
    left -= part;
  }
  const first = order[0];
  if (first && left !== 0) sizes.set(first, Math.max(0, (sizes.get(first) ?? 0) + left));
  return sizes;
}
