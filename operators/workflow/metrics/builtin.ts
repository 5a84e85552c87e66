// What the operator tells of itself. Names and labels: argo-workflows docs/metrics.md.
import { Pods } from "@capstan/api/generated/resources";
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import type { Informers } from "@capstan/core/reconcile";
import { labels } from "../engine/index.ts";
import { MetricRegistry, type Sample } from "./registry.ts";

const prefix = "argo_workflows_";
/** Upper bounds of the duration of one operation, seconds. */
const operationBuckets = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30];
const runtimeBuckets = [1, 10, 60, 600, 3600, 21_600, 86_400];
const podPhases = ["Pending", "Running", "Succeeded", "Failed"];
const phases = ["Pending", "Running", "Succeeded", "Failed", "Error"];

export interface WorkflowMetrics {
  problem(sample: Sample): string | undefined;
  /** @param sample of a workflow's own: its name gets the prefix of all. */
  record(sample: Sample): void;
  operation(seconds: number): void;
  entered(workflow: Workflow): void;
  /** Prometheus' text format. */
  text(): string;
}

/** Counts what the informers see from now on. */
export function createWorkflowMetrics(informers: Informers): WorkflowMetrics {
  const own = new MetricRegistry();
  const custom = new MetricRegistry();
  const count = (name: string, help: string, given: Record<string, string>) =>
    own.record({ name: `${prefix}${name}`, help, type: "counter", labels: given, value: 1 });
  informers.informer(Pods).onChange(({ type, object, old }) => {
    const phase = object.status?.phase;
    if (type === "DELETED" || !phase || phase === old?.status?.phase || !object.metadata.labels?.[labels.workflow])
      return;
    const help = "Total number of pods that have entered each phase";
    count("pods_total_count", help, { phase, namespace: object.metadata.namespace ?? "" });
  });
  const named = (sample: Sample): Sample => ({ ...sample, name: `${prefix}${sample.name}` });
  return {
    problem: (sample) => custom.problem(named(sample)),
    record: (sample) => custom.record(named(sample)),
    operation(seconds) {
      const help = "Histogram of durations of operations";
      const name = `${prefix}operation_duration_seconds`;
      own.record({ name, help, type: "histogram", labels: {}, value: seconds, buckets: operationBuckets });
    },
    entered(workflow) {
      const { status, spec, metadata } = workflow;
      const phase = status?.phase || "Pending";
      const namespace = metadata.namespace ?? "";
      count("total_count", "Total number of workflows that have entered each phase", { phase, namespace });
      const ref = spec.workflowTemplateRef;
      if (!ref) return;
      const of = { name: ref.name ?? "", namespace, cluster_scope: String(ref.clusterScope === true) };
      count("workflowtemplate_triggered_total", "Total number of workflow templates triggered by workflowTemplateRef", {
        ...of,
        phase,
      });
      if (!status?.finishedAt || !status.startedAt) return;
      own.record({
        name: `${prefix}workflowtemplate_runtime`,
        help: "Duration of workflow template runs run through workflowTemplateRefs",
        type: "histogram",
        labels: of,
        value: (Date.parse(status.finishedAt) - Date.parse(status.startedAt)) / 1000,
        buckets: runtimeBuckets,
      });
    },
    text: () => `${presentText(informers)}${own.text()}${custom.text()}`,
  };
}

/** What there is at the moment. */
function presentText(informers: Informers): string {
  const present = new MetricRegistry();
  const gauge = (name: string, help: string, given: Record<string, string>, value: number) =>
    present.record({ name: `${prefix}${name}`, help, type: "gauge", labels: given, value, operation: "Add" });
  const workflows = informers.informer(Workflows).list();
  const help = "number of Workflows currently accessible by the controller by status";
  for (const phase of phases) gauge("gauge", help, { phase }, 0);
  for (const type of ["true", "false"])
    gauge("workflow_condition", conditionHelp, { type: "PodRunning", status: type }, 0);
  for (const { status } of workflows) {
    gauge("gauge", help, { phase: status?.phase || "Pending" }, 1);
    const running = status?.conditions?.find(({ type }) => type === "PodRunning")?.status;
    if (running) gauge("workflow_condition", conditionHelp, { type: "PodRunning", status: running.toLowerCase() }, 1);
  }
  const podHelp = "Number of Pods from Workflows currently accessible by the controller by status";
  for (const phase of podPhases) gauge("pods_gauge", podHelp, { phase }, 0);
  for (const { metadata, status } of informers.informer(Pods).list()) {
    if (metadata.labels?.[labels.workflow]) gauge("pods_gauge", podHelp, { phase: status?.phase || "Pending" }, 1);
  }
  return present.text();
}
const conditionHelp = "Workflow condition. The total number of workflows with a condition";
