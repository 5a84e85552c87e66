import { byController } from "../ownership.ts";
import { isFinished } from "../pod.ts";
import { replicasOf } from "./counts.ts";
import { openRollout, type Rollout } from "./new-set.ts";
import { type Shop, scaleSet } from "./shop.ts";

/** Strategy Recreate: everything old has to be gone before anything new is made. */
export async function recreate(shop: Shop, rollout: Rollout, signal: AbortSignal): Promise<Rollout> {
  const { deployment, oldSets } = rollout;
  const oldPods = oldSets.flatMap((set) => shop.pods.byIndex(byController, set.metadata.uid ?? ""));
  const scaled = await Promise.all(oldSets.map((set) => scaleSet(shop, deployment, set, 0, signal)));
  if (oldSets.some((set) => replicasOf(set) > 0) || oldPods.some((pod) => !isFinished(pod))) {
    return { ...rollout, oldSets: scaled };
  }
  const sets = rollout.newSet ? [...scaled, rollout.newSet] : scaled;
  const next = await openRollout(shop, deployment, sets, true, signal);
  if (next.newSet) next.newSet = await scaleSet(shop, deployment, next.newSet, replicasOf(deployment), signal);
  return next;
}
