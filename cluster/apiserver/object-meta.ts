import { type KubeObject, matches, type Selector, StatusError } from "@capstan/api/meta";
import type { Kind } from "./kind.ts";

/** What the store keeps of an object in memory, so that selectors read no bytes. Short names: there is one for every object. */
export interface ObjectMeta {
  /** Labels. */
  l?: Record<string, string>;
  /** Selectable fields by name; absent ones are empty. */
  f?: Record<string, string>;
}

export function metaOf(kind: Kind, object: KubeObject): ObjectMeta {
  const meta: ObjectMeta = {};
  if (object.metadata.labels) meta.l = object.metadata.labels;
  const { fields } = kind.rules;
  if (!fields) return meta;
  meta.f = {};
  for (const [name, read] of Object.entries(fields)) {
    const value = read(object);
    if (value !== "") meta.f[name] = value;
  }
  return meta;
}

/** Throws BadRequest for a field that the kind cannot select by. */
export function checkSelector(kind: Kind, selector: Selector): void {
  for (const { field } of selector.fields) {
    if (field === "metadata.name" || (field === "metadata.namespace" && kind.namespaced)) continue;
    if (kind.rules.fields && Object.hasOwn(kind.rules.fields, field)) continue;
    const unsupported = kind.custom ? "field label not supported" : `"${field}" is not a known field selector`;
    throw new StatusError("BadRequest", `${unsupported}: ${field}`);
  }
}

/** @param key the store's: ends with the name, before it the namespace. */
export function selected(selector: Selector, meta: ObjectMeta, key: string): boolean {
  if (selector.labels.length > 0 && !matches(selector.labels, meta.l)) return false;
  for (const { field, equal, value } of selector.fields) {
    if ((readField(meta, key, field) === value) !== equal) return false;
  }
  return true;
}

function readField(meta: ObjectMeta, key: string, field: string): string {
  if (field === "metadata.name") return key.slice(key.lastIndexOf("/") + 1);
  if (field === "metadata.namespace") {
    const end = key.lastIndexOf("/");
    return key.slice(key.lastIndexOf("/", end - 1) + 1, end);
  }
  return meta.f?.[field] ?? "";
}
