import type { Job, JobStatus } from "@capstan/api/generated/batch-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Jobs, Pods } from "@capstan/api/generated/resources";
import type { ObjectRef } from "@capstan/api/meta";
import { type Controller, createController, type Informer, type Result } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { claim, controllerKey, controllerOf, indexByController } from "../ownership.ts";
import { createPods, deletePods, isReady } from "../pod.ts";
import { setCondition, writeStatus } from "../status.ts";
import { judgeFailure } from "./failure-policy.ts";
import { formatIndexes } from "./indexes.ts";
import { deadlineIn, isEnded, type Outcome, outcomeOf, type Tally } from "./outcome.ts";
import { backoffIn, leastAdvanced, newPods, wantedActive } from "./pods.ts";
import { isFailed, isIndexed, tallyOf } from "./tally.ts";
import { isTracked, note, releasePods, settle } from "./tracking.ts";

interface Shop {
  workshop: Workshop;
  jobs: Informer<Job>;
  pods: Informer<Pod>;
}

const jobNameLabel = "batch.kubernetes.io/job-name";

export function createJobController(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "job-controller");
  const { informers } = context;
  const jobs = informers.informer(Jobs);
  const pods = indexByController(informers.informer(Pods));
  const shop: Shop = { workshop, jobs, pods };
  const jobOf = (pod: Pod): ObjectRef[] => {
    const owner = controllerKey(Jobs, pod);
    if (owner) return [owner];
    const name = pod.metadata.labels?.[jobNameLabel];
    const orphan = name && !controllerOf(pod);
    return orphan ? [{ namespace: pod.metadata.namespace ?? "", name }] : [];
  };
  return createController({
    name: "job-controller",
    informers,
    log: workshop.log,
    sources: [{ resource: Jobs }, { resource: Pods, keys: jobOf }],
    async reconcile(ref, signal) {
      const job = jobs.get(ref);
      await releaseStrays(shop, ref, job, signal);
      const managedBy = job?.spec.managedBy ?? "kubernetes.io/job-controller";
      if (!job || managedBy !== "kubernetes.io/job-controller" || isEnded(job.status)) return;
      return reconcile(shop, job, signal);
    },
  });
}

/** Pods whose Job is gone, or is another one of the same name, are not kept for anyone's count. */
async function releaseStrays({ workshop, pods }: Shop, ref: ObjectRef, job: Job | undefined, signal: AbortSignal) {
  const strays = pods.list(ref.namespace).filter((pod) => {
    if (!isTracked(pod) || pod.metadata.labels?.[jobNameLabel] !== ref.name) return false;
    const owner = controllerOf(pod);
    return owner ? owner.kind === "Job" && owner.uid !== job?.metadata.uid : !job;
  });
  const ended = job && isEnded(job.status) ? pods.byIndex("controller", job.metadata.uid ?? "").filter(isTracked) : [];
  await releasePods(workshop, pods, [...strays, ...ended], signal);
}

async function reconcile(shop: Shop, found: Job, signal: AbortSignal): Promise<Result | undefined> {
  const { workshop, jobs, pods } = shop;
  const claimer = { owner: found, ownerResource: Jobs, resource: Pods, informer: pods, workshop };
  await claim(claimer, signal);
  let job = await begin(shop, found, signal);
  job = await count(shop, job, signal);
  const present = pods.byIndex("controller", job.metadata.uid ?? "");
  const tally = tallyOf(job, job.status ?? {}, present);
  const outcome = job.metadata.deletionTimestamp ? undefined : outcomeOf(job, tally, workshop.now());
  if (outcome) return finish(shop, job, tally, outcome, signal);
  const wait = job.metadata.deletionTimestamp ? undefined : await manage(shop, job, tally, signal);
  await writeStatus(workshop, Jobs, jobs, job, numbers(job, pods), signal);
  return soonest(wait, deadlineIn(job, workshop.now()));
}

/** The start, suspending and resuming. */
async function begin({ workshop, jobs }: Shop, job: Job, signal: AbortSignal): Promise<Job> {
  const status: JobStatus = { ...job.status, uncountedTerminatedPods: job.status?.uncountedTerminatedPods ?? {} };
  const { suspend = false } = job.spec;
  const was = status.conditions?.find(({ type }) => type === "Suspended")?.status;
  if (suspend ? was !== "True" : was === "True") {
    const time = workshop.timestamp();
    const reason = suspend ? "JobSuspended" : "JobResumed";
    const message = `Job ${suspend ? "suspended" : "resumed"}`;
    const times = { lastProbeTime: time, lastTransitionTime: time };
    const condition = { type: "Suspended", status: suspend ? "True" : "False", reason, message, ...times };
    status.conditions = setCondition(status.conditions, condition);
    workshop.recorder.normal(job, suspend ? "Suspended" : "Resumed", message);
    if (suspend) status.startTime = undefined;
  }
  if (!suspend) status.startTime ??= workshop.timestamp();
  return writeStatus(workshop, Jobs, jobs, job, status, signal);
}

/** Counts pods that have ended, in the three steps that a crash cannot confuse. */
async function count({ workshop, jobs, pods }: Shop, job: Job, signal: AbortSignal): Promise<Job> {
  let latest = job;
  for (;;) {
    const own = pods.byIndex("controller", latest.metadata.uid ?? "");
    const tracked = own.filter(isTracked);
    const uids = new Set(tracked.map(({ metadata }) => metadata.uid ?? ""));
    const ended = tracked.filter((pod) => pod.status?.phase === "Succeeded" || isFailed(latest, pod));
    const { completedIndexes, failedIndexes } = tallyOf(latest, latest.status ?? {}, own);
    const succeeded = ended.filter((pod) => pod.status?.phase === "Succeeded");
    const failed = ended.filter((pod) => isFailed(latest, pod) && judgeFailure(latest, pod).action !== "Ignore");
    const status = note(settle(latest.status ?? {}, uids), succeeded, failed);
    if (isIndexed(latest)) {
      status.completedIndexes = formatIndexes(completedIndexes) || undefined;
      status.succeeded = completedIndexes.size;
      if (latest.spec.backoffLimitPerIndex !== undefined) status.failedIndexes = formatIndexes(failedIndexes);
    }
    latest = await writeStatus(workshop, Jobs, jobs, latest, status, signal);
    if (ended.length === 0 || signal.aborted) return latest;
    await releasePods(workshop, pods, ended, signal);
  }
}

/** Creates or deletes pods; gives the milliseconds until failed ones may be replaced. */
async function manage(shop: Shop, job: Job, tally: Tally, signal: AbortSignal): Promise<number | undefined> {
  const { workshop, pods: informer } = shop;
  const wanted = wantedActive(job, tally);
  const surplus = tally.active.length - wanted;
  if (surplus > 0) {
    await deletePods(leastAdvanced(tally.active).slice(0, surplus), job, { workshop, informer, signal });
    return undefined;
  }
  const terminating = job.spec.podReplacementPolicy === "Failed" ? terminatingOf(tally.pods) : 0;
  const missing = -surplus - terminating;
  if (missing <= 0) return undefined;
  const wait = backoffIn(tally, workshop.now());
  if (wait > 0) return wait;
  const { error } = await createPods(newPods(job, tally, missing), job, { workshop, informer, signal });
  if (error !== undefined) throw error;
  return undefined;
}

/** Stops what still runs; once nothing does, writes the condition that ends the Job. */
async function finish(shop: Shop, job: Job, tally: Tally, outcome: Outcome, signal: AbortSignal): Promise<undefined> {
  const { workshop, jobs, pods: informer } = shop;
  const time = workshop.timestamp();
  const { type, reason, message } = outcome;
  const make = (name: string) => ({
    type: name,
    status: "True",
    reason,
    message,
    lastProbeTime: time,
    lastTransitionTime: time,
  });
  const target = type === "Failed" ? "FailureTarget" : "SuccessCriteriaMet";
  const marked = { ...numbers(job, informer), conditions: setCondition(job.status?.conditions, make(target)) };
  const latest = await writeStatus(workshop, Jobs, jobs, job, marked, signal);
  await deletePods(tally.active, latest, { workshop, informer, signal });
  const counted = await count(shop, latest, signal);
  const left = informer.byIndex("controller", job.metadata.uid ?? "");
  const running = left.some(({ status }) => status?.phase !== "Succeeded" && status?.phase !== "Failed");
  const status = numbers(counted, informer);
  if (!running) {
    status.conditions = setCondition(counted.status?.conditions, make(type));
    if (type === "Complete") {
      status.completionTime = time;
      workshop.recorder.normal(job, "Completed", "Job completed");
    } else workshop.recorder.warning(job, reason, message);
  }
  await writeStatus(workshop, Jobs, jobs, counted, status, signal);
  return undefined;
}

/** The status with the numbers of pods as they are now. */
function numbers({ status = {}, metadata }: Job, pods: Informer<Pod>): JobStatus {
  const own = pods.byIndex("controller", metadata.uid ?? "");
  const running = own.filter((pod) => pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed");
  const active = running.filter((pod) => !pod.metadata.deletionTimestamp);
  const count = (value: number) => (value > 0 ? value : undefined);
  return {
    ...status,
    active: count(active.length),
    ready: active.filter(isReady).length,
    terminating: terminatingOf(own),
    succeeded: count(status.succeeded ?? 0),
    failed: count(status.failed ?? 0),
  };
}

function terminatingOf(pods: Pod[]): number {
  const ended = (pod: Pod) => pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
  return pods.filter((pod) => pod.metadata.deletionTimestamp && !ended(pod)).length;
}

function soonest(...waits: (number | undefined)[]): Result | undefined {
  const known = waits.filter((wait) => wait !== undefined);
  return known.length > 0 ? { requeueAfter: Math.min(...known) + 1 } : undefined;
}
