import type { ListSchema, Schema } from "@capstan/api/schema";
import type { FieldsV1 } from "./field-set.ts";
import { elementOf, fieldSchema, isGranular } from "./typed.ts";

/** A field without fields of its own: one object for all of them. */
const leaf: FieldsV1 = Object.freeze({});

/** Longer lists are sorted by sort(). */
const shortList = 64;

/** The names of an object's fields in order: they are few, and mostly in order already. */
function sortedNames(object: Record<string, unknown>, always: readonly string[]): string[] {
  const names = Object.keys(object);
  for (const name of always) if (object[name] === undefined) names.push(name);
  if (names.length > shortList) return names.sort();
  for (let i = 1; i < names.length; i++) {
    const name = names[i] as string;
    let at = i;
    for (; at > 0 && (names[at - 1] as string) > name; at--) names[at] = names[at - 1] as string;
    names[at] = name;
  }
  return names;
}

/**
 * Every field of a new object, as managedFields writes them: what compare() finds against Go's empty value of the kind, made
 * in one walk.
 */
export function newFields(value: Record<string, unknown>, schema: Schema): FieldsV1 {
  return fieldsOfObject(value, schema, {}, true);
}

/** @param zeroed whether the empty value of the kind has this object too: then what that holds is nothing new. */
function fieldsOfObject(object: Record<string, unknown>, schema: Schema, fields: FieldsV1, zeroed: boolean): FieldsV1 {
  const names = sortedNames(object, !zeroed && schema.kind === "struct" ? schema.nulls : []);
  for (const name of names) {
    const inner = fieldSchema(schema, name);
    const value = object[name];
    const zero = zeroed ? zeroOf(schema, name) : undefined;
    const field = zero ? changedField(value, inner, zero) : fieldOf(value, inner);
    if (field) fields[elementOfField(schema, name)] = field;
  }
  return fields;
}

/** Every kind has metadata. */
const zeroOf = (schema: Schema, name: string) =>
  (schema.kind === "struct" ? schema.zeroOf(name) : undefined) ?? (name === "metadata" ? "struct" : undefined);

/** A field that the empty value has as well: undefined when it is as there. */
function changedField(value: unknown, schema: Schema, zero: "struct" | "container" | "scalar"): FieldsV1 | undefined {
  if (zero === "scalar") return value === "" || value === 0 || value === false ? undefined : leaf;
  if (!isGranular(value, schema)) return isEmpty(value) ? undefined : leaf;
  const fields = Array.isArray(value)
    ? itemsOf(value, schema as ListSchema, {})
    : fieldsOfObject(value as Record<string, unknown>, schema, {}, zero === "struct");
  return isEmpty(fields) ? undefined : fields;
}

/** A container counts itself, beside what is in it. */
function fieldOf(value: unknown, schema: Schema): FieldsV1 {
  if (!isGranular(value, schema) || isEmpty(value)) return leaf;
  const fields: FieldsV1 = { ".": leaf };
  if (Array.isArray(value)) return itemsOf(value, schema as ListSchema, fields);
  return fieldsOfObject(value as Record<string, unknown>, schema, fields, false);
}

function itemsOf(list: readonly unknown[], schema: ListSchema, fields: FieldsV1): FieldsV1 {
  const items = new Map<string, unknown>();
  for (const item of list) {
    const element = elementOf(item, schema);
    if (!items.has(element)) items.set(element, item);
  }
  const elements = items.size > 1 ? [...items.keys()].sort() : items.keys();
  for (const element of elements) fields[element] = fieldOf(items.get(element), schema.items);
  return fields;
}

function isEmpty(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  for (const _name in value) return false;
  return true;
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
