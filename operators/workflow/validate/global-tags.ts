// `workflow.*`: what every template may name.
import type { Template, Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import type { GetTemplates } from "./references.ts";
import type { TagScope } from "./tags.ts";

const always = [
  "name",
  "namespace",
  "uid",
  "mainEntrypoint",
  "serviceAccountName",
  "status",
  "labels",
  "labels.json",
  "annotations",
  "annotations.json",
];

/** @param isTemplate whoever uses it may bring parameters and labels. */
export function globalScope(workflow: Workflow, spec: WorkflowSpec, get: GetTemplates, isTemplate: boolean): TagScope {
  const scope: TagScope = new Set(always.map((name) => `workflow.${name}`));
  const add = (kind: string, names: Iterable<string>) => {
    for (const name of names) scope.add(`workflow.${kind}.${name}`);
  };
  const { parameters = [], artifacts = [] } = spec.arguments ?? {};
  add(
    "parameters",
    parameters.map(({ name }) => name),
  );
  add(
    "artifacts",
    artifacts.map(({ name }) => name),
  );
  if (parameters.length > 0 || isTemplate) add("parameters", ["json"]);
  if (parameters.length > 0 || isTemplate) scope.add("workflow.parameters");
  const { labels, annotations } = workflow.metadata;
  const given = spec.workflowMetadata;
  for (const source of [labels, given?.labels, given?.labelsFrom]) add("labels", Object.keys(source ?? {}));
  for (const source of [annotations, given?.annotations]) add("annotations", Object.keys(source ?? {}));
  if (spec.priority !== undefined) scope.add("workflow.priority");
  if (spec.onExit || spec.hooks) scope.add("workflow.failures");
  if (isTemplate) for (const kind of ["parameters", "labels", "annotations"]) scope.add(`workflow.${kind}.*`);
  addGlobalOutputs(scope, spec.templates ?? [], get, new Set());
  return scope;
}

/** Outputs that templates publish, also those of templates that these refer to. */
function addGlobalOutputs(scope: TagScope, templates: Template[], get: GetTemplates, seen: Set<string>): void {
  for (const template of templates) {
    for (const kind of ["parameters", "artifacts"] as const) {
      for (const { globalName } of template.outputs?.[kind] ?? []) {
        // A name with tags is known only when it runs.
        if (globalName) scope.add(`workflow.outputs.${kind}.${globalName.includes("{{") ? "*" : globalName}`);
      }
    }
    const steps = [...(template.steps ?? []).flat(), ...(template.dag?.tasks ?? [])];
    for (const step of steps) {
      if (step?.inline) addGlobalOutputs(scope, [step.inline], get, seen);
      const { name, clusterScope } = step?.templateRef ?? {};
      const key = `${clusterScope ? "cluster" : "namespaced"}/${name}`;
      if (!name || seen.has(key)) continue;
      seen.add(key);
      addGlobalOutputs(scope, get(clusterScope ? "cluster" : "namespaced", name)?.templates ?? [], get, seen);
    }
  }
}
