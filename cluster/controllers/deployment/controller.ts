import type { Deployment, ReplicaSet } from "@capstan/api/generated/apps-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Deployments, Pods, ReplicaSets } from "@capstan/api/generated/resources";
import { isReason, type KubeObject, refOf, selects } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { claim, controllerKey, controllerOf, indexByController } from "../ownership.ts";
import { setCondition, writeStatus } from "../status.ts";
import { replicasOf } from "./counts.ts";
import { openRollout, type Rollout } from "./new-set.ts";
import { recreate } from "./recreate.ts";
import { isResized, resize } from "./resize.ts";
import { revisionOf } from "./revision.ts";
import { roll } from "./rolling.ts";
import type { Shop } from "./shop.ts";
import { deadlineIn, hasDeadline, isComplete, judge, measure, pausedCondition } from "./status.ts";

export function createDeploymentController(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "deployment-controller");
  const { informers } = context;
  const deployments = informers.informer(Deployments);
  const sets = indexByController(informers.informer(ReplicaSets));
  const pods = indexByController(informers.informer(Pods));
  const shop: Shop = { workshop, deployments, sets, pods };
  const ownersOf = (set: KubeObject) => {
    const owner = controllerKey(Deployments, set);
    if (owner || controllerOf(set)) return owner ? [owner] : [];
    const inNamespace = deployments.list(set.metadata.namespace);
    return inNamespace.filter(({ spec }) => selects(spec.selector, set.metadata.labels)).map(refOf);
  };
  const ownersOfPod = (pod: Pod) => {
    const key = controllerKey(ReplicaSets, pod);
    const set = key && sets.get(key);
    return set ? ownersOf(set) : [];
  };
  return createController({
    name: "deployment-controller",
    informers,
    log: workshop.log,
    sources: [
      { resource: Deployments },
      { resource: ReplicaSets, keys: ownersOf },
      // Recreate waits for the last old pod to go.
      { resource: Pods, keys: ownersOfPod, when: ({ type }) => type === "DELETED" },
    ],
    reconcile: async (ref, signal) => {
      const deployment = deployments.get(ref);
      return deployment && reconcile(shop, deployment, signal);
    },
  });
}

async function reconcile(shop: Shop, found: Deployment, signal: AbortSignal) {
  const { workshop } = shop;
  const deployment = await checkPaused(shop, found, signal);
  const claimer = {
    owner: deployment,
    ownerResource: Deployments,
    resource: ReplicaSets,
    informer: shop.sets,
    workshop,
  };
  const sets = await claim(claimer, signal);
  const { paused, strategy } = deployment.spec;
  if (deployment.metadata.deletionTimestamp) {
    return finish(shop, await openRollout(shop, deployment, sets, false, signal), false, signal);
  }
  if (paused || isResized(deployment, sets)) {
    const rollout = await openRollout(shop, deployment, sets, false, signal);
    await resize(shop, rollout, signal);
    if (paused) await prune(shop, rollout);
    return finish(shop, rollout, false, signal);
  }
  const recreates = strategy?.type === "Recreate";
  let rollout = await openRollout(shop, deployment, sets, !recreates, signal);
  if (recreates) rollout = await recreate(shop, rollout, signal);
  else await roll(shop, rollout, signal);
  return finish(shop, rollout, true, signal);
}

async function checkPaused({ workshop, deployments }: Shop, deployment: Deployment, signal: AbortSignal) {
  const condition = pausedCondition(deployment, workshop.timestamp());
  if (!condition || deployment.metadata.deletionTimestamp) return deployment;
  const conditions = setCondition(deployment.status?.conditions, condition, true);
  return writeStatus(workshop, Deployments, deployments, deployment, { ...deployment.status, conditions }, signal);
}

/** Writes the status, removes old revisions once the rollout is complete, and asks to be called at its deadline. */
async function finish(shop: Shop, rollout: Rollout, progress: boolean, signal: AbortSignal) {
  const { workshop, deployments } = shop;
  const { deployment } = rollout;
  const status = measure(rollout, workshop.timestamp());
  if (progress) judge(rollout, status, workshop.now(), workshop.timestamp());
  if (isComplete(deployment, status) && progress) await prune(shop, rollout);
  await writeStatus(workshop, Deployments, deployments, deployment, status, signal);
  const condition = status.conditions?.find(({ type }) => type === "Progressing");
  const wait = hasDeadline(deployment) ? deadlineIn(deployment, condition, workshop.now()) : undefined;
  return wait ? { requeueAfter: wait + 1000 } : undefined;
}

/** Deletes sets beyond revisionHistoryLimit, the lowest revisions first; only those that are down. */
async function prune({ workshop }: Shop, { deployment, oldSets }: Rollout): Promise<void> {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined) return;
  const kept = oldSets.filter(({ metadata }) => !metadata.deletionTimestamp);
  const surplus = kept.sort((a, b) => revisionOf(a) - revisionOf(b)).slice(0, Math.max(0, kept.length - limit));
  await Promise.all(surplus.filter(isDown).map((set) => remove(workshop.client, set)));
}

function isDown(set: ReplicaSet): boolean {
  const { replicas = 0, observedGeneration } = set.status ?? {};
  return replicas === 0 && replicasOf(set) === 0 && observedGeneration === set.metadata.generation;
}

async function remove(client: Shop["workshop"]["client"], set: ReplicaSet): Promise<void> {
  try {
    await client.delete(ReplicaSets, refOf(set));
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
  }
}
