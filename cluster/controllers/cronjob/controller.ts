import type { CronJob, CronJobStatus, Job } from "@capstan/api/generated/batch-v1";
import type { ObjectReference } from "@capstan/api/generated/core-v1";
import { CronJobs, Jobs } from "@capstan/api/generated/resources";
import { isReason, type New, refOf } from "@capstan/api/meta";
import { type Controller, createController, type Informer, type Result } from "@capstan/core/reconcile";
import { type ControllerContext, formatTime, openWorkshop, type Workshop } from "../context.ts";
import { isEnded } from "../job/outcome.ts";
import { byController, controllerKey, controllerReference, indexByController } from "../ownership.ts";
import { writeStatus } from "../status.ts";
import { readSchedule, type Schedule } from "./schedule.ts";

interface Shop {
  workshop: Workshop;
  crons: Informer<CronJob>;
  jobs: Informer<Job>;
}

/** A start that is later than this by mistake of a clock still counts as on time, in milliseconds. */
const slack = 100;

export function createCronJobController(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "cronjob-controller");
  const { informers } = context;
  const crons = informers.informer(CronJobs);
  const jobs = indexByController(informers.informer(Jobs));
  const shop: Shop = { workshop, crons, jobs };
  return createController({
    name: "cronjob-controller",
    informers,
    log: workshop.log,
    sources: [
      { resource: CronJobs },
      {
        resource: Jobs,
        keys: (job) => {
          const owner = controllerKey(CronJobs, job);
          return owner ? [owner] : [];
        },
      },
    ],
    async reconcile(ref, signal) {
      const cron = crons.get(ref);
      if (!cron || cron.metadata.deletionTimestamp) return undefined;
      return reconcile(shop, cron, signal);
    },
  });
}

async function reconcile(shop: Shop, cron: CronJob, signal: AbortSignal): Promise<Result | undefined> {
  const { workshop, crons, jobs } = shop;
  const own = jobs.byIndex(byController, cron.metadata.uid ?? "");
  let latest = await writeStatus(workshop, CronJobs, crons, cron, statusOf(shop, cron, own), signal);
  await prune(shop, latest, own);
  if (latest.spec.suspend) return undefined;
  const { schedule: text, timeZone } = latest.spec;
  const schedule = await readSchedule(text, timeZone, Date.parse(latest.metadata.creationTimestamp ?? ""));
  const due = dueTime(workshop, latest, schedule);
  if (due !== undefined) latest = await run(shop, latest, due, signal);
  const next = schedule.next(workshop.now());
  return next === undefined ? undefined : { requeueAfter: next - workshop.now() + slack };
}

/** Active Jobs, and the last success; a Job that has just ended is told about once. */
function statusOf({ workshop }: Shop, cron: CronJob, own: Job[]): CronJobStatus {
  const running = own.filter((job) => !isEnded(job.status));
  const before = cron.status?.active ?? [];
  for (const { name, uid } of before) {
    const ended = own.find(({ metadata }) => metadata.uid === uid);
    if (!ended) workshop.recorder.normal(cron, "MissingJob", `Active job went missing: ${name}`);
    else if (isEnded(ended.status)) {
      const how = ended.status?.conditions?.some(({ type }) => type === "Complete") ? "Complete" : "Failed";
      workshop.recorder.normal(cron, "SawCompletedJob", `Saw completed job: ${name}, condition: ${how}`);
    }
  }
  const ends = own.map(({ status }) => status?.completionTime).filter((time) => time !== undefined);
  const last = [cron.status?.lastSuccessfulTime ?? "", ...ends].sort().at(-1);
  return {
    ...cron.status,
    active: running.length > 0 ? running.map(referenceTo) : undefined,
    ...(last ? { lastSuccessfulTime: last } : {}),
  };
}

function referenceTo({ metadata }: Job): ObjectReference {
  const { namespace, name, uid, resourceVersion } = metadata;
  return { apiVersion: "batch/v1", kind: "Job", namespace, name, uid, resourceVersion };
}

/** The newest time that has come and has no Job yet; none when it is past its starting deadline. */
function dueTime({ now, recorder }: Workshop, cron: CronJob, schedule: Schedule): number | undefined {
  const { startingDeadlineSeconds } = cron.spec;
  const since = Date.parse(cron.status?.lastScheduleTime ?? cron.metadata.creationTimestamp ?? "");
  const due = schedule.last(since, now());
  if (due === undefined) return undefined;
  if (startingDeadlineSeconds !== undefined && due + startingDeadlineSeconds * 1000 < now()) {
    recorder.warning(cron, "MissSchedule", `Missed scheduled time to start a job: ${new Date(due).toUTCString()}`);
    return undefined;
  }
  return due;
}

async function run(shop: Shop, cron: CronJob, due: number, signal: AbortSignal): Promise<CronJob> {
  const { workshop, crons, jobs } = shop;
  const { client, recorder } = workshop;
  const active = jobs.byIndex(byController, cron.metadata.uid ?? "").filter((job) => !isEnded(job.status));
  if (cron.spec.concurrencyPolicy === "Forbid" && active.length > 0) {
    recorder.normal(
      cron,
      "JobAlreadyActive",
      "Not starting job because prior execution is running and concurrency policy is Forbid",
    );
    return cron;
  }
  if (cron.spec.concurrencyPolicy === "Replace") for (const job of active) await remove(shop, cron, job);
  let started: Job | undefined;
  try {
    started = await client.create(Jobs, jobOf(cron, due));
    await jobs.until(started.metadata.resourceVersion, signal);
    recorder.normal(cron, "SuccessfulCreate", `Created job ${started.metadata.name}`);
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) {
      recorder.warning(cron, "FailedCreate", `Error creating job: ${(error as Error).message}`);
      throw error;
    }
  }
  const list = [...(cron.status?.active ?? []), ...(started ? [referenceTo(started)] : [])];
  const status = { ...cron.status, lastScheduleTime: formatTime(due), ...(list.length > 0 ? { active: list } : {}) };
  return writeStatus(workshop, CronJobs, crons, cron, status, signal);
}

/** The name comes from the time, so that one time starts one Job, through crashes too. */
function jobOf(cron: CronJob, due: number): New<Job> {
  const { metadata, spec } = cron.spec.jobTemplate;
  const time = formatTime(due);
  return {
    metadata: {
      namespace: cron.metadata.namespace,
      name: `${cron.metadata.name}-${Math.floor(due / 60_000)}`,
      labels: { ...metadata?.labels },
      annotations: { ...metadata?.annotations, "batch.kubernetes.io/cronjob-scheduled-timestamp": time },
      ownerReferences: [controllerReference(CronJobs, cron)],
    },
    spec: structuredClone(spec ?? { template: {} }),
  };
}

/** Deletes the oldest ended Jobs beyond the limits. */
async function prune(shop: Shop, cron: CronJob, own: Job[]): Promise<void> {
  const { successfulJobsHistoryLimit = 3, failedJobsHistoryLimit = 1 } = cron.spec;
  const ended = (type: string) =>
    own
      .filter(({ status }) => status?.conditions?.some((each) => each.type === type && each.status === "True"))
      .sort((a, b) => ((a.status?.startTime ?? "") < (b.status?.startTime ?? "") ? -1 : 1));
  const surplus = (jobs: Job[], limit: number) => jobs.slice(0, Math.max(0, jobs.length - limit));
  const gone = [
    ...surplus(ended("Complete"), successfulJobsHistoryLimit),
    ...surplus(ended("Failed"), failedJobsHistoryLimit),
  ];
  for (const job of gone) await remove(shop, cron, job);
}

async function remove({ workshop }: Shop, cron: CronJob, job: Job): Promise<void> {
  if (job.metadata.deletionTimestamp) return;
  try {
    await workshop.client.delete(Jobs, refOf(job), { propagationPolicy: "Background" });
    workshop.recorder.normal(cron, "SuccessfulDelete", `Deleted job ${job.metadata.name}`);
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
  }
}
