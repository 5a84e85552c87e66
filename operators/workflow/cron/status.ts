// What a CronWorkflow's status says of its workflows, and which of these go.
import type { CronWorkflow, CronWorkflowStatus, Workflow } from "@capstan/api/kinds/workflow";
import { isWorkflowOver, labels } from "../engine/index.ts";

/** The status with what has started and ended since it was written. */
export function countEnded(cron: CronWorkflow, children: Workflow[]): CronWorkflowStatus {
  const status: CronWorkflowStatus = structuredClone(cron.status ?? {});
  const byUid = new Map(children.map((child) => [child.metadata.uid, child]));
  const known = new Set((status.active ?? []).map(({ uid }) => uid));
  const active = (status.active ?? []).filter(({ uid }) => {
    const phase = byUid.get(uid)?.status?.phase;
    if (phase === "Succeeded") status.succeeded = (status.succeeded ?? 0) + 1;
    else if (isWorkflowOver(phase)) status.failed = (status.failed ?? 0) + 1;
    return byUid.has(uid) && !isWorkflowOver(phase);
  });
  for (const { metadata, status } of children) {
    if (known.has(metadata.uid ?? "") || isWorkflowOver(status?.phase)) continue;
    const { namespace = "", name, uid = "" } = metadata;
    active.push({ apiVersion: "argoproj.io/v1alpha1", kind: "Workflow", namespace, name, uid });
  }
  status.active = active;
  return status;
}

/** Workflows beyond the history limits: 3 that succeeded and 1 that failed are kept unless the spec says otherwise. */
export function oldChildren({ spec }: CronWorkflow, children: Workflow[]): Workflow[] {
  const over = children
    .filter((child) => isWorkflowOver(child.status?.phase) && !child.metadata.deletionTimestamp)
    .filter(({ metadata }) => metadata.labels?.[labels.archivingStatus] !== "Pending")
    .sort((a, b) => String(b.status?.finishedAt).localeCompare(String(a.status?.finishedAt)));
  const good = over.filter((child) => child.status?.phase === "Succeeded");
  const bad = over.filter((child) => child.status?.phase !== "Succeeded");
  const limit = (value: number | undefined, otherwise: number) =>
    value === undefined || value < 0 ? otherwise : value;
  return [
    ...good.slice(limit(spec.successfulJobsHistoryLimit, 3)),
    ...bad.slice(limit(spec.failedJobsHistoryLimit, 1)),
  ];
}

export function setCondition(status: CronWorkflowStatus, type: string, message: string): void {
  clearCondition(status, type);
  status.conditions = [...(status.conditions ?? []), { type, status: "True", message }];
}

export function clearCondition(status: CronWorkflowStatus, type: string): void {
  if (status.conditions) status.conditions = status.conditions.filter((condition) => condition.type !== type);
}
