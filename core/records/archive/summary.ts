import type { Workflow } from "@capstan/api/kinds/workflow";
import type { ArchivedWorkflowRow } from "../tables.ts";

/** What is known of an archived workflow without reading it whole. Times are RFC 3339. */
export interface ArchivedWorkflow {
  uid: string;
  namespace: string;
  name: string;
  phase: string;
  /** The template that it was made from: `name`, or `cluster/name`; empty for none. */
  template: string;
  message: string;
  progress: string;
  createdAt: string;
  startedAt: string;
  finishedAt: string;
  archivedAt: string;
  labels: Record<string, string>;
}

/** The columns of a workflow, without the object itself. Times that it lacks are its creation's. */
export function summaryOf(
  { metadata, spec, status = {} }: Workflow,
  now: string,
): Omit<ArchivedWorkflowRow, "workflow" | "cluster"> {
  const created = timeOf(metadata.creationTimestamp) ?? now;
  const reference = spec.workflowTemplateRef;
  const ofCluster = metadata.labels?.["workflows.argoproj.io/cluster-workflow-template"];
  const template = reference?.name
    ? `${reference.clusterScope ? "cluster/" : ""}${reference.name}`
    : ofCluster
      ? `cluster/${ofCluster}`
      : (metadata.labels?.["workflows.argoproj.io/workflow-template"] ?? "");
  return {
    uid: metadata.uid ?? "",
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    phase: status.phase ?? "",
    template,
    message: plain(status.message ?? ""),
    progress: plain(status.progress ?? ""),
    created_at: created,
    started_at: timeOf(status.startedAt) ?? created,
    finished_at: timeOf(status.finishedAt) ?? now,
    archived_at: now,
    labels: plain(JSON.stringify(metadata.labels ?? {})),
  };
}

/** PostgreSQL's texts hold no NUL. */
export const plain = (text: string): string => text.replaceAll("\0", "\uFFFD");

/** With milliseconds, in UTC; undefined for what is no time. */
export function timeOf(time: unknown): string | undefined {
  if (typeof time !== "string") return undefined;
  const at = Date.parse(time);
  return Number.isNaN(at) ? undefined : new Date(at).toISOString();
}

export function fromRow(row: Omit<ArchivedWorkflowRow, "workflow" | "cluster">): ArchivedWorkflow {
  const { uid, namespace, name, phase, template, message, progress } = row;
  return {
    uid,
    namespace,
    name,
    phase,
    template,
    message,
    progress,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
    archivedAt: row.archived_at,
    labels: JSON.parse(row.labels) as Record<string, string>,
  };
}
