import type { Job, JobStatus } from "@capstan/api/generated/batch-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { isActive } from "../pod.ts";
import { judgeFailure } from "./failure-policy.ts";
import { indexFailuresAnnotation, indexOf, parseIndexes } from "./indexes.ts";
import type { Tally } from "./outcome.ts";
import { isTracked } from "./tracking.ts";

export function isIndexed({ spec }: Job): boolean {
  return spec.completionMode === "Indexed";
}

/** A terminating pod counts as failed at once, unless only pods that ended are to be replaced. */
export function isFailed({ spec }: Job, pod: Pod): boolean {
  if (pod.status?.phase === "Failed") return true;
  const onlyEnded = spec.podReplacementPolicy === "Failed" || spec.podFailurePolicy !== undefined;
  return !onlyEnded && pod.metadata.deletionTimestamp !== undefined && pod.status?.phase !== "Succeeded";
}

/** Counts a Job's pods on top of what its status has counted for good. */
export function tallyOf(job: Job, status: JobStatus, pods: Pod[]): Tally {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const noted = new Set([...succeeded, ...failed]);
  const fresh = pods.filter((pod) => isTracked(pod) && !noted.has(pod.metadata.uid ?? ""));
  const newlySucceeded = fresh.filter((pod) => pod.status?.phase === "Succeeded");
  const failedPods = pods.filter((pod) => isFailed(job, pod));
  const newlyFailed = fresh.filter((pod) => isFailed(job, pod) && judgeFailure(job, pod).action !== "Ignore");
  const indexes = indexesOf(job, status, pods);
  return {
    pods,
    active: pods.filter(isActive),
    failedPods,
    succeeded: isIndexed(job)
      ? indexes.completedIndexes.size
      : (status.succeeded ?? 0) + succeeded.length + newlySucceeded.length,
    failed: (status.failed ?? 0) + failed.length + newlyFailed.length,
    ...indexes,
  };
}

function indexesOf(job: Job, status: JobStatus, pods: Pod[]) {
  const { completions = 0, backoffLimitPerIndex } = job.spec;
  const completedIndexes = parseIndexes(status.completedIndexes, completions);
  const failedIndexes = parseIndexes(status.failedIndexes, completions);
  if (!isIndexed(job)) return { completedIndexes, failedIndexes };
  for (const pod of pods) {
    const index = indexOf(pod, completions);
    if (index === undefined) continue;
    if (pod.status?.phase === "Succeeded") completedIndexes.add(index);
    if (backoffLimitPerIndex === undefined || pod.status?.phase !== "Failed") continue;
    const { action } = judgeFailure(job, pod);
    const failures = indexFailuresOf(pod) + (action === "Ignore" ? 0 : 1);
    if (action === "FailIndex" || failures > backoffLimitPerIndex) failedIndexes.add(index);
  }
  for (const index of completedIndexes) failedIndexes.delete(index);
  return { completedIndexes, failedIndexes };
}

export function indexFailuresOf(pod: Pod): number {
  return Number(pod.metadata.annotations?.[indexFailuresAnnotation] ?? 0) || 0;
}
