import type { Schema } from "@capstan/api/schema";
import type { FieldsV1 } from "./field-set.ts";
import { elementOf, fieldSchema, isGranular } from "./typed.ts";

/** A field without fields of its own: one object for all of them. */
const leaf: FieldsV1 = Object.freeze({});

/** Every field of a new object, as managedFields writes them: what compare() finds against nothing, made in one walk. */
export function newFields(value: unknown, schema: Schema): FieldsV1 {
  return fieldsBelow(value, schema, {});
}

/** Adds to `fields` what lies in a granular value. */
function fieldsBelow(value: unknown, schema: Schema, fields: FieldsV1): FieldsV1 {
  if (Array.isArray(value) && schema.kind === "list") {
    const items = new Map<string, unknown>();
    for (const item of value) {
      const element = elementOf(item, schema);
      if (!items.has(element)) items.set(element, item);
    }
    const elements = items.size > 1 ? [...items.keys()].sort() : items.keys();
    for (const element of elements) fields[element] = fieldOf(items.get(element), schema.items, true);
  } else if (typeof value === "object" && value !== null) {
    const object = value as Record<string, unknown>;
    for (const name of Object.keys(object).sort()) {
      const inner = fieldSchema(schema, name);
      fields[elementOfField(schema, name)] = fieldOf(object[name], inner, inner.kind !== "struct");
    }
  }
  return fields;
}

/** @param owned whether a container counts itself, beside what is in it: items of lists do, and maps and lists. */
function fieldOf(value: unknown, schema: Schema, owned: boolean): FieldsV1 {
  if (!isGranular(value, schema)) return leaf;
  const fields = fieldsBelow(value, schema, owned ? { ".": leaf } : {});
  for (const element in fields) if (element !== ".") return fields;
  return leaf;
}

/** Names of built-in types' fields are few and always the same; those of maps are the users'. */
const known = new Map<string, string>();

function elementOfField(schema: Schema, name: string): string {
  if (schema.kind !== "struct" || !schema.type) return `f:${name}`;
  let element = known.get(name);
  if (element === undefined) {
    element = `f:${name}`;
    if (schema.field(name)) known.set(name, element);
  }
  return element;
}
