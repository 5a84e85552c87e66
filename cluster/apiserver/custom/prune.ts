import { builtinSchema, normalize } from "@capstan/api/schema";
import type { Node } from "./structure.ts";

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const own = new Set(["apiVersion", "kind", "metadata"]);

/** Drops what the schema does not name, in place, and returns the paths. Metadata is that of every kind. Throws TypeMismatch. */
export function prune(object: unknown, node: Node): string[] {
  const dropped: string[] = [];
  pruneObject(object as Fields, node, "", dropped, true);
  return dropped;
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

/** Fills in defaults, in place; a null where none may be counts as absent where there is a default. */
export function fillDefaults(value: unknown, node: Node): void {
  if (!node.defaults) return;
  if (Array.isArray(value)) {
    if (node.items) for (const item of value) fillDefaults(item, node.items);
    return;
  }
  if (!isObject(value)) return;
  for (const [name, child] of node.properties) {
    const present = value[name];
    if (child.default !== undefined && (present === undefined || (present === null && !child.nullable))) {
      value[name] = structuredClone(child.default);
    }
    if (value[name] !== undefined && child.defaults) fillDefaults(value[name], child);
  }
  if (typeof node.additional !== "object") return;
  for (const [name, item] of Object.entries(value)) if (!node.properties.has(name)) fillDefaults(item, node.additional);
}
