// What later steps can name of earlier ones, and the outputs of templates made of steps.
import type { Artifact, NodeStatus, Outputs, Parameter, Template } from "@capstan/api/kinds/workflow";
import { ExpressionError, evaluateExpression, textOf } from "../expressions/index.ts";
import { anyText } from "./inputs.ts";
import { attemptsOf } from "./outbound.ts";
import type { Run } from "./run.ts";
import type { Scope } from "./scope.ts";
import { substituteText } from "./substitute.ts";

/** Adds `steps.<name>.…` or `tasks.<name>.…` of one node. @param declared its template's outputs, for when it was skipped. */
export function addNodeToScope(run: Run, scope: Scope, prefix: string, node: NodeStatus, declared?: Outputs): void {
  const last = node.type === "Retry" && !node.memoizationStatus?.hit ? attemptsOf(run, node).at(-1) : undefined;
  const of = last ?? node;
  scope.set(`${prefix}.id`, of.id);
  if (of.startedAt) scope.set(`${prefix}.startedAt`, of.startedAt);
  if (of.finishedAt) scope.set(`${prefix}.finishedAt`, of.finishedAt);
  if (of.podIP) scope.set(`${prefix}.ip`, of.podIP);
  if (of.phase) scope.set(`${prefix}.status`, of.phase);
  if (of.hostNodeName) scope.set(`${prefix}.hostNodeName`, of.hostNodeName);
  if (of.phase === "Skipped" || of.phase === "Omitted") addAbsentOutputs(scope, prefix, declared);
  addOutputs(scope, prefix, of.outputs);
}

/** A skipped producer's outputs are absent, but for those with a default. */
function addAbsentOutputs(scope: Scope, prefix: string, declared: Outputs | undefined): void {
  scope.set(`${prefix}.outputs.result`, null);
  for (const { name, valueFrom, default: otherwise } of declared?.parameters ?? []) {
    const value = valueFrom?.default ?? otherwise;
    scope.set(`${prefix}.outputs.parameters.${name}`, value === undefined ? null : anyText(value));
  }
  for (const { name } of declared?.artifacts ?? []) scope.set(`${prefix}.outputs.artifacts.${name}`, null);
}

export function addOutputs(scope: Scope, prefix: string, outputs: Outputs | undefined): void {
  if (!outputs) return;
  if (outputs.result !== undefined) scope.set(`${prefix}.outputs.result`, outputs.result);
  if (outputs.exitCode !== undefined) scope.set(`${prefix}.exitCode`, outputs.exitCode);
  for (const { name, value } of outputs.parameters ?? []) {
    if (value !== undefined) scope.set(`${prefix}.outputs.parameters.${name}`, anyText(value));
  }
  for (const artifact of outputs.artifacts ?? [])
    scope.setArtifact(`${prefix}.outputs.artifacts.${artifact.name}`, artifact);
}

/** Adds what all iterations of a loop gave, as JSON lists in the loop's order. */
export function addLoopToScope(scope: Scope, prefix: string, nodes: NodeStatus[]): void {
  const own = nodes.filter(({ nodeFlag }) => !nodeFlag?.hooked && !nodeFlag?.retried);
  own.sort((a, b) => loopIndex(a.name) - loopIndex(b.name));
  const results: unknown[] = [];
  const parameters: Record<string, string>[] = [];
  const byName = new Map<string, string[]>();
  for (const { phase, outputs } of own) {
    if (phase !== "Succeeded" || !outputs) continue;
    if (outputs.result !== undefined) results.push(readJson(outputs.result));
    if (!outputs.parameters?.length) continue;
    const values = Object.fromEntries(outputs.parameters.map(({ name, value }) => [name, anyText(value ?? "")]));
    parameters.push(values);
    for (const [name, value] of Object.entries(values)) byName.set(name, [...(byName.get(name) ?? []), value]);
  }
  scope.set(`${prefix}.outputs.result`, JSON.stringify(results));
  scope.set(`${prefix}.outputs.parameters`, JSON.stringify(parameters));
  for (const [name, values] of byName) scope.set(`${prefix}.outputs.parameters.${name}`, aggregate(values));
}

function loopIndex(name: string): number {
  return Number(/\((\d+):[^()]*\)$/.exec(name)?.[1] ?? 0);
}
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
/** Lists and maps stay what they are when all are; else each value is a text. */
function aggregate(values: string[]): string {
  const read = values.map(readJson);
  return JSON.stringify(read.every((value) => typeof value === "object" && value !== null) ? read : values);
}

/** Outputs of a template of steps or tasks. @throws ExpressionError for what is not there and has no default. */
export function outputsFromScope(template: Template, scope: Scope): Outputs | undefined {
  const { parameters, artifacts } = template.outputs ?? {};
  if (!parameters?.length && !artifacts?.length) return undefined;
  return {
    ...(parameters?.length ? { parameters: parameters.map((parameter) => outputParameter(parameter, scope)) } : {}),
    ...(artifacts?.length ? { artifacts: artifacts.flatMap((artifact) => outputArtifact(artifact, scope)) } : {}),
  };
}

function outputParameter({ valueFrom, ...parameter }: Parameter, scope: Scope): Parameter {
  if (!valueFrom && parameter.value !== undefined) return parameter;
  if (!valueFrom) throw new ExpressionError(`outputs.parameters.${parameter.name}: valueFrom is required`);
  let value: unknown;
  let problem = `${valueFrom.parameter ?? valueFrom.expression ?? "its source"} is not there`;
  try {
    value = valueFrom.expression
      ? evaluateExpression(valueFrom.expression, scope.environment())
      : readVariable(valueFrom.parameter ?? "", scope);
  } catch (error) {
    problem = (error as Error).message;
  }
  value ??= valueFrom.default;
  if (value === undefined || value === null)
    throw new ExpressionError(`outputs.parameters.${parameter.name}: ${problem}`);
  return { ...parameter, value: textOf(value) };
}

/** `{{a.b}}`, `a.b` or a text with tags. */
function readVariable(text: string, scope: Scope): string | undefined {
  const name = variableName(text);
  if (name !== undefined) return scope.get(name) ?? undefined;
  const value = substituteText(text, scope);
  if (value.includes("{{")) throw new ExpressionError(`cannot resolve ${value}`);
  return value;
}
function variableName(text: string): string | undefined {
  const inner =
    /^\s*\{\{\s*([^={}][^{}]*?)\s*\}\}\s*$/.exec(text)?.[1] ?? (text.includes("{{") ? undefined : text.trim());
  return inner?.replace(/\[\s*(?:'([^']*)'|"([^"]*)")\s*\]/g, (_, a?: string, b?: string) => `.${a ?? b}`);
}

function outputArtifact(artifact: Artifact, scope: Scope): Artifact[] {
  const found = resolveArtifact(artifact, scope);
  if (found)
    return [{ ...found, name: artifact.name, ...(artifact.globalName ? { globalName: artifact.globalName } : {}) }];
  if (artifact.optional) return [];
  throw new ExpressionError(
    `outputs.artifacts.${artifact.name}: ${artifact.from ?? artifact.fromExpression ?? "its source"} is not there`,
  );
}

/** The artifact that `from` or `fromExpression` names, `subPath` into it; undefined when it is not there. */
export function resolveArtifact(artifact: Artifact, scope: Scope): Artifact | undefined {
  let found: Artifact | undefined;
  const expression = artifact.fromExpression ?? /^\s*\{\{=(.*)\}\}\s*$/s.exec(artifact.from ?? "")?.[1];
  if (expression) {
    const value = evaluateExpression(expression, scope.environment());
    if (typeof value === "object" && value !== null && "name" in value) found = value as Artifact;
  } else if (artifact.from) found = scope.artifact(variableName(artifact.from) ?? "");
  if (!found) return undefined;
  return artifact.subPath ? withSubPath(found, substituteText(artifact.subPath, scope)) : found;
}

const keyFields = { file: "key", s3: "key", gcs: "key", oss: "key", azure: "blob", hdfs: "path" } as const;

function withSubPath(artifact: Artifact, subPath: string): Artifact {
  for (const [store, field] of Object.entries(keyFields) as [keyof typeof keyFields, string][]) {
    const location = artifact[store] as Record<string, unknown> | undefined;
    if (!location) continue;
    const key = `${String(location[field] ?? "").replace(/\/+$/, "")}/${subPath.replace(/^\/+/, "")}`;
    const digest = artifact.digest && { digest: `${artifact.digest}#${subPath}` };
    return { ...artifact, ...digest, [store]: { ...location, [field]: key } };
  }
  if (artifact.optional) return artifact;
  throw new ExpressionError(`artifact ${artifact.name}: subPath works only in a store with keys`);
}

/** Publishes outputs that have a globalName as the workflow's own. */
export function addGlobalOutputs(run: Run, outputs: Outputs | undefined): void {
  for (const { globalName, valueFrom: _, ...parameter } of outputs?.parameters ?? []) {
    if (!globalName || parameter.value === undefined) continue;
    const all = ensureOutputs(run, "parameters");
    put(run, all, { ...parameter, name: globalName });
    run.globals.set(`workflow.outputs.parameters.${globalName}`, anyText(parameter.value));
  }
  for (const { globalName, ...artifact } of outputs?.artifacts ?? []) {
    if (!globalName) continue;
    const all = ensureOutputs(run, "artifacts");
    const { path: _path, from: _from, ...kept } = artifact;
    put(run, all, { ...kept, name: globalName });
    run.globals.setArtifact(`workflow.outputs.artifacts.${globalName}`, { ...kept, name: globalName });
  }
}

function ensureOutputs<K extends "parameters" | "artifacts">(run: Run, field: K): NonNullable<Outputs[K]> {
  run.status.outputs ??= {};
  run.status.outputs[field] ??= [];
  return run.status.outputs[field] as NonNullable<Outputs[K]>;
}
function put(run: Run, all: { name: string }[], item: { name: string }): void {
  const at = all.findIndex(({ name }) => name === item.name);
  if (at >= 0 && JSON.stringify(all[at]) === JSON.stringify(item)) return;
  if (at < 0) all.push(item);
  else all[at] = item;
  run.changed = true;
}

/** Drops arguments whose only tag names something absent, so that the consumer's default counts. */
export function dropAbsent(parameters: Parameter[] | undefined, scope: Scope): Parameter[] | undefined {
  return parameters?.map((parameter) => {
    if (typeof parameter.value !== "string") return parameter;
    const name = /^\s*\{\{\s*([^={}][^{}]*?)\s*\}\}\s*$/.exec(parameter.value)?.[1];
    if (name === undefined || scope.get(name) !== null) return parameter;
    const { value: _, ...rest } = parameter;
    return rest;
  });
}
