// `workflow.*`: what every template can name.
import type { Arguments, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { dayNames, ExpressionError, evaluateExpression, monthNames, textOf } from "../expressions/index.ts";
import { mismatchIn, workflowTypes } from "../parameter-types/index.ts";
import { anyText, readConfigMap } from "./inputs.ts";
import { labels } from "./names.ts";
import { addOutputs } from "./results.ts";
import type { Run } from "./run.ts";
import { substitute } from "./substitute.ts";

/** Sets the global names, and answers the workflow's arguments with their values. @throws ExpressionError */
export function setGlobals(run: Run): Arguments {
  const { globals, workflow, spec } = run;
  const { metadata } = workflow;
  globals.set("workflow.name", run.name);
  globals.set("workflow.namespace", metadata.namespace ?? "");
  globals.set("workflow.uid", metadata.uid ?? "");
  globals.set("workflow.mainEntrypoint", spec.entrypoint ?? "");
  globals.set("workflow.serviceAccountName", spec.serviceAccountName ?? "");
  if (spec.priority !== undefined) globals.set("workflow.priority", String(spec.priority));
  const scheduled = metadata.annotations?.[labels.scheduledTime];
  if (scheduled) globals.set("workflow.scheduledTime", scheduled);
  setCreation(run);
  setMetadata(run);
  const given = setParameters(run);
  addOutputs(globals, "workflow", run.status.outputs);
  setProgress(run);
  return given;
}

/** Names that change while the workflow runs. */
export function setProgress(run: Run): void {
  const { globals, status } = run;
  globals.set("workflow.status", status.phase ?? "");
  const seconds = status.startedAt ? (run.world.now - Date.parse(status.startedAt)) / 1000 : 0;
  globals.set("workflow.duration", seconds.toFixed(6));
}

/** `workflow.creationTimestamp.%X`: strftime's letters. */
function setCreation({ globals, workflow, now }: Run): void {
  const created = new Date(String(workflow.metadata.creationTimestamp ?? now));
  const pad = (value: number, width = 2) => String(value).padStart(width, "0");
  const [year, month, day] = [created.getUTCFullYear(), created.getUTCMonth(), created.getUTCDate()];
  const [hour, minute, second] = [created.getUTCHours(), created.getUTCMinutes(), created.getUTCSeconds()];
  const dayName = dayNames[created.getUTCDay()] ?? "";
  const monthName = monthNames[month] ?? "";
  const time = `${pad(hour)}:${pad(minute)}:${pad(second)}`;
  const letters: Record<string, string> = {
    Y: String(year),
    y: pad(year % 100),
    C: pad(Math.floor(year / 100)),
    m: pad(month + 1),
    d: pad(day),
    e: String(day).padStart(2),
    H: pad(hour),
    I: pad(hour % 12 || 12),
    M: pad(minute),
    S: pad(second),
    L: `.${pad(created.getUTCMilliseconds(), 3)}`,
    p: hour < 12 ? "AM" : "PM",
    A: dayName,
    a: dayName.slice(0, 3),
    B: monthName,
    b: monthName.slice(0, 3),
    j: pad(Math.floor((Date.UTC(year, month, day) - Date.UTC(year, 0, 0)) / 86_400_000), 3),
    w: String(created.getUTCDay()),
    u: String(created.getUTCDay() || 7),
    F: `${year}-${pad(month + 1)}-${pad(day)}`,
    T: time,
    R: `${pad(hour)}:${pad(minute)}`,
    D: `${pad(month + 1)}/${pad(day)}/${pad(year % 100)}`,
    Z: "UTC",
    z: "+0000",
    s: String(Math.floor(created.getTime() / 1000)),
    RFC3339: created.toISOString().replace(/\.\d+Z$/, "Z"),
  };
  globals.set("workflow.creationTimestamp", letters.RFC3339 ?? "");
  for (const [letter, text] of Object.entries(letters)) globals.set(`workflow.creationTimestamp.${letter}`, text);
}

function setMetadata({ globals, workflow, spec }: Run): void {
  const own = { ...workflow.metadata.labels };
  const notes = { ...workflow.metadata.annotations, ...spec.workflowMetadata?.annotations };
  Object.assign(own, spec.workflowMetadata?.labels);
  for (const key of Object.keys(spec.workflowMetadata?.labelsFrom ?? {})) {
    if (workflow.metadata.labels?.[key] === undefined) delete own[key];
  }
  for (const [kind, values] of Object.entries({ labels: own, annotations: notes })) {
    globals.set(`workflow.${kind}`, JSON.stringify(values));
    globals.set(`workflow.${kind}.json`, JSON.stringify(values));
    for (const [key, value] of Object.entries(values)) globals.set(`workflow.${kind}.${key}`, String(value));
  }
}

function setParameters(run: Run): Arguments {
  const { globals, spec, workflow, status } = run;
  const types = workflowTypes({ metadata: workflow.metadata, spec });
  const begins = !status.phase || status.phase === "Pending";
  const parameters = (spec.arguments?.parameters ?? []).map((parameter) => {
    const { valueFrom: _, ...plain } = parameter;
    let value = parameter.value === undefined ? undefined : anyText(parameter.value);
    value ??= readConfigMap(substitute(parameter, globals), run.world.configMap);
    if (value === undefined && parameter.default !== undefined) value = anyText(parameter.default);
    if (value === undefined) {
      throw new ExpressionError(`spec.arguments.parameters.${parameter.name}: a value is required`);
    }
    value = substitute(value, globals);
    // What a ConfigMap says may change while the workflow runs: its types count when it begins.
    const wrong = begins || parameter.value !== undefined ? mismatchIn(types, parameter.name, value) : undefined;
    if (wrong) throw new ExpressionError(`spec.arguments.parameters.${parameter.name}: ${wrong}`);
    globals.set(`workflow.parameters.${parameter.name}`, value);
    return { ...plain, value };
  });
  globals.set("workflow.parameters", JSON.stringify(parameters));
  globals.set("workflow.parameters.json", JSON.stringify(parameters));
  const artifacts = substitute(spec.arguments?.artifacts, globals);
  for (const artifact of artifacts ?? []) globals.setArtifact(`workflow.artifacts.${artifact.name}`, artifact);
  return { parameters, ...(artifacts ? { artifacts } : {}) };
}

/** Replaces global names in what the spec says of all pods. Templates, arguments, hooks and metrics are replaced when they are used. */
export function substituteSpec(run: Run): void {
  const { templates, templateDefaults, arguments: given, hooks, workflowMetadata, metrics, ...rest } = run.spec;
  const replaced = substitute(rest, run.globals);
  if (replaced === rest) return;
  const kept = { templates, templateDefaults, arguments: given, hooks, workflowMetadata, metrics };
  const present = Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== undefined));
  run.spec = { ...replaced, ...present };
}

/** Labels and annotations that the spec gives its workflow. */
export function applyWorkflowMetadata(run: Run): void {
  const { workflowMetadata } = run.spec;
  if (!workflowMetadata) return;
  const { metadata } = run.workflow;
  metadata.labels = { ...metadata.labels, ...substitute(workflowMetadata.labels, run.globals) };
  metadata.annotations = { ...metadata.annotations, ...substitute(workflowMetadata.annotations, run.globals) };
  for (const [key, { expression }] of Object.entries(workflowMetadata.labelsFrom ?? {})) {
    const value = textOf(evaluateExpression(expression, run.globals.environment()));
    metadata.labels[key] = value;
    run.globals.set(`workflow.labels.${key}`, value);
  }
}

/** The workflow's own spec over the one it refers to; arguments by name. */
export function joinSpecs(own: WorkflowSpec, template: WorkflowSpec): WorkflowSpec {
  const { workflowTemplateRef: _, ...over } = own;
  const joined: WorkflowSpec = { ...template, ...over };
  if (!over.templates?.length) joined.templates = template.templates ?? [];
  else joined.templates = [...over.templates, ...(template.templates ?? [])];
  joined.arguments = joinArguments(own.arguments, template.arguments);
  for (const key of ["podMetadata", "workflowMetadata", "hooks", "nodeSelector"] as const) {
    if (own[key] && template[key]) Object.assign(joined, { [key]: { ...template[key], ...own[key] } });
  }
  for (const key of ["podMetadata", "workflowMetadata"] as const) {
    const annotations = { ...template[key]?.annotations, ...own[key]?.annotations };
    const labels = { ...template[key]?.labels, ...own[key]?.labels };
    if (own[key] && template[key]) Object.assign(joined[key] ?? {}, present({ labels, annotations }));
  }
  return joined;
}

const present = (maps: Record<string, object>) =>
  Object.fromEntries(Object.entries(maps).filter(([, map]) => Object.keys(map).length > 0));

function joinArguments(own: Arguments | undefined, template: Arguments | undefined): Arguments {
  const join = <T extends { name: string }>(over: T[] | undefined, under: T[] | undefined): T[] => {
    const names = new Set((over ?? []).map(({ name }) => name));
    const merged = (over ?? []).map((item) => ({ ...under?.find(({ name }) => name === item.name), ...item }));
    return [...(under ?? []).filter(({ name }) => !names.has(name)), ...merged];
  };
  return {
    parameters: join(own?.parameters, template?.parameters),
    artifacts: join(own?.artifacts, template?.artifacts),
  };
}
