import type { ControllerRevision, StatefulSet, StatefulSetStatus } from "@capstan/api/generated/apps-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { ControllerRevisions, Pods, StatefulSets } from "@capstan/api/generated/resources";
import { refOf, selects } from "@capstan/api/meta";
import { type Controller, createController, type Informer } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { type HistoryOptions, pruneHistory, syncHistory } from "../history.ts";
import { claim, controllerKey, controllerOf, indexByController } from "../ownership.ts";
import { isAvailable, isReady, nextAvailable } from "../pod.ts";
import { writeStatus } from "../status.ts";
import { ordinalOf, revisionOf, startOrdinal } from "./identity.ts";
import { advance, type Stage } from "./stage.ts";

interface Shop {
  workshop: Workshop;
  sets: Informer<StatefulSet>;
  pods: Informer<Pod>;
  revisions: Informer<ControllerRevision>;
}

export function createStatefulSetController(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "statefulset-controller");
  const { informers } = context;
  const sets = informers.informer(StatefulSets);
  const pods = indexByController(informers.informer(Pods));
  const revisions = indexByController(informers.informer(ControllerRevisions));
  const shop: Shop = { workshop, sets, pods, revisions };
  const ownersOf = (pod: Pod) => {
    const owner = controllerKey(StatefulSets, pod);
    if (owner || controllerOf(pod)) return owner ? [owner] : [];
    const inNamespace = sets.list(pod.metadata.namespace);
    return inNamespace.filter(({ spec }) => selects(spec.selector, pod.metadata.labels)).map(refOf);
  };
  return createController({
    name: "statefulset-controller",
    informers,
    log: workshop.log,
    sources: [{ resource: StatefulSets }, { resource: Pods, keys: ownersOf }],
    async reconcile(ref, signal) {
      const set = sets.get(ref);
      return set && reconcile(shop, set, signal);
    },
  });
}

async function reconcile({ workshop, sets, pods, revisions }: Shop, set: StatefulSet, signal: AbortSignal) {
  const claimer = { owner: set, ownerResource: StatefulSets, resource: Pods, informer: pods, workshop };
  const own = (await claim(claimer, signal)).filter((pod) => ordinalOf(set, pod) !== undefined);
  const { collisionCount } = set.status ?? {};
  const options: HistoryOptions = { workshop, informer: revisions, resource: StatefulSets, owner: set, collisionCount };
  const { all, newest } = await syncHistory(options, signal);
  const current = all.find(({ metadata }) => metadata.name === set.status?.currentRevision) ?? newest;
  const stage: Stage = { workshop, set, informer: pods, pods: own, current, update: newest, signal };
  if (!set.metadata.deletionTimestamp) await advance(stage);
  const present = pods.byIndex("controller", set.metadata.uid ?? "").filter((pod) => ordinalOf(set, pod) !== undefined);
  const status = statusOf(set, present, current, newest, workshop.now());
  await writeStatus(workshop, StatefulSets, sets, set, status, signal);
  const used = new Set([...present.map(revisionOf), status.currentRevision ?? "", status.updateRevision ?? ""]);
  await pruneHistory(options, used);
  const requeueAfter = nextAvailable(present, set.spec.minReadySeconds ?? 0, workshop.now());
  return requeueAfter === undefined ? undefined : { requeueAfter };
}

function statusOf(
  set: StatefulSet,
  pods: Pod[],
  current: ControllerRevision,
  update: ControllerRevision,
  now: number,
): StatefulSetStatus {
  const { replicas: wanted = 1, minReadySeconds = 0, updateStrategy } = set.spec;
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isReady(pod));
  const staying = pods.filter((pod) => !pod.metadata.deletionTimestamp && inRange(set, pod));
  const of = (revision: ControllerRevision) =>
    staying.filter((pod) => revisionOf(pod) === revision.metadata.name).length;
  const status: StatefulSetStatus = {
    observedGeneration: set.metadata.generation,
    replicas: pods.length,
    readyReplicas: ready.length,
    availableReplicas: ready.filter((pod) => isAvailable(pod, minReadySeconds, now)).length,
    currentReplicas: of(current),
    updatedReplicas: of(update),
    currentRevision: current.metadata.name,
    updateRevision: update.metadata.name,
    collisionCount: set.status?.collisionCount ?? 0,
  };
  const rolled = [status.updatedReplicas, status.readyReplicas, status.replicas].every((count) => count === wanted);
  if (rolled && updateStrategy?.type !== "OnDelete") {
    status.currentRevision = status.updateRevision;
    status.currentReplicas = status.updatedReplicas;
  }
  return status;
}

function inRange(set: StatefulSet, pod: Pod): boolean {
  const ordinal = ordinalOf(set, pod) ?? -1;
  const start = startOrdinal(set);
  return ordinal >= start && ordinal < start + (set.spec.replicas ?? 1);
}
