import { equal } from "../meta/json-patch.ts";
import { StatusError } from "../meta/status.ts";
import type { Schema } from "./schema.ts";

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const steers = /^\$(setElementOrder|deleteFromPrimitiveList)\//;
const bad = (message: string) => new StatusError("BadRequest", message);
/** Upstream has no reason for these. */
const failed = (message: string) => new StatusError("Unknown", message);

/** As Go's %v prints maps and lists. */
function print(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(print).join(" ")}]`;
  if (!isObject(value)) return String(value);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${print(value[key])}`).join(" ")}]`;
}

/**
 * Applies a strategic merge patch: lists of merge strategy merge by key; the directives `$patch`, `$retainKeys`,
 * `$deleteFromPrimitiveList` and `$setElementOrder` steer. The target is not changed.
 * Throws BadRequest for a malformed patch. Source: apimachinery's strategicpatch.
 */
export function applyStrategicMerge(target: unknown, patch: unknown, schema: Schema | undefined): unknown {
  if (!isObject(patch)) return patch;
  return mergeObject(isObject(target) ? target : {}, patch, schema);
}

function mergeObject(target: Fields, patch: Fields, schema: Schema | undefined): Fields {
  const { $patch: directive, $retainKeys: retain, ...changes } = patch;
  if (directive === "replace") return stripDirectives(changes) as Fields;
  if (directive === "delete") return {};
  if (directive !== undefined && directive !== "merge") {
    throw failed(`unknown patch type: ${String(directive)} in map: ${print(patch)}`);
  }
  const result: Fields = { ...target };
  if (retain !== undefined) retainOnly(result, retain, changes);
  const orders = new Map<string, unknown[]>();
  for (const [key, value] of Object.entries(changes)) {
    if (key.startsWith("$setElementOrder/")) orders.set(key.slice("$setElementOrder/".length), asList(value, key));
    else if (key.startsWith("$deleteFromPrimitiveList/")) {
      const field = key.slice("$deleteFromPrimitiveList/".length);
      const gone = Array.isArray(value) ? value : [];
      if (Array.isArray(result[field])) result[field] = result[field].filter((item) => !gone.includes(item));
    }
  }
  for (const [key, value] of Object.entries(changes)) {
    if (key.startsWith("$")) {
      if (steers.test(key)) continue;
      if (schema?.kind !== "struct" || !schema.field(key))
        throw bad(`unknown directive ${key} in a strategic merge patch`);
    }
    mergeField(result, key, value, fieldOf(schema, key), orders.get(key));
    orders.delete(key);
  }
  for (const [key, order] of orders) {
    const field = fieldOf(schema, key);
    const list = result[key];
    if (field?.kind === "list" && Array.isArray(list)) result[key] = interleave(list, list, order, field.patchMergeKey);
  }
  return result;
}

function mergeField(result: Fields, key: string, value: unknown, schema: Schema | undefined, order?: unknown[]): void {
  if (value === null) {
    delete result[key];
    return;
  }
  const present = Object.hasOwn(result, key) ? result[key] : undefined;
  if (Array.isArray(value)) {
    const before = Array.isArray(present) ? present : [];
    const list = mergeList(before, value, schema);
    result[key] = order && schema?.kind === "list" ? interleave(before, list, order, schema.patchMergeKey) : list;
  } else if (isObject(value)) result[key] = mergeObject(isObject(present) ? present : {}, value, schema);
  else result[key] = value;
}

function mergeList(target: unknown[], patch: unknown[], schema: Schema | undefined): unknown[] {
  if (schema?.kind !== "list" || schema.patchStrategy !== "merge") return patch.map(stripDirectives);
  const key = schema.patchMergeKey;
  if (!key) {
    const added = patch.filter((item) => !target.includes(item));
    return interleave(target, [...target, ...added], patch, undefined);
  }
  if (patch.some((item) => isObject(item) && item.$patch === "replace" && !(key in item))) {
    const items = patch.filter((item) => !(isObject(item) && item.$patch === "replace"));
    for (const item of items) if (isObject(item)) requireKey(item, key);
    return items.map(stripDirectives);
  }
  const result = [...target];
  const kept: unknown[] = [];
  for (const item of patch) {
    if (!isObject(item)) throw bad(`a list merged by ${key} must hold objects`);
    const wanted = requireKey(item, key);
    const at = result.findIndex((present) => isObject(present) && equal(present[key], wanted));
    if (item.$patch === "delete") {
      if (at >= 0) result.splice(at, 1);
      continue;
    }
    kept.push(item);
    if (at < 0) result.push(mergeObject({}, item, schema.items));
    else result[at] = mergeObject(result[at] as Fields, item, schema.items);
  }
  return interleave(target, result, kept, key);
}

function requireKey(item: Fields, key: string): unknown {
  if (item[key] === undefined) throw failed(`map: ${print(item)} does not contain declared merge key: ${key}`);
  return item[key];
}

/**
 * Puts what a patch names in the patch's order, and what it does not name between as it stood before; what is new comes
 * first. Source: strategicpatch's normalizeElementOrder and mergeSortedSlice.
 */
function interleave(before: unknown[], merged: unknown[], patch: unknown[], key: string | undefined): unknown[] {
  const idOf = (item: unknown) => JSON.stringify(key && isObject(item) ? item[key] : item);
  const place = new Map(before.map((item, i) => [idOf(item), i]));
  const rank = new Map(patch.map((item, i) => [idOf(item), i]));
  const byRank = (a: unknown, b: unknown) => (rank.get(idOf(a)) ?? 0) - (rank.get(idOf(b)) ?? 0);
  const named = merged.filter((item) => rank.has(idOf(item))).sort(byRank);
  const others = merged.filter((item) => !rank.has(idOf(item)));
  const result: unknown[] = [];
  let [i, j] = [0, 0];
  while (i < others.length && j < named.length) {
    const [left, right] = [place.get(idOf(others[i])), place.get(idOf(named[j]))];
    result.push(left !== undefined && right !== undefined && left < right ? others[i++] : named[j++]);
  }
  return [...result, ...others.slice(i), ...named.slice(j)];
}

function fieldOf(schema: Schema | undefined, name: string): Schema | undefined {
  if (schema?.kind === "struct") return schema.field(name);
  return schema?.kind === "map" ? schema.values : undefined;
}

/** What a patch sets must be among what it retains. */
function retainOnly(result: Fields, retain: unknown, changes: Fields): void {
  const kept = asList(retain, "$retainKeys");
  const isStray = ([key, value]: [string, unknown]) => value !== null && !steers.test(key) && !kept.includes(key);
  if (Object.entries(changes).some(isStray)) throw bad("invalid patch format of retainKeys");
  for (const key of Object.keys(result)) if (!kept.includes(key)) delete result[key];
}

function asList(value: unknown, key: string): unknown[] {
  if (!Array.isArray(value)) throw bad(`${key} in a strategic merge patch must be a list`);
  return value;
}

/** What a patch adds where nothing was: its nulls and directives mean nothing there. */
function stripDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stripDirectives);
  if (!isObject(value)) return value;
  const result: Fields = {};
  for (const [key, item] of Object.entries(value)) {
    if (item === null || key === "$patch" || key === "$retainKeys") continue;
    if (steers.test(key)) continue;
    result[key] = stripDirectives(item);
  }
  return result;
}
