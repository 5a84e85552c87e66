// Walks objects along their schema: which fields they have, how two of them differ, how one merges into another.
// Source: structured-merge-diff's typed package.
import { equal } from "@capstan/api/meta";
import type { ListSchema, Schema } from "@capstan/api/schema";
import { FieldSet } from "./field-set.ts";

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const anything: Schema = { kind: "any" };

/** Schema of a field: what is not described is deduced from the value itself. */
export function fieldSchema(schema: Schema, name: string): Schema {
  if (schema.kind === "struct") return schema.field(name) ?? anything;
  return schema.kind === "map" ? schema.values : anything;
}

/** Whether the fields below count one by one; otherwise the value is one field. */
export function isGranular(value: unknown, schema: Schema): boolean {
  if (Array.isArray(value)) return schema.kind === "list" && schema.listType !== "atomic";
  if (!isObject(value)) return false;
  if (schema.kind === "struct" || schema.kind === "map") return !schema.atomic;
  return schema.kind === "any" && !schema.atomic;
}

const sorted = new WeakMap<ListSchema, readonly string[]>();

function sortedKeys(schema: ListSchema): readonly string[] {
  let keys = sorted.get(schema);
  if (!keys) {
    keys = [...schema.keys].sort();
    sorted.set(schema, keys);
  }
  return keys;
}

/** The path element of a list's item. */
export function elementOf(item: unknown, schema: ListSchema): string {
  if (schema.listType === "set") return `v:${JSON.stringify(item)}`;
  const [only] = schema.keys;
  if (only !== undefined && schema.keys.length === 1 && isObject(item) && item[only] !== undefined) {
    return `k:{${JSON.stringify(only)}:${JSON.stringify(item[only])}}`;
  }
  const key: Fields = {};
  for (const name of sortedKeys(schema)) {
    const value = isObject(item) && item[name] !== undefined ? item[name] : schema.keyDefaults[name];
    if (value !== undefined) key[name] = value;
  }
  return `k:${JSON.stringify(key)}`;
}

function itemsOf(list: readonly unknown[], schema: ListSchema): Map<string, unknown> {
  const items = new Map<string, unknown>();
  for (const item of list) {
    const element = elementOf(item, schema);
    if (!items.has(element)) items.set(element, item);
  }
  return items;
}

/** What lies directly below a granular value: path element, value, schema. */
function* below(value: unknown, schema: Schema): Generator<[string, unknown, Schema]> {
  if (Array.isArray(value)) {
    const list = schema as ListSchema;
    for (const [element, item] of itemsOf(value, list)) yield [element, item, list.items];
  } else if (isObject(value)) {
    for (const [name, item] of Object.entries(value)) yield [`f:${name}`, item, fieldSchema(schema, name)];
  }
}

/** The fields that an applied configuration speaks of. */
export function fieldsOf(value: unknown, schema: Schema): FieldSet {
  const set = new FieldSet();
  for (const [element, item, inner] of below(value, schema)) {
    const keyed = !element.startsWith("f:") || schema.kind === "map";
    const child = isGranular(item, inner) ? fieldsOf(item, inner) : undefined;
    if (keyed || !child || child.isEmpty()) set.members.add(element);
    if (child && !child.isEmpty()) set.children.set(element, child);
  }
  return set;
}

export interface Difference {
  added: FieldSet;
  modified: FieldSet;
  removed: FieldSet;
}

/** How `next` differs from `old`. A container that is new counts as a field itself. */
export function compare(old: unknown, next: unknown, schema: Schema): Difference {
  const result: Difference = { added: new FieldSet(), modified: new FieldSet(), removed: new FieldSet() };
  const before = new Map([...below(old, schema)].map(([element, value]) => [element, value]));
  for (const [element, value, inner] of below(next, schema)) {
    if (!before.has(element)) addWhole(result.added, element, value, inner);
    else compareItem(result, element, before.get(element), value, inner);
    before.delete(element);
  }
  for (const [element, value] of before) {
    addWhole(result.removed, element, value, innerSchema(schema, element));
  }
  return result;
}

function innerSchema(schema: Schema, element: string): Schema {
  return schema.kind === "list" ? schema.items : fieldSchema(schema, element.slice(2));
}

function addWhole(set: FieldSet, element: string, value: unknown, schema: Schema): void {
  if (!isGranular(value, schema)) {
    set.members.add(element);
    return;
  }
  set.members.add(element);
  const inner = compare(Array.isArray(value) ? [] : {}, value, schema).added;
  if (schema.kind === "struct") {
    for (const name of schema.nulls) if ((value as Fields)[name] === undefined) inner.members.add(`f:${name}`);
  }
  if (!inner.isEmpty()) set.children.set(element, inner);
}

function compareItem(result: Difference, element: string, old: unknown, next: unknown, schema: Schema): void {
  // Most of an object stays as it was: that is told without a walk along its schema.
  if (equal(old, next)) return;
  if (!isGranular(old, schema) || !isGranular(next, schema) || Array.isArray(old) !== Array.isArray(next)) {
    result.modified.members.add(element);
    return;
  }
  const inner = compare(old, next, schema);
  for (const part of ["added", "modified", "removed"] as const) {
    if (!inner[part].isEmpty()) result[part].children.set(element, inner[part]);
  }
}

/** Writes an applied configuration over the present state; neither is changed. */
export function merge(live: unknown, applied: unknown, schema: Schema): unknown {
  if (!isGranular(live, schema) || !isGranular(applied, schema)) return applied;
  if (Array.isArray(applied)) return Array.isArray(live) ? mergeList(live, applied, schema as ListSchema) : applied;
  if (!isObject(live) || !isObject(applied)) return applied;
  const result: Fields = { ...live };
  for (const [name, value] of Object.entries(applied)) {
    if (value === null) delete result[name];
    else result[name] = Object.hasOwn(live, name) ? merge(live[name], value, fieldSchema(schema, name)) : value;
  }
  return result;
}

/** Items of both in the order that the applied list wants; what it does not name keeps its place. */
function mergeList(live: readonly unknown[], applied: readonly unknown[], schema: ListSchema): unknown[] {
  const wanted = itemsOf(applied, schema);
  const present = itemsOf(live, schema);
  const rest = [...wanted.keys()];
  const done = new Set<string>();
  const result: unknown[] = [];
  const place = (element: string) => {
    const value = wanted.get(element);
    result.push(present.has(element) ? merge(present.get(element), value, schema.items) : value);
    done.add(element);
  };
  for (const item of live) {
    const element = elementOf(item, schema);
    if (!wanted.has(element)) result.push(item);
    else if (!done.has(element)) {
      while (rest.length > 0) {
        const next = rest.shift() as string;
        place(next);
        if (next === element) break;
      }
    }
  }
  for (const element of rest) place(element);
  return result;
}

/** Without some fields. An item that stays keeps its keys; the value itself is not changed. */
export function removeFields(value: unknown, fields: FieldSet, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const list = schema as ListSchema;
    return value
      .filter((item) => !fields.members.has(elementOf(item, list)))
      .map((item) => {
        const inner = fields.children.get(elementOf(item, list));
        if (!inner) return item;
        const keys = isObject(item)
          ? Object.fromEntries(list.keys.flatMap((key) => (key in item ? [[key, item[key]]] : [])))
          : {};
        return { ...keys, ...(removeFields(item, inner, list.items) as object) };
      });
  }
  if (!isObject(value)) return value;
  const result: Fields = {};
  for (const [name, item] of Object.entries(value)) {
    const element = `f:${name}`;
    if (fields.members.has(element)) continue;
    const inner = fields.children.get(element);
    result[name] = inner ? removeFields(item, inner, fieldSchema(schema, name)) : item;
  }
  return result;
}
