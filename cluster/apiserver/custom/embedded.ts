// Objects inside of objects have an identity and metadata of their own. Source: apiextensions' pkg/apiserver/schema/objectmeta.
import { qualifiedNameProblems } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import { validateLabels } from "../metadata.ts";
import type { Node } from "./structure.ts";

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function validateEmbedded(value: unknown, node: Node, path: string, errors: FieldErrors): void {
  if (!mayEmbed(node)) return;
  if (Array.isArray(value)) {
    if (node.items)
      for (const [i, item] of value.entries()) validateEmbedded(item, node.items, `${path}[${i}]`, errors);
    return;
  }
  if (!isObject(value)) return;
  if (node.embedded) checkIdentity(value, path, errors);
  for (const [name, item] of Object.entries(value)) {
    const property = node.properties.get(name);
    if (property) validateEmbedded(item, property, path === "" ? name : `${path}.${name}`, errors);
    else if (typeof node.additional === "object") validateEmbedded(item, node.additional, `${path}[${name}]`, errors);
  }
}

const known = new WeakMap<Node, boolean>();
function mayEmbed(node: Node): boolean {
  let found = known.get(node);
  if (found === undefined) {
    const { items, additional, properties } = node;
    const below = [
      ...properties.values(),
      ...(items ? [items] : []),
      ...(typeof additional === "object" ? [additional] : []),
    ];
    found = node.embedded || below.some(mayEmbed);
    known.set(node, found);
  }
  return found;
}

function checkIdentity({ apiVersion, kind, metadata }: Fields, path: string, errors: FieldErrors): void {
  if (!apiVersion) errors.required(`${path}.apiVersion`);
  if (!kind) errors.required(`${path}.kind`);
  if (!isObject(metadata)) return;
  const { labels, annotations } = metadata;
  if (isObject(labels)) validateLabels(labels as Record<string, string>, `${path}.metadata.labels`, errors);
  for (const key of Object.keys(isObject(annotations) ? annotations : {})) {
    const [problem] = qualifiedNameProblems(key.toLowerCase());
    if (problem) errors.invalid(`${path}.metadata.annotations`, key, problem);
  }
}
