// Metrics that workflows and templates define: what they say when a node, or the workflow, starts and ends.
// Source: argo-workflows docs/metrics.md.
import type { NodeStatus, PrometheusMetric, Template } from "@capstan/api/kinds/workflow";
import { ExpressionError, evaluateWhen } from "../expressions/index.ts";
import type { Sample } from "../metrics/registry.ts";
import { setCondition } from "./finish.ts";
import { setProgress } from "./globals.ts";
import { inputScope } from "./inputs.ts";
import { sourcesOf } from "./invoke.ts";
import { isOver, isWorkflowOver } from "./phase.ts";
import type { Run } from "./run.ts";
import { Scope } from "./scope.ts";
import { substitute } from "./substitute.ts";
import { resolveTemplate } from "./templates.ts";

/** What this operation has to say. @param all whether it looked at the workflow for the first time. */
export function collectMetrics(run: Run, before: string | undefined, all: boolean): Sample[] {
  const samples: Sample[] = [];
  if (!areThereAny(run)) return samples;
  const whole = run.spec.metrics?.prometheus ?? [];
  const { phase } = run.status;
  const over = isWorkflowOver(phase);
  if (phase && whole.length > 0) {
    const since = Date.parse(run.status.startedAt ?? run.now);
    const span = { since, ...(over ? { until: Date.parse(run.status.finishedAt ?? run.now) } : {}) };
    setProgress(run);
    if (all || phase !== before) emit(run, samples, whole, run.globals, span, over);
  }
  const attempts = new Set(run.reached.flatMap((node) => (node.type === "Retry" ? (node.children?.at(-1) ?? []) : [])));
  for (const node of run.reached) {
    // The last attempt speaks as the node that it belongs to.
    if (!attempts.has(node.id)) sayOf(run, samples, node);
  }
  const begun = all ? Object.values(run.nodes) : run.begun;
  for (const node of begun) if (!isOver(node) && !node.nodeFlag?.retried) sayOf(run, samples, node);
  return samples;
}

function areThereAny({ spec, status }: Run): boolean {
  const templates = [...(spec.templates ?? []), ...Object.values(status.storedTemplates ?? {})];
  return [spec, spec.templateDefaults, ...templates].some((one) => one?.metrics?.prometheus?.length);
}

function sayOf(run: Run, samples: Sample[], node: NodeStatus): void {
  const metrics = templateOf(run, node)?.metrics?.prometheus;
  if (!metrics?.length || node.type === "Skipped" || !node.startedAt) return;
  const since = Date.parse(node.startedAt);
  const over = isOver(node);
  const span = { since, ...(over ? { until: Date.parse(node.finishedAt ?? run.now) } : {}) };
  emit(run, samples, metrics, scopeOf(run, node, (span.until ?? run.world.now) - since), span, over);
}

/** What has no name of its own, or has gone meanwhile, says nothing. */
function templateOf(run: Run, node: NodeStatus): Template | undefined {
  const { templateName, templateRef, templateScope } = node;
  if (!templateName && !templateRef) return undefined;
  const reference = { ...(templateName ? { template: templateName } : {}), ...(templateRef ? { templateRef } : {}) };
  try {
    return resolveTemplate(reference, { scope: templateScope ?? "" }, sourcesOf(run)).template;
  } catch (error) {
    if (error instanceof ExpressionError) return undefined;
    throw error;
  }
}

function scopeOf(run: Run, node: NodeStatus, milliseconds: number): Scope {
  const scope = new Scope(inputScope({ ...(node.inputs ? { inputs: node.inputs } : {}) }, run.globals));
  const outputs = new Scope(scope);
  outputs.set("duration", (milliseconds / 1000).toFixed(6));
  outputs.set("status", node.phase ?? "");
  outputs.set("exitCode", node.outputs?.exitCode ?? "0");
  if (node.outputs?.result !== undefined) outputs.set("outputs.result", node.outputs.result);
  for (const { name, value } of node.outputs?.parameters ?? [])
    if (value !== undefined) outputs.set(`outputs.parameters.${name}`, String(value));
  for (const [name, seconds] of Object.entries(node.resourcesDuration ?? {}))
    outputs.set(`resourcesDuration.${name}`, String(seconds));
  if (node.type === "Retry") outputs.set("retries", String(Math.max(0, (node.children?.length ?? 1) - 1)));
  return outputs;
}

interface Span {
  since: number;
  until?: number;
}

function emit(run: Run, samples: Sample[], metrics: PrometheusMetric[], scope: Scope, span: Span, over: boolean): void {
  for (const metric of metrics) {
    if (!metric.gauge?.realtime && !over) continue;
    try {
      const sample = sampleOf(substitute(metric, scope), metric, span);
      if (!sample) continue;
      const problem = run.world.metricProblem?.(sample);
      if (problem) throw new ExpressionError(problem);
      samples.push(sample);
    } catch (error) {
      if (!(error instanceof ExpressionError || error instanceof RangeError)) throw error;
      setCondition(run, "MetricsError", "True", `metric ${metric.name}: ${error.message}`);
    }
  }
}

/** Undefined where its condition does not hold. @throws ExpressionError for what cannot be counted. */
function sampleOf(metric: PrometheusMetric, written: PrometheusMetric, span: Span): Sample | undefined {
  const { name, help, when, gauge, counter, histogram } = metric;
  if (when && !evaluateWhen(when)) return undefined;
  const labels = Object.fromEntries((metric.labels ?? []).map(({ key, value }) => [key, value]));
  const left = [name, help, ...Object.values(labels)].find((text) => text.includes("{{"));
  if (left !== undefined) throw new ExpressionError(`cannot resolve ${left}`);
  if (gauge?.realtime) {
    const value = written.gauge?.value ?? "";
    if (!/^\s*\{\{\s*(?:workflow\.)?duration\s*\}\}\s*$/.test(value))
      throw new ExpressionError(`a realtime gauge is {{duration}} or {{workflow.duration}}, not ${value}`);
    return { name, help, labels, type: "gauge", value: 0, ...span };
  }
  const base = { name, help, labels };
  if (gauge) {
    const { operation = "Set" } = gauge;
    return { ...base, type: "gauge", value: numberOf(gauge.value), operation };
  }
  if (counter) return { ...base, type: "counter", value: numberOf(counter.value) };
  if (histogram)
    return { ...base, type: "histogram", value: numberOf(histogram.value), buckets: histogram.buckets.map(Number) };
  throw new ExpressionError("one of gauge, counter, histogram is required");
}

function numberOf(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new ExpressionError(`${JSON.stringify(text)} is no number`);
  return value;
}
