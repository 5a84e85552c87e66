import type { Pod } from "@capstan/api/generated/core-v1";
import type { PodDisruptionBudget, PodDisruptionBudgetStatus } from "@capstan/api/generated/policy-v1";
import {
  Deployments,
  PodDisruptionBudgets,
  Pods,
  ReplicaSets,
  ReplicationControllers,
  StatefulSets,
} from "@capstan/api/generated/resources";
import { type KubeObject, type Resource, refOf, selects } from "@capstan/api/meta";
import { type Controller, createController, type Informers } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { resolveShare } from "../deployment/counts.ts";
import { controllerKey } from "../ownership.ts";
import { isFinished, isReady } from "../pod.ts";
import { setCondition, writeStatus } from "../status.ts";

/** How long an evicted pod may take to show that it is going. Source: DeletionTimeout of the disruption controller. */
const deletionTimeout = 120_000;
type Scaled = KubeObject & { spec?: { replicas?: number } };
const scaled: Resource<Scaled>[] = [ReplicaSets, StatefulSets, ReplicationControllers];

export function createDisruptionController(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "disruption-controller");
  const { informers } = context;
  const budgets = informers.informer(PodDisruptionBudgets);
  const pods = informers.informer(Pods);
  const budgetsOf = (pod: Pod) =>
    budgets
      .list(pod.metadata.namespace)
      .filter(({ spec }) => selects(spec.selector, pod.metadata.labels))
      .map(refOf);
  const budgetsIn = (owner: KubeObject) => budgets.list(owner.metadata.namespace).map(refOf);
  return createController({
    name: "disruption-controller",
    informers,
    log: workshop.log,
    sources: [
      { resource: PodDisruptionBudgets },
      { resource: Pods, keys: budgetsOf },
      ...[Deployments, ...scaled].map((resource) => ({ resource, keys: budgetsIn, when: isResized })),
    ],
    async reconcile(ref, signal) {
      const budget = budgets.get(ref);
      if (!budget || budget.metadata.deletionTimestamp) return undefined;
      const selected = pods.list(ref.namespace).filter((pod) => {
        return !isFinished(pod) && selects(budget.spec.selector, pod.metadata.labels);
      });
      const { status, recheck } = statusOf(workshop, budget, selected);
      await writeStatus(workshop, PodDisruptionBudgets, budgets, budget, status, signal);
      return recheck === undefined ? undefined : { requeueAfter: recheck };
    },
  });
}

function isResized({ type, object, old }: { type: string; object: Scaled; old?: Scaled }): boolean {
  return type !== "MODIFIED" || object.spec?.replicas !== old?.spec?.replicas;
}

function statusOf(workshop: Workshop, budget: PodDisruptionBudget, pods: Pod[]) {
  const now = workshop.now();
  const names = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  const evicted = Object.entries(budget.status?.disruptedPods ?? {}).filter(([name, time]) => {
    const pod = names.get(name);
    return pod && !pod.metadata.deletionTimestamp && Date.parse(time) + deletionTimeout > now;
  });
  const going = new Set(evicted.map(([name]) => name));
  const healthy = pods
    .filter(({ metadata }) => !metadata.deletionTimestamp && !going.has(metadata.name))
    .filter(isReady);
  const { expected, desired } = targetOf(workshop.informers, budget, pods);
  const allowed = expected > 0 ? Math.max(0, healthy.length - desired) : 0;
  const condition = {
    type: "DisruptionAllowed",
    status: allowed > 0 ? "True" : "False",
    reason: allowed > 0 ? "SufficientPods" : "InsufficientPods",
    message: "",
    observedGeneration: budget.metadata.generation,
    lastTransitionTime: workshop.timestamp(),
  };
  const status: PodDisruptionBudgetStatus = {
    currentHealthy: healthy.length,
    desiredHealthy: desired,
    expectedPods: expected,
    disruptionsAllowed: allowed,
    observedGeneration: budget.metadata.generation,
    conditions: setCondition(budget.status?.conditions, condition),
    ...(evicted.length > 0 ? { disruptedPods: Object.fromEntries(evicted) } : {}),
  };
  const waits = evicted.map(([, time]) => Date.parse(time) + deletionTimeout - now);
  return { status, recheck: waits.length > 0 ? Math.max(1, Math.min(...waits)) : undefined };
}

/** How many pods there should be, and how many of them have to stay. Source: getExpectedPodCount. */
function targetOf(informers: Informers, { spec }: PodDisruptionBudget, pods: Pod[]) {
  const { minAvailable, maxUnavailable } = spec;
  if (typeof minAvailable === "number") return { expected: pods.length, desired: minAvailable };
  const expected = expectedOf(informers, pods);
  if (maxUnavailable !== undefined) {
    return { expected, desired: Math.max(0, expected - resolveShare(maxUnavailable, expected, Math.ceil)) };
  }
  return { expected, desired: resolveShare(minAvailable ?? 0, expected, Math.ceil) };
}

/** The sizes of the pods' controllers; pods of others count themselves. */
function expectedOf(informers: Informers, pods: Pod[]): number {
  const sizes = new Map<string, number>();
  for (const pod of pods) {
    const { uid, size } = controllerSize(informers, pod) ?? { uid: pod.metadata.uid ?? "", size: 1 };
    sizes.set(uid, size);
  }
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

function controllerSize(informers: Informers, pod: Pod): { uid: string; size: number } | undefined {
  for (const resource of scaled) {
    const key = controllerKey(resource, pod);
    const owner = key && informers.informer(resource).get(key);
    if (!owner) continue;
    const above = controllerKey(Deployments, owner);
    const top = (above && informers.informer(Deployments).get(above)) ?? owner;
    return { uid: top.metadata.uid ?? "", size: top.spec?.replicas ?? 1 };
  }
  return undefined;
}
