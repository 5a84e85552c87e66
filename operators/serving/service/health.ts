// How a predictor is doing, from its Deployment and its pods.
import type { Deployment } from "@capstan/api/generated/apps-v1";
import type { ContainerStatus, Pod } from "@capstan/api/generated/core-v1";
import type { FailureInfo, ModelStatus } from "@capstan/api/kinds/serving";
import { revisionLabel } from "./predictor.ts";

export interface Health {
  /** At least one pod answers, of whatever revision. */
  available: boolean;
  /** All pods are of the wanted revision and answer. */
  current: boolean;
  message: string;
  model: ModelStatus;
}

/** Reasons for which a container waits that do not go away by themselves. Source: the kubelet. */
const stuck =
  /^(ErrImagePull|ImagePullBackOff|ErrImageNeverPull|InvalidImageName|CreateContainerConfigError|CreateContainerError|RunContainerError)$/;

/** @param pods of the predictor, of all revisions. */
export function healthOf(deployment: Deployment | undefined, pods: Pod[], revision: string): Health {
  const status = deployment?.status;
  const wanted = deployment?.spec.replicas ?? 1;
  const seen = (status?.observedGeneration ?? 0) >= (deployment?.metadata.generation ?? 1);
  const available = (status?.availableReplicas ?? 0) > 0;
  const updated = deployment?.spec.template.metadata?.labels?.[revisionLabel] === revision;
  const full = (status?.updatedReplicas ?? 0) >= wanted && (status?.availableReplicas ?? 0) >= wanted;
  const current = seen && updated && full && (status?.replicas ?? 0) === wanted;
  const fresh = pods.filter(
    (pod) => pod.metadata.labels?.[revisionLabel] === revision && !pod.metadata.deletionTimestamp,
  );
  const failures = fresh.flatMap((pod) => failureOf(pod, revision) ?? []);
  const failure = current ? undefined : failures.at(-1);
  const progress = deployment?.status?.conditions?.find(
    ({ type, status: is }) => type === "ReplicaFailure" && is === "True",
  );
  return {
    available,
    current,
    message: failure?.message ?? progress?.message ?? messageOf(available, fresh),
    model: {
      transitionStatus: current ? "UpToDate" : failure ? "BlockedByFailedLoad" : "InProgress",
      states: {
        activeModelState: available ? "Loaded" : failure ? "FailedToLoad" : fresh.length > 0 ? "Loading" : "Pending",
        targetModelState: current ? "Loaded" : failure ? "FailedToLoad" : fresh.length > 0 ? "Loading" : "Pending",
      },
      copies: { failedCopies: failures.length, totalCopies: fresh.length },
      ...(failure ? { lastFailureInfo: failure } : {}),
    },
  };
}

function messageOf(available: boolean, fresh: Pod[]): string {
  if (available) return "";
  const unscheduled = fresh
    .flatMap(({ status }) => status?.conditions ?? [])
    .find(({ type, status }) => type === "PodScheduled" && status === "False");
  return unscheduled?.message ?? (fresh.length > 0 ? "the model server is starting" : "waiting for a pod");
}

/** What went wrong in a pod: a container that ended with an error, or that cannot start. */
function failureOf(pod: Pod, revision: string): FailureInfo | undefined {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  for (const container of statuses) {
    if (container.ready && container.state?.running) continue;
    const info = containerFailure(container);
    if (info) return { location: pod.metadata.name, modelRevisionName: revision, ...info };
  }
  return undefined;
}

function containerFailure({ state, lastState }: ContainerStatus): FailureInfo | undefined {
  const ended = state?.terminated ?? lastState?.terminated;
  if (ended && ended.exitCode !== 0) {
    const message =
      ended.message?.trim() || `the model server ended: ${ended.reason ?? "Error"}, exit code ${ended.exitCode}`;
    const reason = ended.reason === "OOMKilled" ? "RuntimeUnhealthy" : "ModelLoadFailed";
    return { reason, message, exitCode: ended.exitCode, ...(ended.finishedAt ? { time: ended.finishedAt } : {}) };
  }
  const { reason = "", message } = state?.waiting ?? {};
  return stuck.test(reason) ? { reason: "RuntimeUnhealthy", message: `${reason}: ${message ?? ""}` } : undefined;
}
