import { builtinSchema, normalize } from "@capstan/api/schema";
import type { Node } from "./structure.ts";

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const own = new Set(["apiVersion", "kind", "metadata"]);

/**
 * Drops what the schema does not name, in place, and returns the paths. Throws TypeMismatch.
 * @param whole it has identity and metadata, which are those of every kind.
 */
export function prune(object: unknown, node: Node, whole = true): string[] {
  const dropped: string[] = [];
  pruneObject(object as Fields, node, "", dropped, whole);
  return dropped.sort();
}

function pruneValue(value: unknown, node: Node, path: string, dropped: string[]): void {
  if (Array.isArray(value)) {
    if (!node.items) return;
    for (const [i, item] of value.entries()) pruneValue(item, node.items, `${path}[${i}]`, dropped);
  } else if (isObject(value)) pruneObject(value, node, path, dropped, node.embedded);
}

function pruneObject(object: Fields, node: Node, path: string, dropped: string[], whole: boolean): void {
  if (whole && isObject(object.metadata)) {
    const prefix = path === "" ? "metadata" : `${path}.metadata`;
    const unknown = normalize(object.metadata, builtinSchema("meta/v1.ObjectMeta"));
    dropped.push(...unknown.map((field) => `${prefix}.${field}`));
  }
  for (const name of Object.keys(object)) {
    if (whole && own.has(name)) continue;
    const at = path === "" ? name : `${path}.${name}`;
    const child = node.properties.get(name) ?? (typeof node.additional === "object" ? node.additional : undefined);
    if (child) pruneValue(object[name], child, at, dropped);
    else if (!node.open && node.additional !== true) {
      dropped.push(at);
      delete object[name];
    }
  }
}

/** Fills in defaults and drops nulls where none may be, in place. */
export function fillDefaults(value: unknown, node: Node): void {
  if (Array.isArray(value)) {
    if (node.items) for (const item of value) fillDefaults(item, node.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, child] of node.properties) {
    const present = value[name];
    if (present === null && !child.nullable) delete value[name];
    if (child.default !== undefined && value[name] === undefined) value[name] = structuredClone(child.default);
    if (value[name] !== undefined) fillDefaults(value[name], child);
  }
  const { additional } = node;
  if (typeof additional !== "object") return;
  for (const [name, item] of Object.entries(value)) {
    if (node.properties.has(name)) continue;
    if (item === null && !additional.nullable) delete value[name];
    else fillDefaults(item, additional);
  }
}
