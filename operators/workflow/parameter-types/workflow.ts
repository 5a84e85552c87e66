// What a workflow, with the template that it refers to, says of its arguments.
import type { Parameter, Template, Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { type ParameterType, type ReadTypes, readTypes, typesAnnotation } from "./annotation.ts";
import { mismatchOf } from "./value.ts";

/** One place where types are said. */
export interface SaidTypes extends ReadTypes {
  /** Of the annotation. */
  path: string;
}

type Annotated = { annotations?: Record<string, string> } | undefined;
const own = (path: string, metadata: Annotated): SaidTypes[] => {
  const text = metadata?.annotations?.[typesAnnotation];
  return text === undefined ? [] : [{ path: `${path}.annotations.${typesAnnotation}`, ...readTypes(text) }];
};

/** All of them hold: who uses a template cannot take back what it says. @param template what the workflow refers to. */
export function workflowTypes(
  { metadata, spec }: Pick<Workflow, "metadata" | "spec">,
  template?: WorkflowSpec,
): SaidTypes[] {
  const said = [...own("metadata", metadata), ...own("spec.workflowMetadata", spec.workflowMetadata)];
  const given = own("", template?.workflowMetadata).map((one) => ({ ...one, path: "spec.workflowTemplateRef" }));
  const all = [...said, ...given];
  return all.filter(({ types }, i) => all.findIndex((other) => other.types === types) === i);
}

export function templateTypes(template: Template, path = ""): SaidTypes | undefined {
  return own(path ? `${path}.metadata` : "metadata", template.metadata)[0];
}

/** The spec of a stored template, with what its own metadata says of its parameters. */
export function specWithTypes<T extends { metadata: Annotated; spec: WorkflowSpec }>(object: T): WorkflowSpec;
export function specWithTypes<T extends { metadata: Annotated; spec: WorkflowSpec }>(
  object: T | undefined,
): WorkflowSpec | undefined;
export function specWithTypes(
  object: { metadata: Annotated; spec: WorkflowSpec } | undefined,
): WorkflowSpec | undefined {
  const text = object?.metadata?.annotations?.[typesAnnotation];
  if (!object || text === undefined) return object?.spec;
  const { workflowMetadata } = object.spec;
  const annotations = { [typesAnnotation]: text, ...workflowMetadata?.annotations };
  return { ...object.spec, workflowMetadata: { ...workflowMetadata, annotations } };
}

/** What is wrong with a value of a parameter, by the first type that it is not of. */
export function mismatchIn(said: readonly SaidTypes[], name: string, text: string): string | undefined {
  for (const type of typesOf(said, name)) {
    const problem = mismatchOf(type, text);
    if (problem) return problem;
  }
  return undefined;
}

export function typesOf(said: readonly SaidTypes[], name: string): ParameterType[] {
  return said.flatMap(({ types }) => types.get(name) ?? []);
}

/** What is wrong with values given over a workflow's own. */
export function givenMismatch(workflow: Workflow, given: Record<string, string>): string | undefined {
  const stored = workflow.status?.storedWorkflowTemplateSpec;
  const said = workflowTypes(workflow, stored);
  for (const [name, value] of Object.entries(given)) {
    const problem = value.includes("{{") ? undefined : mismatchIn(said, name, value);
    if (problem) return `spec.arguments.parameters.${name}: ${problem}`;
  }
  return undefined;
}

/** What is wrong with the values of the inputs of a template that is being used. */
export function inputMismatch(template: Template, parameters: readonly Parameter[]): string | undefined {
  const said = templateTypes(template);
  if (!said) return undefined;
  const where = template.name ? `template ${template.name}` : "the inline template";
  const [wrong] = said.problems;
  if (wrong) return `${where}: ${said.path}${wrong.path}: ${wrong.message}`;
  for (const { name, value } of parameters) {
    const problem = value === undefined ? undefined : mismatchIn([said], name, String(value));
    if (problem) return `${where}: inputs.parameters.${name} ${problem}`;
  }
  return undefined;
}
