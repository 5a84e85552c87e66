// --node-field-selector: which nodes a change is for. Source: argo-workflows workflow/util SelectorMatchesNode.
import type { NodeStatus } from "@capstan/api/kinds/workflow";
import { type FieldRequirement, parseFieldSelector, StatusError } from "@capstan/api/meta";
import { nearest } from "@capstan/base/errors";
import { templateOf } from "./state.ts";

const fields = ["displayName", "templateName", "phase", "name", "id", "templateRef.name", "templateRef.template"];

/** @throws StatusError BadRequest for what is no selector, or names a field that nodes do not have. */
export function parseNodeSelector(text: string): FieldRequirement[] {
  const requirements = parseFieldSelector(text);
  for (const { field } of requirements) {
    if (fields.includes(field) || /^inputs\.parameters\..+\.value$/.test(field)) continue;
    const near = nearest(field, fields);
    const hint = near ? `; did you mean ${near}?` : ".";
    throw new StatusError(
      "BadRequest",
      `node field selector: nodes have no field ${field}${hint} There are ${fields.join(", ")} and inputs.parameters.NAME.value`,
    );
  }
  return requirements;
}

export function matchesNode(node: NodeStatus, requirements: FieldRequirement[]): boolean {
  return requirements.every(({ field, value, equal }) => (fieldOf(node, field) === value) === equal);
}

function fieldOf(node: NodeStatus, field: string): string {
  switch (field) {
    case "templateName":
      return templateOf(node);
    case "templateRef.name":
      return node.templateRef?.name ?? "";
    case "templateRef.template":
      return node.templateRef?.template ?? "";
    case "displayName":
    case "phase":
    case "name":
    case "id":
      return node[field] ?? "";
    default: {
      const name = field.slice("inputs.parameters.".length, -".value".length);
      const value = node.inputs?.parameters?.find((parameter) => parameter.name === name)?.value;
      return value === undefined ? "" : String(value);
    }
  }
}
