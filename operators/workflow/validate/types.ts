// Values of parameters whose types an annotation says, and the annotation itself.
import type { Arguments, Parameter, Template, Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { nearest } from "@capstan/base/errors";
import { anyText, type FindConfigMap } from "../engine/inputs.ts";
import { mismatchIn, type SaidTypes, templateTypes, workflowTypes } from "../parameter-types/index.ts";
import type { Problem } from "./shape.ts";

/** @param spec the workflow's with that of the template it refers to. */
export function checkWorkflowTypes(
  workflow: Workflow,
  spec: WorkflowSpec,
  template: WorkflowSpec | undefined,
  configMap: FindConfigMap | undefined,
  problems: Problem[],
): void {
  const said = workflowTypes(workflow, template);
  if (said.length === 0) return;
  const parameters = spec.arguments?.parameters ?? [];
  checkSaid(said, parameters, "the workflow", problems);
  checkValues(said, parameters, "spec.arguments", problems);
  for (const [i, { name, value, valueFrom }] of parameters.entries()) {
    const ref = valueFrom?.configMapKeyRef;
    if (value !== undefined || !ref || `${ref.name}${ref.key}`.includes("{{")) continue;
    const text = configMap?.(ref.name ?? "")?.data?.[ref.key];
    const path = `spec.arguments.parameters[${i}].valueFrom.configMapKeyRef`;
    if (text !== undefined) report(mismatchIn(said, name, text), name, path, problems);
  }
}

/** The annotation of a template, and the defaults of its inputs. */
export function checkTemplateTypes(template: Template, path: string, problems: Problem[]): void {
  const said = templateTypes(template, path);
  if (!said) return;
  const parameters = template.inputs?.parameters ?? [];
  checkSaid([said], parameters, `template ${template.name ?? ""}`.trim(), problems);
  checkValues([said], parameters, `${path}.inputs`, problems);
}

/** What a step or task gives to a template. */
export function checkSuppliedTypes(template: Template, given: Arguments, path: string, problems: Problem[]): void {
  const said = templateTypes(template);
  if (!said) return;
  const known = new Set(template.inputs?.parameters?.map(({ name }) => name));
  for (const [i, { name, value }] of (given.parameters ?? []).entries()) {
    if (value === undefined || !known.has(name)) continue;
    const of = `${name} of template ${template.name ?? ""}`.trim();
    report(literalMismatch([said], name, anyText(value)), of, `${path}.parameters[${i}].value`, problems);
  }
}

function checkSaid(said: SaidTypes[], parameters: Parameter[], where: string, problems: Problem[]): void {
  const known = parameters.map(({ name }) => name);
  for (const { path, types, problems: wrong } of said) {
    for (const one of wrong) problems.push({ path: `${path}${one.path}`, message: one.message });
    for (const name of types.keys()) {
      if (known.includes(name)) continue;
      const near = nearest(name, known);
      const message = `${where} has no parameter ${name}${near ? `; did you mean ${near}?` : ""}`;
      problems.push({ path: `${path}.${name}`, message });
    }
  }
}

function checkValues(said: SaidTypes[], parameters: Parameter[], path: string, problems: Problem[]): void {
  for (const [i, { name, value, default: otherwise, valueFrom }] of parameters.entries()) {
    const at = `${path}.parameters[${i}]`;
    const texts = { value, default: otherwise, "valueFrom.default": valueFrom?.default };
    for (const [field, text] of Object.entries(texts)) {
      if (text !== undefined) report(literalMismatch(said, name, anyText(text)), name, `${at}.${field}`, problems);
    }
  }
}

/** What has tags is known only when it runs. */
const literalMismatch = (said: SaidTypes[], name: string, text: string) =>
  text.includes("{{") ? undefined : mismatchIn(said, name, text);

function report(mismatch: string | undefined, name: string, path: string, problems: Problem[]): void {
  if (mismatch) problems.push({ path, message: `${name} ${mismatch}` });
}
