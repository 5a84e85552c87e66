import type { ReplicaSet, ReplicaSetStatus } from "@capstan/api/generated/apps-v1";
import type { Pod, ReplicationController } from "@capstan/api/generated/core-v1";
import { Pods, ReplicaSets, ReplicationControllers } from "@capstan/api/generated/resources";
import { type KubeObject, type Resource, refOf, selects } from "@capstan/api/meta";
import { type Controller, createController, type Informer } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { byController, claim, controllerKey, controllerOf, indexByController } from "../ownership.ts";
import { createPods, deletePods, isActive, isAvailable, isReady, nextAvailable, podOf } from "../pod.ts";
import { dropCondition, setCondition, writeStatus } from "../status.ts";
import { deletionOrder } from "./rank.ts";

/** Most pods created or deleted at once. Source: BurstReplicas in pkg/controller/replicaset. */
const burst = 500;

/** A kind that keeps as many pods as it says. */
interface Sort<T extends Keeper> {
  name: string;
  resource: Resource<T>;
  /** The object as the newer of the two kinds says it. */
  asSet(object: T): ReplicaSet;
}
type Keeper = KubeObject & { status?: ReplicaSetStatus };

interface Shop<T extends Keeper = Keeper> extends Sort<T> {
  workshop: Workshop;
  sets: Informer<T>;
  pods: Informer<Pod>;
}

export function createReplicaSetController(context: ControllerContext): Controller {
  return createKeeper(context, { name: "replicaset-controller", resource: ReplicaSets, asSet: (set) => set });
}

export function createReplicationController(context: ControllerContext): Controller {
  const asSet = (object: ReplicationController): ReplicaSet => {
    const { selector, template, ...spec } = object.spec;
    return { ...object, spec: { ...spec, template: template ?? {}, selector: { matchLabels: selector ?? {} } } };
  };
  return createKeeper(context, { name: "replication-controller", resource: ReplicationControllers, asSet });
}

function createKeeper<T extends Keeper>(context: ControllerContext, sort: Sort<T>): Controller {
  const { name, resource, asSet } = sort;
  const workshop = openWorkshop(context, name);
  const sets = indexByController(context.informers.informer(resource));
  const pods = indexByController(context.informers.informer(Pods));
  const shop: Shop<T> = { ...sort, workshop, sets, pods };
  const ownersOf = (pod: Pod) => {
    const owner = controllerKey(resource, pod);
    if (owner || controllerOf(pod)) return owner ? [owner] : [];
    return sets
      .list(pod.metadata.namespace)
      .filter((set) => selects(asSet(set).spec.selector, pod.metadata.labels))
      .map(refOf);
  };
  return createController({
    name,
    informers: context.informers,
    log: workshop.log,
    workers: 8,
    sources: [{ resource }, { resource: Pods, keys: ownersOf }],
    reconcile: async (ref, signal) => {
      const set = sets.get(ref);
      return set && reconcile(shop, set, signal);
    },
  });
}

async function reconcile<T extends Keeper>(shop: Shop<T>, object: T, signal: AbortSignal) {
  const { workshop, pods: informer, sets, resource, asSet } = shop;
  const set = asSet(object);
  const claimer = { owner: set, ownerResource: resource, resource: Pods, informer, workshop };
  const active = (await claim(claimer, signal)).filter(isActive);
  const failure = set.metadata.deletionTimestamp ? undefined : await manage(shop, set, active, signal);
  const present = informer.byIndex(byController, set.metadata.uid ?? "").filter(isActive);
  const status = statusOf(set, present, failure, workshop);
  await writeStatus(workshop, resource, sets, sets.get(refOf(object)) ?? object, status, signal);
  if (failure) throw failure.error;
  const requeueAfter = nextAvailable(present, set.spec.minReadySeconds ?? 0, workshop.now());
  return { requeueAfter, rest: present.length <= 100 ? 0 : Math.min(1000, present.length / 10) };
}

interface Failure {
  reason: "FailedCreate" | "FailedDelete";
  error: unknown;
}

/** Creates or deletes what is missing or too much. */
async function manage<T extends Keeper>(
  shop: Shop<T>,
  set: ReplicaSet,
  active: Pod[],
  signal: AbortSignal,
): Promise<Failure | undefined> {
  const { workshop, pods: informer, resource } = shop;
  const surplus = active.length - (set.spec.replicas ?? 1);
  if (surplus < 0) {
    const missing = Math.min(-surplus, burst);
    const wanted = Array.from({ length: missing }, () => podOf(set.spec.template, resource, set));
    const { error } = await createPods(wanted, set, { workshop, informer, signal });
    return error === undefined ? undefined : { reason: "FailedCreate", error };
  }
  if (surplus === 0) return undefined;
  const order = deletionOrder(active, relatives(shop, set, active), workshop.now());
  try {
    await deletePods(order.slice(0, Math.min(surplus, burst)), set, { workshop, informer, signal });
    return undefined;
  } catch (error) {
    return { reason: "FailedDelete", error };
  }
}

/** The pods of all sets with the same controller: of one Deployment's old and new set. */
function relatives<T extends Keeper>({ sets, pods }: Shop<T>, set: ReplicaSet, own: Pod[]): Pod[] {
  const owner = controllerOf(set);
  if (!owner) return own;
  const siblings = sets.byIndex(byController, owner.uid);
  return siblings.flatMap((sibling) => pods.byIndex(byController, sibling.metadata.uid ?? "")).filter(isActive);
}

function statusOf(set: ReplicaSet, pods: Pod[], failure: Failure | undefined, workshop: Workshop): ReplicaSetStatus {
  const { minReadySeconds = 0, template } = set.spec;
  const wanted = Object.entries(template?.metadata?.labels ?? {});
  const condition = failure && {
    type: "ReplicaFailure",
    status: "True",
    reason: failure.reason,
    message: (failure.error as Error).message,
    lastTransitionTime: workshop.timestamp(),
  };
  const conditions = condition
    ? setCondition(set.status?.conditions, condition)
    : dropCondition(set.status?.conditions, "ReplicaFailure");
  return {
    replicas: pods.length,
    fullyLabeledReplicas: pods.filter(({ metadata }) => wanted.every(([k, v]) => metadata.labels?.[k] === v)).length,
    readyReplicas: pods.filter(isReady).length,
    availableReplicas: pods.filter((pod) => isAvailable(pod, minReadySeconds, workshop.now())).length,
    observedGeneration: set.metadata.generation,
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}
