import type { Deployment, DeploymentCondition, DeploymentStatus, ReplicaSet } from "@capstan/api/generated/apps-v1";
import { dropCondition, setCondition } from "../status.ts";
import { limitsOf, replicasOf, sum } from "./counts.ts";
import type { Rollout } from "./new-set.ts";

/** The largest deadline means none. Source: HasProgressDeadline. */
const noDeadline = 2 ** 31 - 1;

/** The numbers, and the condition Available. */
export function measure({ deployment, newSet, oldSets }: Rollout, time: string): DeploymentStatus {
  const sets = newSet ? [...oldSets, newSet] : oldSets;
  const available = sum(sets, (set) => set.status?.availableReplicas);
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation,
    replicas: sum(sets, (set) => set.status?.replicas),
    updatedReplicas: newSet?.status?.replicas ?? 0,
    readyReplicas: sum(sets, (set) => set.status?.readyReplicas),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, sum(sets, replicasOf) - available),
  };
  const { collisionCount, conditions } = deployment.status ?? {};
  if (collisionCount) status.collisionCount = collisionCount;
  const enough = available >= replicasOf(deployment) - limitsOf(deployment).maxUnavailable;
  status.conditions = setCondition(conditions, {
    type: "Available",
    status: enough ? "True" : "False",
    reason: enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
    message: `Deployment ${enough ? "has" : "does not have"} minimum availability.`,
    lastUpdateTime: time,
    lastTransitionTime: time,
  });
  return status;
}

/** Adds what the rollout's progress says: conditions Progressing and ReplicaFailure. */
export function judge(rollout: Rollout, status: DeploymentStatus, now: number, time: string): void {
  const { deployment, newSet, oldSets } = rollout;
  if (!hasDeadline(deployment)) status.conditions = dropCondition(status.conditions, "Progressing");
  const current = find(status.conditions);
  const finished = status.replicas === status.updatedReplicas && current?.reason === "NewReplicaSetAvailable";
  if (hasDeadline(deployment) && !finished) {
    const name = newSet ? `ReplicaSet "${newSet.metadata.name}"` : `Deployment "${deployment.metadata.name}"`;
    const set = (truth: string, reason: string, message: string, always = false) => {
      const times = { lastUpdateTime: time, lastTransitionTime: time };
      const condition = { type: "Progressing", status: truth, reason, message, ...times };
      status.conditions = setCondition(status.conditions, condition, always);
    };
    if (isComplete(deployment, status)) set("True", "NewReplicaSetAvailable", `${name} has successfully progressed.`);
    else if (hasMoved(deployment, status)) set("True", "ReplicaSetUpdated", `${name} is progressing.`, true);
    else if (deadlineIn(deployment, current, now) === 0) {
      set("False", "ProgressDeadlineExceeded", `${name} has timed out progressing.`);
    }
  }
  const failure = failureOf(newSet, oldSets);
  const rest = dropCondition(status.conditions, "ReplicaFailure");
  status.conditions = failure ? [...rest, failure] : rest;
}

function find(conditions: DeploymentCondition[] | undefined): DeploymentCondition | undefined {
  return conditions?.find(({ type }) => type === "Progressing");
}

export function hasDeadline({ spec }: Deployment): boolean {
  return spec.progressDeadlineSeconds !== undefined && spec.progressDeadlineSeconds !== noDeadline;
}

export function isComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = replicasOf(deployment);
  const { updatedReplicas, replicas, availableReplicas } = status;
  return updatedReplicas === wanted && replicas === wanted && availableReplicas === wanted;
}

function hasMoved({ status: old = {} }: Deployment, status: DeploymentStatus): boolean {
  const more = (field: "updatedReplicas" | "readyReplicas" | "availableReplicas") =>
    (status[field] ?? 0) > (old[field] ?? 0);
  const outdated = (of: DeploymentStatus) => (of.replicas ?? 0) - (of.updatedReplicas ?? 0);
  return (
    more("updatedReplicas") || more("readyReplicas") || more("availableReplicas") || outdated(status) < outdated(old)
  );
}

/** Milliseconds until the rollout counts as stuck; 0 when it does, undefined when it cannot. */
export function deadlineIn(
  { spec }: Deployment,
  condition: DeploymentCondition | undefined,
  now: number,
): number | undefined {
  if (!condition || condition.reason === "NewReplicaSetAvailable" || spec.paused) return undefined;
  if (condition.reason === "ProgressDeadlineExceeded") return 0;
  const since = Date.parse(condition.lastUpdateTime ?? "");
  return Math.max(0, since + (spec.progressDeadlineSeconds ?? 600) * 1000 - now);
}

function failureOf(newSet: ReplicaSet | undefined, oldSets: ReplicaSet[]): DeploymentCondition | undefined {
  for (const set of newSet ? [newSet, ...oldSets] : oldSets) {
    const failure = set.status?.conditions?.find(({ type, status }) => type === "ReplicaFailure" && status === "True");
    if (failure) return { ...failure, lastUpdateTime: failure.lastTransitionTime };
  }
  return undefined;
}

/** Pausing stops the clock of the progress deadline; resuming starts it anew. */
export function pausedCondition(deployment: Deployment, time: string): DeploymentCondition | undefined {
  if (!hasDeadline(deployment)) return undefined;
  const current = find(deployment.status?.conditions);
  if (current?.reason === "ProgressDeadlineExceeded") return undefined;
  const isPaused = current?.reason === "DeploymentPaused";
  const { paused = false } = deployment.spec;
  if (paused === isPaused) return undefined;
  const times = { lastUpdateTime: time, lastTransitionTime: time };
  const what = paused ? "paused" : "resumed";
  const reason = paused ? "DeploymentPaused" : "DeploymentResumed";
  return { type: "Progressing", status: "Unknown", reason, message: `Deployment is ${what}`, ...times };
}
