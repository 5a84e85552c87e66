// Fields that exist in the contract but do nothing here: refused, so that nobody relies on them.
import type { Template, WorkflowSpec } from "@capstan/api/kinds/workflow";
import type { Problem } from "./shape.ts";
import { checkArtifacts, checkData, checkPlace, checkStrategy } from "./stores.ts";

const actions = ["create", "apply", "patch", "replace", "delete", "get"];

export function checkSupport(spec: WorkflowSpec, problems: Problem[]): void {
  checkStrategy(spec.artifactGC, "spec.artifactGC", problems);
  checkArtifacts(spec.arguments?.artifacts, "spec.arguments.artifacts", problems);
  for (const [i, template] of (spec.templates ?? []).entries())
    checkTemplate(template, `spec.templates[${i}]`, problems);
}

export function checkTemplate(template: Template, path: string, problems: Problem[]): void {
  if (template.plugin !== undefined)
    problems.push({ path: `${path}.plugin`, message: "templates of this type are not supported" });
  checkData(template, path, problems);
  const { resource } = template;
  if (resource) {
    if (!actions.includes(resource.action) && !resource.action.includes("{{")) {
      problems.push({
        path: `${path}.resource.action`,
        message: `${JSON.stringify(resource.action)} is none of ${actions.join(", ")}`,
      });
    }
    const from = resource.manifestFrom?.artifact.name;
    if (from !== undefined && resource.manifest)
      problems.push({ path: `${path}.resource`, message: "only one of manifest, manifestFrom may be given" });
    if (from !== undefined && !template.inputs?.artifacts?.some(({ name }) => name === from)) {
      const message = `the template has no input artifact ${from}`;
      problems.push({ path: `${path}.resource.manifestFrom.artifact.name`, message });
    }
  }
  for (const [i, { valueFrom }] of (template.outputs?.parameters ?? []).entries()) {
    if (valueFrom?.event)
      problems.push({
        path: `${path}.outputs.parameters[${i}].valueFrom.event`,
        message: "only a WorkflowEventBinding has events: use supplied",
      });
  }
  if (template.archiveLocation) checkPlace(template.archiveLocation, `${path}.archiveLocation`, problems);
  checkArtifacts(template.inputs?.artifacts, `${path}.inputs.artifacts`, problems);
  checkArtifacts(template.outputs?.artifacts, `${path}.outputs.artifacts`, problems);
}
