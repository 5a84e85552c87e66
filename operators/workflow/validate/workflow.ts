import { type Template, type Workflow, type WorkflowSpec, workflowSpecShape } from "@capstan/api/kinds/workflow";
import { joinSpecs } from "../engine/globals.ts";
import type { FindConfigMap } from "../engine/inputs.ts";
import { checkArguments } from "./arguments.ts";
import { checkLanguages } from "./languages.ts";
import { followReferences, type GetTemplates } from "./references.ts";
import { checkShape, type Problem } from "./shape.ts";
import { checkSupport } from "./support.ts";
import { checkWorkflowTypes } from "./types.ts";

export interface ValidateOptions {
  /** It is a template: it needs no entrypoint, and what it lacks whoever uses it gives. */
  template?: boolean;
  /** Arguments may be without values: they come when it is submitted. */
  missingValues?: boolean;
  /** Fields that are not known are passed over. */
  unknownFields?: boolean;
}

/**
 * Everything that is wrong in a workflow, by path; empty when it can run.
 * @param get finds the spec of a WorkflowTemplate or ClusterWorkflowTemplate by name.
 * @param configMap finds what parameters refer to; without it their values are not looked for.
 */
export function validateWorkflow(
  workflow: Workflow,
  get: GetTemplates,
  configMap?: FindConfigMap,
  options: ValidateOptions = {},
): Problem[] {
  const shape: Problem[] = [];
  checkShape(workflow.spec ?? {}, workflowSpecShape, "spec", shape);
  const problems = options.unknownFields ? shape.filter(({ unknown }) => !unknown) : shape;
  // What is not even of the right shape cannot be followed.
  if (problems.length > 0) return problems;
  checkSupport(workflow.spec, problems);
  checkLanguages(workflow.spec, "spec", problems);
  const spec = wholeSpec(workflow, get, problems);
  if (!spec) return problems;
  const mayLack = options.missingValues === true || options.template === true;
  checkArguments(spec.arguments, "spec.arguments", mayLack, problems);
  for (const [i, { value, valueFrom }] of (spec.arguments?.parameters ?? []).entries()) {
    const path = `spec.arguments.parameters[${i}]`;
    const ref = valueFrom?.configMapKeyRef;
    if (!configMap || !ref || value !== undefined || valueFrom?.default !== undefined || ref.optional) continue;
    if (`${ref.name}${ref.key}`.includes("{{")) continue;
    if (configMap(ref.name ?? "")?.data?.[ref.key] === undefined) {
      problems.push({
        path: `${path}.valueFrom.configMapKeyRef`,
        message: `ConfigMap ${ref.name} has no key ${ref.key}`,
      });
    }
  }
  checkWorkflowTypes(workflow, spec, referredSpec(workflow, get), configMap, problems);
  followReferences(workflow, spec, get, problems, options);
  return problems;
}

function referredSpec({ spec }: Workflow, get: GetTemplates): WorkflowSpec | undefined {
  const ref = spec.workflowTemplateRef;
  return ref && get(ref.clusterScope ? "cluster" : "namespaced", ref.name ?? "");
}

function wholeSpec(workflow: Workflow, get: GetTemplates, problems: Problem[]): WorkflowSpec | undefined {
  const ref = workflow.spec.workflowTemplateRef;
  if (!ref) return workflow.spec;
  const template = referredSpec(workflow, get);
  if (template) return joinSpecs(workflow.spec, template);
  const kind = ref.clusterScope ? "ClusterWorkflowTemplate" : "WorkflowTemplate";
  problems.push({ path: "spec.workflowTemplateRef.name", message: `${kind} ${ref.name ?? ""} not found` });
  return undefined;
}

/** The templates that a workflow can reach, by `scope/name`, as a checker wants them. */
export function resolvedTemplates(workflow: Workflow, get: GetTemplates): Map<string, Template> {
  const problems: Problem[] = [];
  const spec = wholeSpec(workflow, get, problems);
  return spec ? followReferences(workflow, spec, get, problems) : new Map();
}
