import type { Job, JobCondition, JobStatus } from "@capstan/api/generated/batch-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { judgeFailure } from "./failure-policy.ts";
import { parseIndexes } from "./indexes.ts";

/** What a Job has come to: the condition that ends it. */
export interface Outcome {
  type: "Complete" | "Failed";
  reason: string;
  message: string;
}

/** The Job's pods and numbers at one moment; succeeded and failed include pods not yet counted for good. */
export interface Tally {
  pods: Pod[];
  active: Pod[];
  failedPods: Pod[];
  succeeded: number;
  failed: number;
  completedIndexes: Set<number>;
  failedIndexes: Set<number>;
}

export function conditionOf(status: JobStatus | undefined, type: string): JobCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type && condition.status === "True");
}

export function isEnded(status: JobStatus | undefined): boolean {
  return conditionOf(status, "Complete") !== undefined || conditionOf(status, "Failed") !== undefined;
}

/** The outcome, once there is one; what was decided stays decided. */
export function outcomeOf(job: Job, tally: Tally, now: number): Outcome | undefined {
  return decided(job.status) ?? failureOf(job, tally, now) ?? successOf(job, tally);
}

function decided(status: JobStatus | undefined): Outcome | undefined {
  const failing = conditionOf(status, "FailureTarget");
  const chosen = failing ?? conditionOf(status, "SuccessCriteriaMet");
  if (!chosen) return undefined;
  return { type: failing ? "Failed" : "Complete", reason: chosen.reason ?? "", message: chosen.message ?? "" };
}

function failureOf(job: Job, tally: Tally, now: number): Outcome | undefined {
  const { spec } = job;
  const fail = (reason: string, message: string): Outcome => ({ type: "Failed", reason, message });
  for (const pod of tally.failedPods) {
    const { action, message } = judgeFailure(job, pod);
    if (action === "FailJob") return fail("PodFailurePolicy", message);
  }
  const limit = spec.backoffLimit ?? 6;
  if (tally.failed > limit || restartsOf(job, tally.active) > limit) {
    return fail("BackoffLimitExceeded", "Job has reached the specified backoff limit");
  }
  if (deadlineIn(job, now) === 0) return fail("DeadlineExceeded", "Job was active longer than specified deadline");
  if (spec.maxFailedIndexes !== undefined && tally.failedIndexes.size > spec.maxFailedIndexes) {
    return fail("MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes");
  }
  const completions = spec.completions ?? 0;
  const over = tally.failedIndexes.size + tally.completedIndexes.size >= completions;
  if (spec.backoffLimitPerIndex !== undefined && tally.failedIndexes.size > 0 && over) {
    return fail("FailedIndexes", "Job has failed indexes");
  }
  return undefined;
}

/** With restartPolicy OnFailure the kubelet retries in place: its restarts count. */
function restartsOf({ spec }: Job, active: Pod[]): number {
  if (spec.template.spec?.restartPolicy !== "OnFailure") return 0;
  const statuses = active.flatMap(({ status }) => [
    ...(status?.initContainerStatuses ?? []),
    ...(status?.containerStatuses ?? []),
  ]);
  const restarts = statuses.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0);
  const limit = spec.backoffLimit ?? 6;
  return restarts >= limit && restarts > 0 ? limit + 1 : 0;
}

function successOf(job: Job, tally: Tally): Outcome | undefined {
  const { completions, parallelism = 1 } = job.spec;
  const reached: Outcome = {
    type: "Complete",
    reason: "CompletionsReached",
    message: "Reached expected number of succeeded pods",
  };
  if (meetsSuccessPolicy(job, tally)) {
    const index = successRule(job, tally);
    return { type: "Complete", reason: "SuccessPolicy", message: `Matched rules at index ${index}` };
  }
  if (completions === undefined) {
    return tally.succeeded > 0 && tally.active.length === 0 ? reached : undefined;
  }
  if (completions === 0 && parallelism === 0) return reached;
  return tally.succeeded >= completions ? reached : undefined;
}

function meetsSuccessPolicy(job: Job, tally: Tally): boolean {
  return successRule(job, tally) >= 0;
}

function successRule({ spec }: Job, { completedIndexes }: Tally): number {
  const rules = spec.successPolicy?.rules ?? [];
  return rules.findIndex(({ succeededIndexes, succeededCount }) => {
    const wanted = succeededIndexes === undefined ? undefined : parseIndexes(succeededIndexes, spec.completions ?? 0);
    const met = wanted ? [...wanted].filter((index) => completedIndexes.has(index)).length : completedIndexes.size;
    return met >= (succeededCount ?? wanted?.size ?? Number.POSITIVE_INFINITY);
  });
}

/** Milliseconds until activeDeadlineSeconds is over; undefined without one. */
export function deadlineIn({ spec, status }: Job, now: number): number | undefined {
  if (spec.activeDeadlineSeconds === undefined || !status?.startTime || spec.suspend) return undefined;
  return Math.max(0, Date.parse(status.startTime) + spec.activeDeadlineSeconds * 1000 - now);
}
