import type { Job } from "@capstan/api/generated/batch-v1";
import type { EnvVar, Pod } from "@capstan/api/generated/core-v1";
import { Jobs } from "@capstan/api/generated/resources";
import type { New } from "@capstan/api/meta";
import { isReady, podOf } from "../pod.ts";
import { judgeFailure } from "./failure-policy.ts";
import { indexAnnotation, indexFailuresAnnotation, indexOf } from "./indexes.ts";
import type { Tally } from "./outcome.ts";
import { indexFailuresOf, isIndexed } from "./tally.ts";
import { trackingFinalizer } from "./tracking.ts";

/** Retries come later each time. Source: DefaultJobPodFailureBackOff and MaxJobPodFailureBackOff. */
const firstBackoff = 10_000;
const longestBackoff = 600_000;

/** How many pods are to run now. */
export function wantedActive({ spec }: Job, { active, succeeded, failedIndexes }: Tally): number {
  const { completions, parallelism = 1 } = spec;
  if (spec.suspend) return 0;
  if (completions === undefined) return succeeded > 0 ? Math.min(active.length, parallelism) : parallelism;
  return Math.max(0, Math.min(parallelism, completions - succeeded - failedIndexes.size));
}

/** New pods for a Job: with indexes, the lowest ones that neither run nor ended. */
export function newPods(job: Job, tally: Tally, count: number): New<Pod>[] {
  if (!isIndexed(job)) return Array.from({ length: count }, () => podFor(job, undefined, 0));
  const { completions = 0 } = job.spec;
  const taken = new Set([...tally.completedIndexes, ...tally.failedIndexes]);
  for (const pod of tally.active) {
    const index = indexOf(pod, completions);
    if (index !== undefined) taken.add(index);
  }
  const free: number[] = [];
  for (let index = 0; index < completions && free.length < count; index++) if (!taken.has(index)) free.push(index);
  return free.map((index) => podFor(job, index, failuresOf(job, tally, index)));
}

/** Failures of an index: of its latest failed pod, and that pod's own. */
function failuresOf(job: Job, { failedPods }: Tally, index: number): number {
  const counts = failedPods
    .filter((pod) => indexOf(pod, job.spec.completions ?? 0) === index)
    .map((pod) => indexFailuresOf(pod) + (judgeFailure(job, pod).action === "Ignore" ? 0 : 1));
  return Math.max(0, ...counts);
}

function podFor(job: Job, index: number | undefined, failures: number): New<Pod> {
  const { template, backoffLimitPerIndex } = job.spec;
  const finalizers = [...(template.metadata?.finalizers ?? []), trackingFinalizer];
  if (index === undefined) return podOf(template, Jobs, job, { finalizers });
  const mark = { [indexAnnotation]: String(index) };
  const failed: Record<string, string> =
    backoffLimitPerIndex === undefined ? {} : { [indexFailuresAnnotation]: String(failures) };
  const pod = podOf(template, Jobs, job, { finalizers, labels: mark, annotations: { ...mark, ...failed } });
  pod.metadata.generateName = `${job.metadata.name}-${index}-`;
  pod.spec.hostname ??= `${job.metadata.name}-${index}`;
  const fieldPath = `metadata.annotations['${indexAnnotation}']`;
  const variable: EnvVar = { name: "JOB_COMPLETION_INDEX", valueFrom: { fieldRef: { apiVersion: "v1", fieldPath } } };
  for (const container of [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]) {
    if (container.env?.some(({ name }) => name === variable.name)) continue;
    container.env = [...(container.env ?? []), variable];
  }
  return pod;
}

/** Milliseconds until failed pods may be replaced: longer with each failure since the last success. */
export function backoffIn({ pods, failedPods }: Tally, now: number): number {
  const lastSuccess = Math.max(0, ...pods.filter(({ status }) => status?.phase === "Succeeded").map(endOf));
  const failures = failedPods.map(endOf).filter((end) => end > lastSuccess);
  if (failures.length === 0) return 0;
  const delay = Math.min(longestBackoff, firstBackoff * 2 ** (failures.length - 1));
  return Math.max(0, Math.max(...failures) + delay - now);
}

function endOf({ status, metadata }: Pod): number {
  const ends = (status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? ""));
  const known = ends.filter((end) => !Number.isNaN(end));
  return known.length > 0
    ? Math.max(...known)
    : Date.parse(metadata.deletionTimestamp ?? metadata.creationTimestamp ?? "");
}

/** Which active pods to delete first: those that have done least. */
export function leastAdvanced(active: Pod[]): Pod[] {
  const rank = (pod: Pod) => [pod.spec.nodeName ? 1 : 0, pod.status?.phase === "Running" ? 1 : 0, isReady(pod) ? 1 : 0];
  const age = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp ?? "");
  const sum = (pod: Pod) => rank(pod).reduce((total, each) => total + each, 0);
  return active.toSorted((a, b) => sum(a) - sum(b) || age(b) - age(a));
}
