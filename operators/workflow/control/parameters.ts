// NAME=VALUE over a workflow's own parameters. Source: argo-workflows workflow/util overrideParameters.
import type { Parameter, Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { StatusError } from "@capstan/api/meta";

/** @throws StatusError BadRequest for what is not NAME=VALUE. */
export function readParameter(text: string): [string, string] {
  const at = text.indexOf("=");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new StatusError("BadRequest", `expected parameter of the form: NAME=VALUE. Received: ${text}`);
}

/** What is wrong with values for a workflow's parameters. Browsers, which read no YAML, leave it to the operator. */
export type FindMismatch = (workflow: Workflow, given: Record<string, string>) => string | undefined;

/**
 * Changes the workflow that it is given: in its spec, and in that of the template that it was started from.
 * @param mismatch says what else is wrong with the values.
 * @throws StatusError BadRequest for a value that a parameter's enum does not have.
 */
export function overrideParameters(workflow: Workflow, given: Record<string, string>, mismatch?: FindMismatch): void {
  if (Object.keys(given).length === 0) return;
  const wrong = mismatch?.(workflow, given);
  if (wrong) throw new StatusError("BadRequest", wrong);
  for (const spec of [workflow.spec, workflow.status?.storedWorkflowTemplateSpec]) if (spec) override(spec, given);
}

function override(spec: WorkflowSpec, given: Record<string, string>): void {
  const known = spec.arguments?.parameters ?? [];
  const parameters: Parameter[] = known.map(({ valueFrom, ...parameter }) => {
    const value = given[parameter.name];
    if (value === undefined) return valueFrom ? { ...parameter, valueFrom } : parameter;
    const allowed = parameter.enum?.map(String);
    if (allowed && !allowed.includes(value)) {
      const path = `spec.arguments.parameters.${parameter.name}`;
      throw new StatusError("BadRequest", `${path}: ${JSON.stringify(value)} is none of ${allowed.join(", ")}`);
    }
    return { ...parameter, value };
  });
  const names = new Set(known.map(({ name }) => name));
  for (const [name, value] of Object.entries(given)) if (!names.has(name)) parameters.push({ name, value });
  spec.arguments = { ...spec.arguments, parameters };
}
