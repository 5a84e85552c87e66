// sprig's functions on lists, dicts, defaults and JSON.
import { ExpressionError } from "../error.ts";
import { deepEqual, isRecord, readJson, toJson, typeName } from "../values.ts";
import { type Callable, limitSize, type Signature } from "./call.ts";
import { castInt, castText, isEmpty } from "./cast.ts";

type Entry = [Signature, Callable];
type Dict = Record<string, unknown>;

function list(value: unknown, doing: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new ExpressionError(`sprig: Cannot ${doing} type ${typeName(value)}`);
}
const onList = (doing: string, work: (items: unknown[]) => unknown): Entry => [
  "a",
  (value) => work(list(value, doing)),
];
const includes = (items: unknown[], item: unknown) => items.some((other) => deepEqual(other, item));

function slice(value: unknown, ...indices: unknown[]): unknown {
  const items = list(value, "slice");
  if (items.length === 0) return null;
  const from = indices.length > 0 ? Number(castInt(indices[0])) : 0;
  const to = indices.length > 1 ? Number(castInt(indices[1])) : items.length;
  if (from < 0 || to > items.length || from > to)
    throw new ExpressionError(`sprig.slice: bounds out of range [${from}:${to}]`);
  return items.slice(from, to);
}

function chunk(size: bigint, value: unknown): unknown[][] {
  const items = list(value, "chunk");
  const step = Number(size);
  if (step <= 0) throw new ExpressionError("sprig.chunk: the size must be positive");
  return items.flatMap((_, i) => (i % step === 0 ? [items.slice(i, i + step)] : []));
}

function merge(overwrite: boolean, ...dicts: Dict[]): Dict {
  const [target, ...sources] = dicts;
  const result = target ?? {};
  for (const source of sources) mergeInto(result, source ?? {}, overwrite, 0);
  return result;
}
function mergeInto(target: Dict, source: Dict, overwrite: boolean, depth: number): void {
  if (depth > 100) throw new ExpressionError("sprig.merge: nested deeper than 100");
  for (const [key, value] of Object.entries(source)) {
    const known = Object.hasOwn(target, key) ? target[key] : undefined;
    if (isRecord(known) && isRecord(value)) mergeInto(known, value, overwrite, depth + 1);
    else if ((overwrite && !isEmpty(value)) || isEmpty(known)) put(target, key, value);
  }
}

/** A key such as __proto__ is a key like any other. */
function put(target: Dict, key: string, value: unknown): Dict {
  return Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true });
}
function remove(target: Dict, key: string): Dict {
  delete target[key];
  return target;
}

function dig(...values: unknown[]): unknown {
  if (values.length < 3) throw new ExpressionError("sprig.dig needs at least three arguments");
  const [dict, otherwise] = [values.at(-1), values.at(-2)];
  let found: unknown = dict;
  for (const key of values.slice(0, -2)) {
    if (!isRecord(found) || typeof key !== "string")
      throw new ExpressionError(`sprig.dig: ${typeName(found)} is no dict`);
    if (!Object.hasOwn(found, key)) return otherwise;
    found = found[key];
  }
  return found;
}

function dictOf(...pairs: unknown[]): Dict {
  const dict: Dict = {};
  for (let i = 0; i < pairs.length; i += 2) put(dict, castText(pairs[i]), i + 1 < pairs.length ? pairs[i + 1] : "");
  return dict;
}

function deepCopy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(deepCopy);
  return isRecord(value)
    ? Object.fromEntries(Object.entries(value).map(([key, item]) => [key, deepCopy(item)]))
    : value;
}

const lists: Record<string, Entry> = {
  first: onList("find first on", (items) => items[0] ?? null),
  last: onList("find last on", (items) => items.at(-1) ?? null),
  rest: onList("find rest on", (items) => (items.length === 0 ? null : items.slice(1))),
  initial: onList("find initial on", (items) => (items.length === 0 ? null : items.slice(0, -1))),
  reverse: onList("find reverse on", (items) => items.toReversed()),
  uniq: onList("find uniq on", (items) => {
    limitSize("uniq", (items.length * items.length) / 64);
    return items.filter((item, i) => items.findIndex((other) => deepEqual(item, other)) === i);
  }),
  compact: onList("compact on", (items) => items.filter((item) => !isEmpty(item))),
  append: ["aa", (value, item) => [...list(value, "push on"), item]],
  push: ["aa", (value, item) => [...list(value, "push on"), item]],
  prepend: ["aa", (value, item) => [item, ...list(value, "prepend on")]],
  without: ["aa*", (value, ...away) => list(value, "find without on").filter((item) => !includes(away, item))],
  has: ["aa", (item, value) => value !== null && includes(list(value, "find has on"), item)],
  slice: ["aa*", slice],
  chunk: ["ia", chunk as Callable],
};

const dicts: Record<string, Entry> = {
  dict: ["a*", dictOf],
  get: ["ds", (dict, key) => (Object.hasOwn(dict as Dict, key as string) ? (dict as Dict)[key as string] : "")],
  set: ["dsa", (dict, key, value) => put(dict as Dict, key as string, value)],
  unset: ["ds", (dict, key) => remove(dict as Dict, key as string)],
  hasKey: ["ds", (dict, key) => Object.hasOwn(dict as Dict, key as string)],
  pluck: [
    "sd*",
    (key, ...all) =>
      all.flatMap((dict) => (Object.hasOwn(dict as Dict, key as string) ? [(dict as Dict)[key as string]] : [])),
  ],
  keys: ["d*", (...all) => all.flatMap((dict) => Object.keys(dict as Dict))],
  values: ["d", (dict) => Object.values(dict as Dict)],
  pick: [
    "ds*",
    (dict, ...keys) => Object.fromEntries(Object.entries(dict as Dict).filter(([key]) => keys.includes(key))),
  ],
  omit: [
    "ds*",
    (dict, ...keys) => Object.fromEntries(Object.entries(dict as Dict).filter(([key]) => !keys.includes(key))),
  ],
  merge: ["dd*", ((...all: Dict[]) => merge(false, ...all)) as Callable],
  mergeOverwrite: ["dd*", ((...all: Dict[]) => merge(true, ...all)) as Callable],
  dig: ["a*", dig],
};

const json: Record<string, Entry> = {
  toJson: ["a", (value) => quietJson(value, {})],
  toPrettyJson: ["a", (value) => quietJson(value, { indent: "  " })],
  toRawJson: ["a", (value) => toJson(value, { raw: true })],
  fromJson: ["s", (text) => quietRead(text as string)],
};
function quietJson(value: unknown, style: { indent?: string }): string {
  try {
    return toJson(value, style);
  } catch (error) {
    if (error instanceof ExpressionError) return "";
    throw error;
  }
}
function quietRead(text: string): unknown {
  try {
    return readJson(text, "fromJson");
  } catch (error) {
    if (error instanceof ExpressionError) return null;
    throw error;
  }
}

const kinds: Record<string, string> = {
  "<nil>": "invalid",
  "[]interface {}": "slice",
  "map[string]interface {}": "map",
  "map[interface {}]interface {}": "map",
  "time.Time": "struct",
  "time.Duration": "int64",
  "*time.Location": "ptr",
};
const kindOf = (value: unknown) => kinds[typeName(value)] ?? typeName(value);

/** Each of these has a twin that fails aloud; here all do. */
const must = (entries: Record<string, Entry>, names: string[]) =>
  Object.fromEntries(names.map((name) => [`must${name[0]?.toUpperCase()}${name.slice(1)}`, entries[name] as Entry]));

export const collections: Record<string, Entry> = {
  ...lists,
  ...must(lists, [
    "first",
    "last",
    "rest",
    "initial",
    "reverse",
    "uniq",
    "compact",
    "append",
    "push",
    "prepend",
    "without",
    "has",
    "slice",
    "chunk",
  ]),
  ...dicts,
  ...must(dicts, ["merge", "mergeOverwrite"]),
  ...json,
  mustToJson: ["a", (value) => toJson(value)],
  mustToPrettyJson: ["a", (value) => toJson(value, { indent: "  " })],
  mustToRawJson: ["a", (value) => toJson(value, { raw: true })],
  mustFromJson: ["s", (text) => readJson(text as string, "mustFromJson")],
  list: ["a*", (...values) => values],
  tuple: ["a*", (...values) => values],
  concat: ["a*", (...values) => values.flatMap((value) => list(value, "concat"))],
  default: ["aa*", (otherwise, ...given) => (given.length === 0 || isEmpty(given[0]) ? otherwise : given[0])],
  empty: ["a", isEmpty],
  coalesce: ["a*", (...values) => values.find((value) => !isEmpty(value)) ?? null],
  all: ["a*", (...values) => values.every((value) => !isEmpty(value))],
  any: ["a*", (...values) => values.some((value) => !isEmpty(value))],
  ternary: ["aab", (yes, no, test) => (test === true ? yes : no)],
  deepCopy: ["a", deepCopy],
  mustDeepCopy: ["a", deepCopy],
  deepEqual: ["aa", deepEqual],
  typeOf: ["a", typeName],
  typeIs: ["sa", (name, value) => name === typeName(value)],
  typeIsLike: ["sa", (name, value) => name === typeName(value) || `*${name}` === typeName(value)],
  kindOf: ["a", kindOf],
  kindIs: ["sa", (name, value) => name === kindOf(value)],
  fail: [
    "s",
    (message) => {
      throw new ExpressionError(message as string);
    },
  ],
};
