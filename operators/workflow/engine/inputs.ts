// Arguments become a template's inputs: values over defaults, then the template's own tags are replaced.

import type { ConfigMap } from "@capstan/api/generated/core-v1";
import {
  type AnyString,
  type Arguments,
  type Artifact,
  isLocated,
  type Parameter,
  type Template,
} from "@capstan/api/kinds/workflow";
import { ExpressionError, plainNumber } from "../expressions/index.ts";
import { inputMismatch } from "../parameter-types/index.ts";
import { Scope } from "./scope.ts";
import { substitute } from "./substitute.ts";

export function anyText(value: AnyString): string {
  return typeof value === "number" ? plainNumber(value) : String(value);
}

export type FindConfigMap = (name: string) => ConfigMap | undefined;

/** The value of a ConfigMap's key; undefined when it is not there and that is allowed. */
export function readConfigMap(parameter: Parameter, find: FindConfigMap): string | undefined {
  const ref = parameter.valueFrom?.configMapKeyRef;
  if (!ref) return undefined;
  const value = find(ref.name ?? "")?.data?.[ref.key];
  if (value !== undefined) return value;
  if (parameter.valueFrom?.default !== undefined) return anyText(parameter.valueFrom.default);
  if (ref.optional) return undefined;
  throw new ExpressionError(`parameter ${parameter.name}: ConfigMap ${ref.name} has no key ${ref.key}`);
}

export interface InputOptions {
  arguments: Arguments | undefined;
  /** Global names, and local ones such as pod.name. */
  scope: Scope;
  find: FindConfigMap;
}

/** What a template was before values that may look like tags stood in it. */
interface Unfilled {
  rest: Omit<Template, "inputs">;
  scope: Scope;
}
const unfilled = new WeakMap<Template, Unfilled>();

/**
 * A template with its inputs. Each text is replaced once: what a value brings is never looked at as a tag.
 * @throws ExpressionError naming an input that was not supplied, or whose value its enum does not have or is not of its type.
 */
export function processInputs(template: Template, options: InputOptions): Template {
  const given = options.arguments ?? {};
  const { inputs: declared, ...rest } = template;
  // Inputs may name global values, artifacts parameters, and the rest of the template both.
  const own = substitute(declared?.parameters, options.scope);
  const parameters = own?.map((input) => supplyParameter(input, given.parameters, options));
  checkEnums(parameters);
  const mismatch = inputMismatch(template, parameters ?? []);
  if (mismatch) throw new ExpressionError(mismatch);
  const scope = inputScope({ inputs: { ...(parameters ? { parameters } : {}) } }, options.scope);
  const artifacts = substitute(declared?.artifacts, scope)?.flatMap((input) => supplyArtifact(input, given.artifacts));
  for (const artifact of artifacts ?? []) {
    if (artifact.path) scope.set(`inputs.artifacts.${artifact.name}.path`, artifact.path);
  }
  addOutputPaths(scope, substitute(rest.outputs, scope));
  const inputs = { ...(parameters ? { parameters } : {}), ...(artifacts ? { artifacts } : {}) };
  const result: Template = { ...fill(rest, scope), ...(declared ? { inputs } : {}) };
  unfilled.set(result, { rest, scope });
  return result;
}

/** Steps and tasks are filled in when they are started, from what is known then. */
function fill({ steps, dag, ...rest }: Omit<Template, "inputs">, scope: Scope): Template {
  const target = substitute(dag?.target, scope);
  return {
    ...substitute(rest, scope),
    ...(steps ? { steps } : {}),
    ...(dag ? { dag: { ...dag, ...(target === undefined ? {} : { target }) } } : {}),
  };
}

/** A copy of what processInputs made, with more names known. */
export function refill(template: Template, add: (scope: Scope) => void, globals: Scope): Template {
  const known = unfilled.get(template);
  const { inputs, ...plain } = template;
  const scope = new Scope(known?.scope ?? globals);
  add(scope);
  const rest = known?.rest ?? plain;
  const result: Template = { ...fill(rest, scope), ...(inputs ? { inputs } : {}) };
  unfilled.set(result, { rest, scope });
  return result;
}

function supplyParameter(input: Parameter, given: Parameter[] | undefined, options: InputOptions): Parameter {
  const argument = given?.find(({ name }) => name === input.name);
  const { valueFrom, ...plain } = input;
  if (argument?.value !== undefined) return { ...plain, value: anyText(argument.value) };
  if (argument?.valueFrom) {
    const value = readConfigMap(argument, options.find);
    if (value !== undefined) return { ...plain, value };
  }
  if (input.value !== undefined) return { ...plain, value: anyText(input.value) };
  if (valueFrom) {
    const value = readConfigMap(substitute(input, options.scope), options.find);
    if (value !== undefined) return { ...plain, value };
    if (valueFrom.default !== undefined) return { ...plain, value: anyText(valueFrom.default) };
  }
  if (input.default !== undefined) return { ...plain, value: anyText(input.default) };
  if (valueFrom?.supplied || valueFrom?.event) return input;
  throw new ExpressionError(`inputs.parameters.${input.name} was not supplied`);
}

function checkEnums(parameters: Parameter[] | undefined): void {
  for (const { name, value, enum: allowed } of parameters ?? []) {
    if (!allowed || value === undefined) continue;
    const texts = allowed.map(anyText);
    if (!texts.includes(anyText(value))) {
      throw new ExpressionError(`inputs.parameters.${name}: ${JSON.stringify(value)} is none of ${texts.join(", ")}`);
    }
  }
}

function supplyArtifact(input: Artifact, given: Artifact[] | undefined): Artifact[] {
  const argument = given?.find(({ name }) => name === input.name);
  if (argument && isLocated(argument)) {
    const { path, mode, recurseMode, optional, archive } = input;
    return [
      {
        ...argument,
        path,
        ...(mode === undefined ? {} : { mode }),
        ...(recurseMode === undefined ? {} : { recurseMode }),
        ...(optional ? { optional } : {}),
        ...(archive ? { archive } : {}),
      },
    ];
  }
  if (isLocated(input) || input.optional) return [input];
  throw new ExpressionError(`inputs.artifacts.${input.name} was not supplied`);
}

/** Names that a template with its inputs adds. */
export function inputScope(template: Template, parent: Scope): Scope {
  const scope = new Scope(parent);
  const { inputs, outputs } = template;
  if (inputs?.parameters) {
    scope.set("inputs.parameters", JSON.stringify(inputs.parameters));
    for (const { name, value } of inputs.parameters) {
      if (value !== undefined) scope.set(`inputs.parameters.${name}`, anyText(value));
    }
  }
  for (const artifact of inputs?.artifacts ?? []) {
    if (artifact.path) scope.set(`inputs.artifacts.${artifact.name}.path`, artifact.path);
  }
  addOutputPaths(scope, outputs);
  return scope;
}

function addOutputPaths(scope: Scope, outputs: Template["outputs"]): void {
  for (const { name, path } of outputs?.artifacts ?? []) if (path) scope.set(`outputs.artifacts.${name}.path`, path);
  for (const { name, valueFrom } of outputs?.parameters ?? []) {
    if (valueFrom?.path) scope.set(`outputs.parameters.${name}.path`, valueFrom.path);
  }
}

/** What the steps or tasks of a template can name of it. */
export function bodyScope(template: Template, parent: Scope): Scope {
  const scope = new Scope(unfilled.get(template)?.scope ?? parent);
  for (const { name, value } of template.inputs?.parameters ?? []) {
    if (value !== undefined) scope.set(`inputs.parameters.${name}`, anyText(value));
  }
  for (const artifact of template.inputs?.artifacts ?? [])
    scope.setArtifact(`inputs.artifacts.${artifact.name}`, artifact);
  return scope;
}
