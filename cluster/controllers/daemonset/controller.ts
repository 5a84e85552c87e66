import type { ControllerRevision, DaemonSet, DaemonSetStatus } from "@capstan/api/generated/apps-v1";
import type { Node, Pod } from "@capstan/api/generated/core-v1";
import { ControllerRevisions, DaemonSets, Nodes, Pods } from "@capstan/api/generated/resources";
import { refOf, selects } from "@capstan/api/meta";
import { type Controller, createController, type Informer } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { resolveShare } from "../deployment/counts.ts";
import { type HistoryOptions, hashOfRevision, pruneHistory, syncHistory } from "../history.ts";
import { claim, controllerKey, controllerOf, indexByController } from "../ownership.ts";
import { createPods, deletePods, isActive, isAvailable, isFinished, isReady, nextAvailable } from "../pod.ts";
import { writeStatus } from "../status.ts";
import { hashLabel, nodeOf, podForNode, shouldRun } from "./placement.ts";

interface Shop {
  workshop: Workshop;
  sets: Informer<DaemonSet>;
  pods: Informer<Pod>;
  nodes: Informer<Node>;
  revisions: Informer<ControllerRevision>;
}

export function createDaemonSetController(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "daemonset-controller");
  const { informers } = context;
  const sets = informers.informer(DaemonSets);
  const pods = indexByController(informers.informer(Pods));
  const nodes = informers.informer(Nodes);
  const revisions = indexByController(informers.informer(ControllerRevisions));
  const shop: Shop = { workshop, sets, pods, nodes, revisions };
  const ownersOf = (pod: Pod) => {
    const owner = controllerKey(DaemonSets, pod);
    if (owner || controllerOf(pod)) return owner ? [owner] : [];
    const inNamespace = sets.list(pod.metadata.namespace);
    return inNamespace.filter(({ spec }) => selects(spec.selector, pod.metadata.labels)).map(refOf);
  };
  const face = (node: Node) => JSON.stringify([node.metadata.labels, node.spec?.taints, node.spec?.unschedulable]);
  return createController({
    name: "daemonset-controller",
    informers,
    log: workshop.log,
    sources: [
      { resource: DaemonSets },
      { resource: Pods, keys: ownersOf },
      {
        resource: Nodes,
        when: ({ type, object, old }) => type !== "MODIFIED" || !old || face(object) !== face(old),
        keys: () => sets.list().map(refOf),
      },
    ],
    async reconcile(ref, signal) {
      const set = sets.get(ref);
      return set && reconcile(shop, set, signal);
    },
  });
}

/** Nodes with the pods of the set that are there. */
interface Place {
  node: Node;
  pods: Pod[];
  run: boolean;
  stay: boolean;
}

async function reconcile(shop: Shop, set: DaemonSet, signal: AbortSignal) {
  const { workshop, sets, pods, revisions } = shop;
  const claimer = { owner: set, ownerResource: DaemonSets, resource: Pods, informer: pods, workshop };
  await claim(claimer, signal);
  const { collisionCount } = set.status ?? {};
  const options: HistoryOptions = { workshop, informer: revisions, resource: DaemonSets, owner: set, collisionCount };
  const { all, newest } = await syncHistory(options, signal);
  if (!set.metadata.deletionTimestamp) {
    await place(shop, set, newest, signal);
    if (set.spec.updateStrategy?.type !== "OnDelete") await roll(shop, set, newest, signal);
  }
  const present = pods.byIndex("controller", set.metadata.uid ?? "");
  const status = statusOf(shop, set, newest);
  await writeStatus(workshop, DaemonSets, sets, set, status, signal);
  const hashes = new Set(present.map(({ metadata }) => metadata.labels?.[hashLabel]));
  const used = all.filter((each) => each === newest || hashes.has(hashOfRevision(each)));
  await pruneHistory(options, new Set([newest, ...used].map(({ metadata }) => metadata.name)));
  const requeueAfter = nextAvailable(present, set.spec.minReadySeconds ?? 0, workshop.now());
  return requeueAfter === undefined ? undefined : { requeueAfter };
}

function placesOf({ nodes, pods }: Shop, set: DaemonSet): Place[] {
  const own = pods.byIndex("controller", set.metadata.uid ?? "");
  return nodes.list().map((node) => {
    return { node, pods: own.filter((pod) => nodeOf(pod) === node.metadata.name), ...shouldRun(set, node) };
  });
}

/** One pod on each node that is to have one, none elsewhere; ended ones are replaced. */
async function place(shop: Shop, set: DaemonSet, revision: ControllerRevision, signal: AbortSignal): Promise<void> {
  const { workshop, pods: informer } = shop;
  const places = placesOf(shop, set);
  const surplus = places.flatMap(({ pods, run, stay }) => {
    const ended = pods.filter((pod) => isFinished(pod) && !pod.metadata.deletionTimestamp);
    const active = pods.filter(isActive).sort(oldestFirst);
    if (!stay) return [...ended, ...active];
    // A surge keeps the old pod until the new one is available: roll() removes it.
    const updated = (pod: Pod) => pod.metadata.labels?.[hashLabel] === hashOfRevision(revision);
    const doubled = run ? [...active.filter(updated).slice(1), ...active.filter((pod) => !updated(pod)).slice(1)] : [];
    return [...ended, ...doubled];
  });
  for (const pod of surplus.filter((each) => each.status?.phase === "Failed")) {
    const message = `Found failed daemon pod ${pod.metadata.namespace}/${pod.metadata.name} on node ${nodeOf(pod)}, will try to kill it`;
    workshop.recorder.warning(set, "FailedDaemonPod", message);
  }
  await deletePods(surplus, set, { workshop, informer, signal });
  const empty = places.filter(({ pods, run }) => run && pods.every(isFinished));
  const wanted = empty.map(({ node }) => podForNode(set, node.metadata.name, revision));
  const { error } = await createPods(wanted, set, { workshop, informer, signal });
  if (error !== undefined) throw error;
}

function oldestFirst(a: Pod, b: Pod): number {
  return Date.parse(a.metadata.creationTimestamp ?? "") - Date.parse(b.metadata.creationTimestamp ?? "");
}

/** Replaces pods of older templates as far as maxUnavailable and maxSurge allow. */
async function roll(shop: Shop, set: DaemonSet, revision: ControllerRevision, signal: AbortSignal): Promise<void> {
  const { workshop, pods: informer } = shop;
  const { minReadySeconds = 0, updateStrategy } = set.spec;
  const places = placesOf(shop, set).filter(({ run }) => run);
  const { maxUnavailable = 1, maxSurge = 0 } = updateStrategy?.rollingUpdate ?? {};
  const surge = resolveShare(maxSurge, places.length, Math.ceil);
  const unavailable = Math.max(surge > 0 ? 0 : 1, resolveShare(maxUnavailable, places.length, Math.ceil));
  const updated = (pod: Pod) => pod.metadata.labels?.[hashLabel] === hashOfRevision(revision);
  const isUp = (pod: Pod) => isActive(pod) && isAvailable(pod, minReadySeconds, workshop.now());
  const stale: Pod[] = [];
  const replaced: Pod[] = [];
  let down = 0;
  for (const { pods } of places) {
    const old = pods.filter((pod) => isActive(pod) && !updated(pod));
    const fresh = pods.filter((pod) => isActive(pod) && updated(pod));
    if (!pods.some(isUp)) down++;
    if (old.length > 0 && fresh.some(isUp)) replaced.push(...old);
    else if (fresh.length === 0) stale.push(...old);
  }
  if (surge > 0) {
    await deletePods(replaced, set, { workshop, informer, signal });
    const surging = places.filter(({ pods }) => pods.filter(isActive).length > 1).length;
    const next = stale.slice(0, Math.max(0, surge - surging));
    const wanted = next.map((pod) => podForNode(set, nodeOf(pod), revision));
    await createPods(wanted, set, { workshop, informer, signal });
    return;
  }
  const broken = stale.filter((pod) => !isUp(pod));
  const working = stale.filter(isUp).slice(0, Math.max(0, unavailable - down));
  await deletePods([...broken, ...working], set, { workshop, informer, signal });
}

function statusOf(shop: Shop, set: DaemonSet, revision: ControllerRevision): DaemonSetStatus {
  const { minReadySeconds = 0 } = set.spec;
  const now = shop.workshop.now();
  const places = placesOf(shop, set);
  const count = (test: (place: Place) => boolean) => places.filter(test).length;
  const some = (test: (pod: Pod) => boolean) => (place: Place) => place.run && place.pods.filter(isActive).some(test);
  const desired = count(({ run }) => run);
  const available = count(some((pod) => isAvailable(pod, minReadySeconds, now)));
  return {
    observedGeneration: set.metadata.generation,
    desiredNumberScheduled: desired,
    currentNumberScheduled: count(some(() => true)),
    numberMisscheduled: count(({ run, pods }) => !run && pods.some(isActive)),
    numberReady: count(some(isReady)),
    updatedNumberScheduled: count(some((pod) => pod.metadata.labels?.[hashLabel] === hashOfRevision(revision))),
    ...(available > 0 ? { numberAvailable: available } : {}),
    ...(desired - available > 0 ? { numberUnavailable: desired - available } : {}),
    ...(set.status?.collisionCount ? { collisionCount: set.status.collisionCount } : {}),
  };
}
