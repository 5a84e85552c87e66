// What is given to workflows, steps and tasks: names, values, enums, places of artifacts.
import type { Arguments, Parameter, Template } from "@capstan/api/kinds/workflow";
import { anyText } from "../engine/inputs.ts";
import type { Problem } from "./shape.ts";
import { checkSuppliedTypes } from "./types.ts";

const nameStyle = /^[-a-zA-Z0-9_]+$/;
const isTagged = (text: string) => text.includes("{{");

/** Names of parameters and artifacts: there, well made, not twice. */
export function checkFieldNames(items: { name?: string }[], path: string, problems: Problem[]): void {
  const seen = new Set<string>();
  for (const [i, { name }] of items.entries()) {
    const at = `${path}[${i}].name`;
    if (!name) problems.push({ path: at, message: "is required" });
    else if (seen.has(name)) problems.push({ path: at, message: `${name} is there twice` });
    else if (!nameStyle.test(name) && !isTagged(name)) {
      problems.push({ path: at, message: `${JSON.stringify(name)} must be of letters, digits, - and _` });
    }
    if (name) seen.add(name);
  }
}

const sourcesOfOutputs = ["path", "jsonPath", "jqFilter", "parameter", "expression"] as const;

/** @param mayLack values may come later. */
export function checkArguments(
  given: Arguments | undefined,
  path: string,
  mayLack: boolean,
  problems: Problem[],
): void {
  checkFieldNames(given?.parameters ?? [], `${path}.parameters`, problems);
  checkFieldNames(given?.artifacts ?? [], `${path}.artifacts`, problems);
  for (const [i, parameter] of (given?.parameters ?? []).entries()) {
    const at = `${path}.parameters[${i}]`;
    const { value, default: otherwise, valueFrom } = parameter;
    if (value === undefined && otherwise === undefined && !valueFrom && !mayLack) {
      problems.push({ path: `${at}.value`, message: `parameter ${parameter.name} needs a value` });
    }
    const foreign = valueFrom && sourcesOfOutputs.filter((source) => valueFrom[source]);
    if (foreign?.length) {
      problems.push({
        path: `${at}.valueFrom.${foreign[0]}`,
        message: "is for outputs: an argument has configMapKeyRef or supplied",
      });
    }
    checkEnum(parameter, at, problems);
  }
  for (const [i, { name, path: _path, mode: _mode, optional, archive: _archive, ...place }] of (
    given?.artifacts ?? []
  ).entries()) {
    const at = `${path}.artifacts[${i}]`;
    if (place.from && place.fromExpression) {
      problems.push({ path: at, message: "only one of from and fromExpression may be given" });
    }
    if (!optional && Object.keys(place).length === 0 && !mayLack) {
      problems.push({ path: at, message: `artifact ${name} needs from, a key or a place` });
    }
  }
}

/** A parameter's own value and default must be among those that it allows. */
export function checkEnum(parameter: Parameter, path: string, problems: Problem[]): void {
  if (!parameter.enum) return;
  if (parameter.enum.length === 0) problems.push({ path: `${path}.enum`, message: "needs at least one value" });
  for (const field of ["value", "default"] as const) {
    const value = parameter[field];
    if (value !== undefined) checkAllowed(parameter, anyText(value), `${path}.${field}`, problems);
  }
}

function checkAllowed({ name, enum: allowed }: Parameter, value: string, path: string, problems: Problem[]): void {
  const texts = (allowed ?? []).map(anyText);
  if (isTagged(value) || texts.length === 0 || texts.includes(value)) return;
  problems.push({ path, message: `${JSON.stringify(value)} is none of the values of ${name}: ${texts.join(", ")}` });
}

/** Inputs without a value of their own must be supplied, and those with an enum or a type with a value of it. */
export function checkSupplied(template: Template, given: Arguments, path: string, problems: Problem[]): void {
  const missing = (kind: "parameters" | "artifacts", name: string) =>
    problems.push({
      path: `${path}.${kind}`,
      message: `${name} was not supplied, and template ${template.name ?? ""} has no default for it`,
    });
  for (const input of template.inputs?.parameters ?? []) {
    const index = given.parameters?.findIndex(({ name }) => name === input.name) ?? -1;
    const argument = given.parameters?.[index];
    const { value, default: otherwise, valueFrom } = input;
    if (!argument && value === undefined && otherwise === undefined && !valueFrom) missing("parameters", input.name);
    const said = argument?.value;
    if (said !== undefined && input.enum)
      checkAllowed(input, anyText(said), `${path}.parameters[${index}].value`, problems);
  }
  checkSuppliedTypes(template, given, path, problems);
  for (const artifact of template.inputs?.artifacts ?? []) {
    const {
      name,
      path: _path,
      optional,
      mode: _mode,
      recurseMode: _recurse,
      archive: _archive,
      ...location
    } = artifact;
    if (optional || Object.keys(location).length > 0) continue;
    if (!given.artifacts?.some((argument) => argument.name === name)) missing("artifacts", name);
  }
}
