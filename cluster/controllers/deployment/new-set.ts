import type { Deployment, DeploymentCondition, ReplicaSet } from "@capstan/api/generated/apps-v1";
import { Deployments, ReplicaSets } from "@capstan/api/generated/resources";
import { isReason, type New, refOf } from "@capstan/api/meta";
import { hashOf } from "../hash.ts";
import { controllerOf, controllerReference } from "../ownership.ts";
import { saySame } from "../same.ts";
import { setCondition } from "../status.ts";
import { newSetReplicas } from "./counts.ts";
import { findNewSet, hashLabel, newSetAnnotations, revisionAnnotation, revisionOf } from "./revision.ts";
import type { Shop } from "./shop.ts";

/** A Deployment with its sets, as one reconcile sees them. */
export interface Rollout {
  deployment: Deployment;
  newSet: ReplicaSet | undefined;
  oldSets: ReplicaSet[];
}

/**
 * Finds the set of the present template (and numbers it as the newest revision) or, when `create`, makes it.
 */
export async function openRollout(
  shop: Shop,
  deployment: Deployment,
  sets: ReplicaSet[],
  create: boolean,
  signal: AbortSignal,
): Promise<Rollout> {
  const found = findNewSet(deployment, sets);
  const oldSets = sets.filter((set) => set !== found);
  const revision = Math.max(0, ...oldSets.map(revisionOf)) + 1;
  if (found) return adoptRevision(shop, deployment, found, oldSets, revision, signal);
  if (!create) return { deployment, newSet: undefined, oldSets };
  const newSet = await createSet(shop, deployment, oldSets, revision, signal);
  const condition = progressing(shop, "NewReplicaSetCreated", `Created new replica set "${newSet.metadata.name}"`);
  return { deployment: await note(shop, deployment, revisionOf(newSet), condition, signal), newSet, oldSets };
}

async function adoptRevision(
  shop: Shop,
  deployment: Deployment,
  found: ReplicaSet,
  oldSets: ReplicaSet[],
  revision: number,
  signal: AbortSignal,
): Promise<Rollout> {
  const annotations = newSetAnnotations(deployment, found, revision);
  const { minReadySeconds } = deployment.spec;
  let newSet = found;
  const same = saySame(annotations, found.metadata.annotations);
  if (!same || (found.spec.minReadySeconds ?? 0) !== (minReadySeconds ?? 0)) {
    newSet = await shop.workshop.client.update(ReplicaSets, {
      ...found,
      metadata: { ...found.metadata, annotations },
      spec: { ...found.spec, minReadySeconds },
    });
    await shop.sets.until(newSet.metadata.resourceVersion, signal);
  }
  const known = deployment.status?.conditions?.some(({ type }) => type === "Progressing");
  const message = `Found new replica set "${newSet.metadata.name}"`;
  const condition = known ? undefined : progressing(shop, "FoundNewReplicaSet", message);
  return { deployment: await note(shop, deployment, revisionOf(newSet), condition, signal), newSet, oldSets };
}

async function createSet(
  shop: Shop,
  deployment: Deployment,
  oldSets: ReplicaSet[],
  revision: number,
  signal: AbortSignal,
): Promise<ReplicaSet> {
  const { client, recorder } = shop.workshop;
  const wanted = newSetOf(deployment, oldSets, revision);
  try {
    const made = await client.create(ReplicaSets, wanted);
    const replicas = made.spec.replicas ?? 0;
    if (replicas > 0) {
      const message = `Scaled up replica set ${made.metadata.name} from 0 to ${replicas}`;
      recorder.normal(deployment, "ScalingReplicaSet", message);
    }
    await shop.sets.until(made.metadata.resourceVersion, signal);
    return made;
  } catch (error) {
    if (isReason(error, "AlreadyExists")) return settleCollision(shop, deployment, wanted.metadata.name ?? "", error);
    const message = `Failed to create new replica set "${wanted.metadata.name}": ${(error as Error).message}`;
    recorder.warning(deployment, "ReplicaSetCreateError", message);
    throw error;
  }
}

function newSetOf(deployment: Deployment, oldSets: ReplicaSet[], revision: number) {
  const { template, selector, minReadySeconds } = deployment.spec;
  const hash = hashOf(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  const set: New<ReplicaSet> = {
    metadata: {
      namespace: deployment.metadata.namespace,
      name: `${deployment.metadata.name}-${hash}`,
      labels,
      annotations: newSetAnnotations(deployment, undefined, revision),
      ownerReferences: [controllerReference(Deployments, deployment)],
    },
    spec: {
      replicas: newSetReplicas(deployment, oldSets, 0),
      ...(minReadySeconds ? { minReadySeconds } : {}),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [hashLabel]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
  return set;
}

/** The name is taken: by our own set that the copy has not seen yet, or by another's, which the next hash avoids. */
async function settleCollision({ workshop }: Shop, deployment: Deployment, name: string, error: unknown) {
  const there = await workshop.client.get(ReplicaSets, { ...refOf(deployment), name });
  const ours = controllerOf(there)?.uid === deployment.metadata.uid;
  if (ours && findNewSet(deployment, [there])) return there;
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  await workshop.client.updateStatus(Deployments, { ...deployment, status: { ...deployment.status, collisionCount } });
  throw error;
}

function progressing({ workshop }: Shop, reason: string, message: string): DeploymentCondition {
  const time = workshop.timestamp();
  return { type: "Progressing", status: "True", reason, message, lastUpdateTime: time, lastTransitionTime: time };
}

/** Writes the revision on the Deployment, and the condition into its status. */
async function note(
  { workshop, deployments }: Shop,
  deployment: Deployment,
  revision: number,
  condition: DeploymentCondition | undefined,
  signal: AbortSignal,
): Promise<Deployment> {
  let latest = deployment;
  if (condition && deployment.spec.progressDeadlineSeconds !== undefined) {
    const conditions = setCondition(deployment.status?.conditions, condition, true);
    latest = await workshop.client.updateStatus(Deployments, { ...latest, status: { ...latest.status, conditions } });
  }
  if (revisionOf(latest) !== revision) {
    const annotations = { ...latest.metadata.annotations, [revisionAnnotation]: String(revision) };
    latest = await workshop.client.update(Deployments, { ...latest, metadata: { ...latest.metadata, annotations } });
  }
  if (latest !== deployment) await deployments.until(latest.metadata.resourceVersion, signal);
  return latest;
}
