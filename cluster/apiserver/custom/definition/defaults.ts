// Defaults of a schema must themselves be valid. Source: apiextensions' pkg/apiserver/schema/defaulting/validation.go.
import { equal } from "@capstan/api/meta";
import type { FieldErrors } from "../../field-errors.ts";
import { prune } from "../prune.ts";
import type { Node } from "../structure.ts";
import { validateValue } from "../validate.ts";

export function checkDefaults(node: Node, field: string, errors: FieldErrors): void {
  if (!node.defaults) return;
  if (node.default !== undefined) checkDefault(node, `${field}.default`, errors);
  for (const [name, child] of node.properties) checkDefaults(child, `${field}.properties[${name}]`, errors);
  if (node.items) checkDefaults(node.items, `${field}.items`, errors);
  if (typeof node.additional === "object") checkDefaults(node.additional, `${field}.additionalProperties`, errors);
}

function checkDefault(node: Node, field: string, errors: FieldErrors): void {
  const pruned = structuredClone(node.default);
  if (typeof pruned === "object" && pruned !== null && !Array.isArray(pruned)) {
    prune(pruned, node, node.embedded);
    if (!equal(pruned, node.default)) errors.invalid(field, node.default, "must not have unknown fields");
  }
  const found = errors.collect((own) => validateValue(node.default, node.source, "", own));
  errors.causes.push(...found.map((cause) => ({ ...cause, field: cause.field ? `${field}.${cause.field}` : field })));
}
