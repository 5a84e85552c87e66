import { limitsOf, newSetReplicas, oldestFirst, replicasOf, sum } from "./counts.ts";
import type { Rollout } from "./new-set.ts";
import { type Shop, scaleSet } from "./shop.ts";

/** One step of a rolling update: up with the new set, else down with the old ones. */
export async function roll(shop: Shop, rollout: Rollout, signal: AbortSignal): Promise<void> {
  const { deployment, newSet } = rollout;
  if (!newSet) return;
  const current = replicasOf(newSet);
  const wanted = replicasOf(deployment);
  const next = current > wanted ? wanted : newSetReplicas(deployment, [...rollout.oldSets, newSet], current);
  const scaled = await scaleSet(shop, deployment, newSet, next, signal);
  rollout.newSet = scaled;
  if (next === current) await shrinkOld(shop, rollout, signal);
}

/** Source: reconcileOldReplicaSets: first pods that are not available anyway, then as many as availability allows. */
async function shrinkOld(shop: Shop, rollout: Rollout, signal: AbortSignal): Promise<void> {
  const { deployment, newSet, oldSets } = rollout;
  if (!newSet || sum(oldSets, replicasOf) === 0) return;
  const minAvailable = replicasOf(deployment) - limitsOf(deployment).maxUnavailable;
  const newUnavailable = replicasOf(newSet) - (newSet.status?.availableReplicas ?? 0);
  const sets = [...oldSets, newSet];
  let budget = sum(sets, replicasOf) - minAvailable - newUnavailable;
  if (budget <= 0) return;
  const sizes = new Map(oldestFirst(oldSets).map((set) => [set, replicasOf(set)]));
  for (const [set, size] of sizes) {
    const unavailable = Math.max(0, size - (set.status?.availableReplicas ?? 0));
    const less = Math.min(budget, unavailable);
    sizes.set(set, size - less);
    budget -= less;
  }
  let spare = sum(sets, (set) => set.status?.availableReplicas) - minAvailable;
  for (const [set, size] of sizes) {
    const less = Math.max(0, Math.min(spare, size, budget));
    sizes.set(set, size - less);
    spare -= less;
    budget -= less;
  }
  rollout.oldSets = await Promise.all([...sizes].map(([set, size]) => scaleSet(shop, deployment, set, size, signal)));
}
