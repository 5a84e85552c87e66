// Reconciles CronWorkflows: starts a workflow at each time, keeps count, and lets old ones go.
import {
  ClusterWorkflowTemplates,
  type CronWorkflow,
  type CronWorkflowStatus,
  CronWorkflows,
  type Workflow,
  Workflows,
  WorkflowTemplates,
} from "@capstan/api/kinds/workflow";
import { isReason, keyOf, type ObjectRef, refOf } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import {
  type Controller,
  createController,
  createRecorder,
  type Informers,
  type Result,
} from "@capstan/core/reconcile";
import { shutDownWorkflow } from "../control/index.ts";
import { labels } from "../engine/index.ts";
import { specWithTypes } from "../parameter-types/index.ts";
import { validateWorkflow } from "../validate/index.ts";
import { annotationsOf, fromCron } from "./child.ts";
import { isStopped, isWanted } from "./conditions.ts";
import { findDue, nextOf, readSchedule, type Schedule } from "./schedule.ts";
import { clearCondition, countEnded, oldChildren, setCondition } from "./status.ts";

export interface CronOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  /** Epoch milliseconds; default Date.now. */
  now?: () => number;
}

const byCron = "cron-workflow";
const day = 24 * 3600 * 1000;
/** The schedules that the last decision was made by. Source: argo-workflows cron_workflow_types.go. */
const lastSchedule = "cronworkflows.argoproj.io/last-used-schedule";
const stoppedLabel = "cronworkflows.argoproj.io/completed";

export function createCronWorkflowController(options: CronOptions): Controller {
  const { informers, log } = options;
  const scheduler = new CronScheduler(options);
  informers.informer(Workflows).addIndex(byCron, (workflow) => cronOf(workflow).map(keyOf));
  return createController({
    name: "cron-workflow",
    informers,
    log: log.with({ operator: "cron-workflow" }),
    sources: [
      { resource: CronWorkflows },
      { resource: Workflows, keys: cronOf },
      { resource: WorkflowTemplates, keys: () => [] },
      { resource: ClusterWorkflowTemplates, keys: () => [] },
    ],
    reconcile: (ref) => scheduler.reconcile(ref),
  });
}

const cronOf = ({ metadata }: Workflow): ObjectRef[] => {
  const name = metadata.labels?.[labels.cronWorkflow];
  return name ? [{ namespace: metadata.namespace ?? "", name }] : [];
};

const stamp = (time: number) => new Date(time).toISOString().replace(/\.\d+Z$/, "Z");

/** The time that is waited for, by these schedules. */
interface Expected {
  text: string;
  next: number | undefined;
}

class CronScheduler {
  readonly #client: Client;
  readonly #informers: Informers;
  readonly #recorder;
  readonly #now: () => number;
  readonly #expected = new Map<string, Expected>();

  constructor({ client, informers, now = Date.now }: CronOptions) {
    this.#client = client;
    this.#informers = informers;
    this.#recorder = createRecorder(client, { component: "workflow-controller" });
    this.#now = now;
  }

  async reconcile(ref: ObjectRef): Promise<Result | undefined> {
    const cached = this.#informers.informer(CronWorkflows).get(ref);
    if (!cached || cached.metadata.deletionTimestamp) {
      this.#expected.delete(keyOf(ref));
      return undefined;
    }
    const cron = structuredClone(cached);
    const children = this.#informers.informer(Workflows).byIndex(byCron, keyOf(ref));
    const status = countEnded(cron, children);
    cron.status = status;
    await this.#deleteOld(cron, children);
    let next: number | undefined;
    try {
      next = await this.#runDue(cron, status);
      clearCondition(status, "SpecError");
    } catch (error) {
      if (isReason(error, "Conflict", "NotFound")) throw error;
      this.#expected.delete(keyOf(ref));
      setCondition(status, "SpecError", messageOf(error));
    }
    await this.#store(cached, cron);
    return next === undefined ? undefined : { requeueAfter: Math.min(day, Math.max(0, next - this.#now())) };
  }

  /** Starts what is due. Answers the next time. */
  async #runDue(cron: CronWorkflow, status: CronWorkflowStatus): Promise<number | undefined> {
    const { spec, metadata } = cron;
    const key = keyOf(refOf(cron));
    // What has stopped stays so.
    if (status.phase !== "Stopped" && isStopped(cron, status)) {
      metadata.labels = { ...metadata.labels, [stoppedLabel]: "true" };
      status.phase = "Stopped";
    }
    status.phase ??= "Active";
    const lines = spec.schedules ?? (spec.schedule ? [spec.schedule] : []);
    if (lines.length === 0) throw new Error("spec.schedules is required");
    const text = lines.map((line) => (spec.timezone ? `CRON_TZ=${spec.timezone} ${line}` : line)).join(",");
    const schedules = lines.map((line) => readSchedule(line, spec.timezone));
    this.#check(cron);
    if (spec.suspend || status.phase === "Stopped") {
      this.#expected.delete(key);
      return undefined;
    }
    const at = this.#dueTime(cron, text, schedules);
    const before = this.#expected.get(key);
    const waits = before?.text === text && before.next !== undefined && before.next > this.#now();
    const next = waits ? before.next : nextOf(schedules, this.#now());
    this.#expected.set(key, { text, next });
    metadata.annotations = { ...metadata.annotations, [lastSchedule]: text };
    if (at !== undefined && isWanted(cron, status)) await this.#start(cron, status, at);
    return next;
  }

  /** The time that has come. What was missed while nobody looked counts only within its deadline. */
  #dueTime(cron: CronWorkflow, text: string, schedules: Schedule[]): number | undefined {
    const { startingDeadlineSeconds: limit } = cron.spec;
    const now = this.#now();
    const expected = this.#expected.get(keyOf(refOf(cron)));
    if (expected?.text === text) {
      if (expected.next === undefined || expected.next > now) return undefined;
      const at = findDue(schedules, expected.next, now).at ?? expected.next;
      return limit === undefined || now - at < limit * 1000 ? at : undefined;
    }
    const last = cron.status?.lastScheduledTime;
    const isNew = cron.metadata.annotations?.[lastSchedule] !== text;
    if (!last || isNew || limit === undefined) return undefined;
    const { at } = findDue(schedules, Date.parse(last), now);
    return at !== undefined && now - at < limit * 1000 ? at : undefined;
  }

  /** @throws Error for a workflow that could not run. */
  #check(cron: CronWorkflow): void {
    const { metadata, spec } = cron;
    const { namespace = "" } = metadata;
    const annotations = annotationsOf(cron);
    const workflow = { metadata: { name: metadata.name, namespace, annotations }, spec: spec.workflowSpec } as Workflow;
    const problems = validateWorkflow(workflow, (scope, name) =>
      scope === "cluster"
        ? specWithTypes(this.#informers.informer(ClusterWorkflowTemplates).get({ name }))
        : specWithTypes(this.#informers.informer(WorkflowTemplates).get({ namespace, name })),
    );
    const path = (one: string) => one.replace(/^spec\b/, "spec.workflowSpec");
    if (problems.length > 0) throw new Error(problems.map((one) => `${path(one.path)}: ${one.message}`).join("; "));
  }

  async #start(cron: CronWorkflow, status: CronWorkflowStatus, at: number): Promise<void> {
    const running = status.active ?? [];
    const { concurrencyPolicy = "Allow" } = cron.spec;
    if (!["Allow", "Forbid", "Replace", ""].includes(concurrencyPolicy))
      throw new Error(`spec.concurrencyPolicy: ${concurrencyPolicy} is none of Allow, Forbid, Replace`);
    if (running[0] && concurrencyPolicy === "Forbid") {
      const text = `not started: ${running[0].name} still runs, and that is forbidden`;
      this.#recorder.normal(cron, "AlreadyActive", text);
      return;
    }
    if (concurrencyPolicy === "Replace") for (const { name = "" } of running) await this.#terminate(cron, name);
    const name = `${cron.metadata.name}-${Math.floor(at / 1000)}`;
    try {
      // The name holds the time: a run is made once, whoever makes it.
      const made = await this.#client.create(Workflows, fromCron(cron, { at, name }));
      const { namespace = "", uid = "" } = made.metadata;
      status.active = [...running, { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", namespace, name, uid }];
      this.#recorder.normal(cron, "WorkflowStarted", `started workflow ${name}`);
    } catch (error) {
      if (!isReason(error, "AlreadyExists")) {
        status.failed = (status.failed ?? 0) + 1;
        setCondition(status, "SubmissionError", `Failed to submit Workflow: ${messageOf(error)}`);
        return;
      }
    }
    status.lastScheduledTime = stamp(at);
    clearCondition(status, "SubmissionError");
  }

  async #terminate({ metadata }: CronWorkflow, name: string): Promise<void> {
    try {
      await shutDownWorkflow(this.#client, { namespace: metadata.namespace ?? "", name }, "Terminate");
    } catch (error) {
      if (!isReason(error, "NotFound", "BadRequest")) throw error;
    }
  }

  async #deleteOld(cron: CronWorkflow, children: Workflow[]): Promise<void> {
    for (const child of oldChildren(cron, children)) {
      try {
        await this.#client.delete(Workflows, refOf(child), { propagationPolicy: "Background" });
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
      }
    }
  }

  /** A patch, so that a run that was made is told whoever writes meanwhile. */
  async #store(before: CronWorkflow, { metadata, status }: CronWorkflow): Promise<void> {
    const text = (cron: Pick<CronWorkflow, "metadata" | "status">) =>
      JSON.stringify([cron.metadata.annotations, cron.metadata.labels, cron.status]);
    if (text(before) === text({ metadata, ...(status ? { status } : {}) })) return;
    const annotation = metadata.annotations?.[lastSchedule];
    const body = {
      metadata: {
        ...(annotation === undefined ? {} : { annotations: { [lastSchedule]: annotation } }),
        ...(metadata.labels?.[stoppedLabel] ? { labels: { [stoppedLabel]: "true" } } : {}),
      },
      status,
    };
    await this.#client.patch(CronWorkflows, refOf({ metadata }), { type: "merge", body });
  }
}
