// Reconciles CronWorkflows: starts a workflow at each time, keeps count, and lets old ones go.
import {
  type Condition,
  type CronWorkflow,
  type CronWorkflowStatus,
  CronWorkflows,
  type Workflow,
  Workflows,
} from "@capstan/api/kinds/workflow";
import { isReason, keyOf, type ObjectRef } from "@capstan/api/meta";
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
import { isWorkflowOver, labels } from "../engine/index.ts";
import { evaluateCondition, evaluateExpression, evaluateWhen, Moment, textOf } from "../expressions/index.ts";
import { type Due, findDue } from "./schedule.ts";

export interface CronOptions {
  client: Client;
  informers: Informers;
  log: Logger;
  /** Epoch milliseconds; default Date.now. */
  now?: () => number;
}

const byCron = "cron-workflow";
const day = 24 * 3600 * 1000;

export function createCronWorkflowController(options: CronOptions): Controller {
  const { informers, log } = options;
  const scheduler = new CronScheduler(options);
  informers.informer(Workflows).addIndex(byCron, (workflow) => cronOf(workflow).map(keyOf));
  return createController({
    name: "cron-workflow",
    informers,
    log: log.with({ operator: "cron-workflow" }),
    sources: [{ resource: CronWorkflows }, { resource: Workflows, keys: cronOf }],
    reconcile: (ref) => scheduler.reconcile(ref),
  });
}

const cronOf = ({ metadata }: Workflow): ObjectRef[] => {
  const name = metadata.labels?.[labels.cronWorkflow];
  return name ? [{ namespace: metadata.namespace ?? "", name }] : [];
};

class CronScheduler {
  readonly #client: Client;
  readonly #informers: Informers;
  readonly #recorder;
  readonly #now: () => number;
  readonly #startedAt: number;
  /** Times that were decided about, by CronWorkflow. */
  readonly #considered = new Map<string, number>();

  constructor({ client, informers, now = Date.now }: CronOptions) {
    this.#client = client;
    this.#informers = informers;
    this.#recorder = createRecorder(client, { component: "workflow-controller" });
    this.#now = now;
    this.#startedAt = now();
  }

  async reconcile(ref: ObjectRef): Promise<Result | undefined> {
    const cron = this.#informers.informer(CronWorkflows).get(ref);
    if (!cron || cron.metadata.deletionTimestamp) {
      this.#considered.delete(keyOf(ref));
      return undefined;
    }
    const children = this.#informers.informer(Workflows).byIndex(byCron, keyOf(ref));
    const status = count(cron, children);
    await this.#deleteOld(cron, children);
    let next: number | undefined;
    try {
      next = await this.#runDue(ref, cron, children, status);
      setCondition(status, { type: "SpecError", status: "False" });
    } catch (error) {
      if (isReason(error, "Conflict", "NotFound")) throw error;
      setCondition(status, { type: "SpecError", status: "True", message: messageOf(error) });
    }
    await this.#store(cron, status);
    return next === undefined ? undefined : { requeueAfter: Math.min(day, Math.max(0, next - this.#now())) };
  }

  /** Starts what is due. Answers the next time. */
  async #runDue(
    ref: ObjectRef,
    cron: CronWorkflow,
    children: Workflow[],
    status: CronWorkflowStatus,
  ): Promise<number | undefined> {
    const { spec } = cron;
    const stopped = spec.stopStrategy && evaluateCondition(spec.stopStrategy.expression, environmentOf(cron, status));
    status.phase = stopped ? "Stopped" : "Active";
    if (spec.suspend || stopped) return undefined;
    const schedules = spec.schedules ?? (spec.schedule ? [spec.schedule] : []);
    if (schedules.length === 0) throw new Error("spec.schedules is required");
    const last = Date.parse(String(status.lastScheduledTime ?? cron.metadata.creationTimestamp ?? ""));
    const since = Math.max(last, this.#considered.get(keyOf(ref)) ?? 0);
    const due: Due = findDue(schedules, spec.timezone, since, this.#now());
    if (due.at !== undefined) {
      this.#considered.set(keyOf(ref), due.at);
      if (this.#isWanted(cron, status, due.at)) await this.#start(cron, children, status, due.at);
    }
    return due.next;
  }

  /** What was missed while nobody looked is made up for only within its deadline. */
  #isWanted(cron: CronWorkflow, status: CronWorkflowStatus, at: number): boolean {
    const { startingDeadlineSeconds, when } = cron.spec;
    const late = this.#now() - at > (startingDeadlineSeconds ?? 0) * 1000;
    if (late && at < this.#startedAt) return false;
    return !when || evaluateWhen(fill(when, environmentOf(cron, status)));
  }

  async #start(cron: CronWorkflow, children: Workflow[], status: CronWorkflowStatus, at: number): Promise<void> {
    const running = children.filter((child) => !isWorkflowOver(child.status?.phase));
    if (running.length > 0 && cron.spec.concurrencyPolicy === "Forbid") {
      const [first] = running as [Workflow];
      this.#recorder.normal(
        cron,
        "AlreadyActive",
        `not started: ${first.metadata.name} still runs, and that is forbidden`,
      );
      return;
    }
    if (cron.spec.concurrencyPolicy === "Replace") {
      for (const { metadata } of running) {
        const body = { spec: { shutdown: "Terminate" } };
        const { namespace = "", name } = metadata;
        await this.#client.patch(Workflows, { namespace, name }, { type: "merge", body });
      }
    }
    const made = await this.#create(cron, at);
    status.lastScheduledTime = new Date(at).toISOString().replace(/\.\d+Z$/, "Z");
    if (!made) return;
    const { namespace = "", name, uid = "" } = made.metadata;
    status.active = [
      ...(status.active ?? []),
      { apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", namespace, name, uid },
    ];
    this.#recorder.normal(cron, "WorkflowStarted", `started workflow ${name}`);
  }

  /** The name holds the time, so that a run is made once whoever makes it. */
  async #create(cron: CronWorkflow, at: number): Promise<Workflow | undefined> {
    const { metadata, spec } = cron;
    const given = spec.workflowMetadata ?? {};
    const { template, cluster } = referred(cron);
    try {
      return await this.#client.create(Workflows, {
        metadata: {
          name: `${metadata.name}-${Math.floor(at / 1000)}`,
          namespace: metadata.namespace ?? "",
          labels: {
            ...given.labels,
            ...(template ? { [cluster ? labels.clusterWorkflowTemplate : labels.workflowTemplate]: template } : {}),
            [labels.cronWorkflow]: metadata.name,
          },
          annotations: {
            ...given.annotations,
            [labels.scheduledTime]: new Date(at).toISOString().replace(/\.\d+Z$/, "Z"),
          },
          ...(given.finalizers ? { finalizers: given.finalizers } : {}),
          ownerReferences: [
            {
              apiVersion: "argoproj.io/v1alpha1",
              kind: "CronWorkflow",
              name: metadata.name,
              uid: metadata.uid ?? "",
              controller: true,
              blockOwnerDeletion: true,
            },
          ],
        },
        spec: spec.workflowSpec,
      });
    } catch (error) {
      if (isReason(error, "AlreadyExists")) return undefined;
      throw error;
    }
  }

  async #deleteOld({ spec }: CronWorkflow, children: Workflow[]): Promise<void> {
    const over = children
      .filter((child) => isWorkflowOver(child.status?.phase) && !child.metadata.deletionTimestamp)
      .filter(({ metadata }) => metadata.labels?.[labels.archivingStatus] !== "Pending")
      .sort((a, b) => String(b.status?.finishedAt).localeCompare(String(a.status?.finishedAt)));
    const good = over.filter((child) => child.status?.phase === "Succeeded");
    const bad = over.filter((child) => child.status?.phase !== "Succeeded");
    const old = [...good.slice(spec.successfulJobsHistoryLimit ?? 3), ...bad.slice(spec.failedJobsHistoryLimit ?? 1)];
    for (const { metadata } of old) {
      try {
        await this.#client.delete(
          Workflows,
          { namespace: metadata.namespace ?? "", name: metadata.name },
          { propagationPolicy: "Background" },
        );
      } catch (error) {
        if (!isReason(error, "NotFound")) throw error;
      }
    }
  }

  async #store(cron: CronWorkflow, status: CronWorkflowStatus): Promise<void> {
    if (JSON.stringify(status) === JSON.stringify(cron.status)) return;
    await this.#client.update(CronWorkflows, { ...cron, status });
  }
}

function referred({ spec }: CronWorkflow): { template?: string; cluster?: boolean } {
  const ref = spec.workflowSpec.workflowTemplateRef;
  return ref?.name ? { template: ref.name, cluster: ref.clusterScope === true } : {};
}

/** The status with what has ended since it was written. */
function count(cron: CronWorkflow, children: Workflow[]): CronWorkflowStatus {
  const status: CronWorkflowStatus = structuredClone(cron.status ?? {});
  const byUid = new Map(children.map((child) => [child.metadata.uid, child]));
  const active = (status.active ?? []).filter(({ uid }) => {
    const phase = byUid.get(uid)?.status?.phase;
    if (phase === "Succeeded") status.succeeded = (status.succeeded ?? 0) + 1;
    else if (isWorkflowOver(phase)) status.failed = (status.failed ?? 0) + 1;
    return byUid.has(uid) && !isWorkflowOver(phase);
  });
  status.active = active;
  return status;
}

function environmentOf({ metadata }: CronWorkflow, status: CronWorkflowStatus): Record<string, unknown> {
  const last = status.lastScheduledTime;
  return {
    cronworkflow: {
      name: metadata.name,
      namespace: metadata.namespace ?? "",
      labels: metadata.labels ?? {},
      annotations: metadata.annotations ?? {},
      lastScheduledTime: last ? new Moment(Date.parse(last)) : null,
      failed: status.failed ?? 0,
      succeeded: status.succeeded ?? 0,
    },
  };
}

/** Replaces `{{=expression}}` and `{{name}}`. */
function fill(text: string, environment: Record<string, unknown>): string {
  return text.replace(/\{\{(=?)([\s\S]*?)\}\}/g, (_, _equals: string, expression: string) =>
    textOf(evaluateExpression(expression.trim(), environment)),
  );
}

function setCondition(status: CronWorkflowStatus, condition: Condition): void {
  const others = (status.conditions ?? []).filter(({ type }) => type !== condition.type);
  const known = status.conditions?.find(({ type }) => type === condition.type);
  if (!known && condition.status === "False") return;
  status.conditions = [...others, condition];
}
