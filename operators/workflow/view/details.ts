// All about one workflow, as lines in the order of `argo get`.
import type { Artifact, Workflow } from "@capstan/api/kinds/workflow";
import { isSuspended } from "../control/index.ts";
import { elapsed, longDuration, timeOf, timestamp } from "./durations.ts";
import { renderTree, resourcesText, type TreeOptions } from "./tree.ts";

/** The phase in words: a running workflow may be suspended, a failed one may have been shut down. */
export function statusText(workflow: Workflow): string {
  const phase = workflow.status?.phase ?? "";
  if (phase === "Running" && isSuspended(workflow)) return "Running (Suspended)";
  if (phase === "Failed" && workflow.spec.shutdown) return "Failed (Terminated)";
  return phase || "Pending";
}

export const detailLine = (name: string, value: unknown, width = 20) => `${name.padEnd(width)} ${value}`.trimEnd();

export function describeWorkflow(workflow: Workflow, options: TreeOptions): string[] {
  const { metadata, status = {} } = workflow;
  const spec = status.storedWorkflowTemplateSpec ?? workflow.spec;
  const lines = [
    detailLine("Name:", metadata.name),
    detailLine("Namespace:", metadata.namespace ?? ""),
    detailLine("ServiceAccount:", spec.serviceAccountName ?? unsetAccount(workflow)),
    detailLine("Status:", statusText(workflow)),
  ];
  if (status.message) lines.push(detailLine("Message:", status.message));
  if (status.conditions?.length) {
    lines.push("Conditions:");
    for (const condition of status.conditions)
      lines.push(detailLine(` ${condition.type}`, condition.message ?? condition.status));
  }
  lines.push(...times(workflow, options.now), detailLine("Progress:", status.progress ?? ""));
  if (Object.keys(status.resourcesDuration ?? {}).length > 0)
    lines.push(detailLine("ResourcesDuration:", resourcesText(status.resourcesDuration)));
  const given = (spec.arguments?.parameters ?? []).filter(({ value }) => value !== undefined);
  if (spec.arguments?.parameters?.length) lines.push("Parameters:");
  for (const { name, value } of given) lines.push(detailLine(`  ${name}:`, value));
  const { parameters = [], artifacts = [] } = status.outputs ?? {};
  if (parameters.length > 0) lines.push("Output Parameters:");
  for (const { name, value } of parameters) lines.push(detailLine(`  ${name}:`, value ?? ""));
  if (artifacts.length > 0) lines.push("Output Artifacts:");
  for (const artifact of artifacts) lines.push(detailLine(`  ${artifact.name}:`, locationText(artifact)));
  const tree = renderTree(workflow, options);
  return tree.length > 0 ? [...lines, "", ...tree] : lines;
}

function unsetAccount({ spec }: Workflow): string {
  return spec.workflowTemplateRef ? "unset" : "unset (will run with the default ServiceAccount)";
}

function times({ metadata, status }: Workflow, now: number): string[] {
  const at = (name: string, time: string | null | undefined) => {
    const value = timeOf(time);
    return value === undefined ? [] : [detailLine(name, timestamp(value, now))];
  };
  const { startedAt, finishedAt } = status ?? {};
  const duration = detailLine("Duration:", longDuration(elapsed(startedAt, finishedAt, now)));
  return [
    ...at("Created:", metadata.creationTimestamp),
    ...at("Started:", startedAt),
    ...at("Finished:", finishedAt),
    ...(startedAt ? [duration] : []),
  ];
}

/** Where an artifact is, in one word. */
function locationText({ s3, http, raw, git, file, gcs, oss, azure, hdfs, artifactory }: Artifact): string {
  if (file) return `file:${file.key}`;
  if (s3) return `s3://${s3.endpoint ?? ""}/${s3.bucket ?? ""}/${s3.key ?? ""}`;
  if (git) return git.repo;
  if (raw) return raw.data.split("\n", 1)[0] ?? "";
  return http?.url ?? artifactory?.url ?? gcs?.key ?? oss?.key ?? azure?.blob ?? hdfs?.path ?? "";
}
