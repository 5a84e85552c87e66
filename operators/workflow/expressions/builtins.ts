// The functions of expr-lang v1.17, and the four that workflows add: asInt, asFloat, jsonpath, toJson.
import { Buffer } from "node:buffer";
import type { Builtin, Predicate } from "./evaluate.ts";
import { formatGoTime, parseGoTime } from "./go-time.ts";
import { queryJsonPath } from "./json-path.ts";
import { ExpressionError } from "./lexer.ts";
import { sprig } from "./sprig.ts";
import { Duration, equal, isRecord, Moment, parseDuration, textOf } from "./values.ts";

const largest = 10_000_000;

export function listOf(value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return value;
  if (isRecord(value)) return Object.values(value);
  throw new ExpressionError(`${name} needs a list`);
}
export function stringOf(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new ExpressionError(`${name} needs text, not ${value === null ? "nil" : typeof value}`);
}
export function numberOf(value: unknown, name: string): number {
  const number = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof number === "number" && !Number.isNaN(number)) return number;
  throw new ExpressionError(`${name}: ${JSON.stringify(value ?? null)} is not a number`);
}

const isTrue = (value: unknown) => {
  if (typeof value !== "boolean") throw new ExpressionError("a predicate must be true or false");
  return value;
};
const tests =
  (name: string, work: (list: unknown[], test: (element: unknown, index: number) => boolean) => unknown): Builtin =>
  (list, predicate) =>
    work(listOf(list, name), (element, index) => isTrue((predicate as Predicate)(element, index)));

const predicates: Record<string, Builtin> = {
  all: tests("all", (list, test) => list.every(test)),
  any: tests("any", (list, test) => list.some(test)),
  one: tests("one", (list, test) => list.filter(test).length === 1),
  none: tests("none", (list, test) => !list.some(test)),
  filter: tests("filter", (list, test) => list.filter(test)),
  find: tests("find", (list, test) => list.find(test) ?? null),
  findIndex: tests("findIndex", (list, test) => list.findIndex(test)),
  findLast: tests("findLast", (list, test) => list.findLast(test) ?? null),
  findLastIndex: tests("findLastIndex", (list, test) => list.findLastIndex(test)),
  count: (list, predicate) =>
    listOf(list, "count").filter((e, i) => isTrue(predicate ? (predicate as Predicate)(e, i) : e)).length,
  map: (list, predicate) => listOf(list, "map").map((e, i) => (predicate as Predicate)(e, i)),
  sum: (list, predicate) =>
    listOf(list, "sum").reduce<number>(
      (sum, e, i) => sum + numberOf(predicate ? (predicate as Predicate)(e, i) : e, "sum"),
      0,
    ),
  groupBy: (list, predicate) =>
    Object.groupBy(listOf(list, "groupBy"), (e, i) => textOf((predicate as Predicate)(e, i))),
  sortBy: (list, predicate, order) => {
    const keyed = listOf(list, "sortBy").map((e, i) => ({ e, key: (predicate as Predicate)(e, i) }));
    keyed.sort((a, b) => compare(a.key, b.key));
    const sorted = keyed.map(({ e }) => e);
    return order === "desc" ? sorted.reverse() : sorted;
  },
  reduce: (list, predicate, initial) => {
    const items = listOf(list, "reduce");
    const start = initial === undefined ? 1 : 0;
    let accumulator = initial === undefined ? items[0] : initial;
    for (let i = start; i < items.length; i++) accumulator = (predicate as Predicate)(items[i], i, accumulator);
    return accumulator ?? null;
  },
};

function compare(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  throw new ExpressionError("cannot sort values of several types");
}

const numbers = (name: string, values: unknown[]) => values.flat().map((value) => numberOf(value, name));
const lists: Record<string, Builtin> = {
  len: (value) => {
    if (typeof value === "string") return [...value].length;
    if (isRecord(value)) return Object.keys(value).length;
    return listOf(value, "len").length;
  },
  first: (list) => listOf(list, "first")[0] ?? null,
  last: (list) => listOf(list, "last").at(-1) ?? null,
  take: (list, n) => listOf(list, "take").slice(0, numberOf(n, "take")),
  reverse: (list) => listOf(list, "reverse").toReversed(),
  sort: (list, order) => {
    const sorted = listOf(list, "sort").toSorted(compare);
    return order === "desc" ? sorted.reverse() : sorted;
  },
  concat: (...all) => all.flatMap((list) => listOf(list, "concat")),
  flatten: (list) => listOf(list, "flatten").flat(100),
  uniq: (list) => listOf(list, "uniq").filter((item, i, items) => items.findIndex((other) => equal(item, other)) === i),
  min: (...values) => Math.min(...numbers("min", values)),
  max: (...values) => Math.max(...numbers("max", values)),
  mean: (...values) => {
    const all = numbers("mean", values);
    return all.length === 0 ? 0 : all.reduce((a, b) => a + b, 0) / all.length;
  },
  median: (...values) => {
    const all = numbers("median", values).sort((a, b) => a - b);
    const middle = all.length >> 1;
    if (all.length === 0) return 0;
    return all.length % 2 ? (all[middle] as number) : ((all[middle - 1] as number) + (all[middle] as number)) / 2;
  },
  keys: (map) => (isRecord(map) ? Object.keys(map) : []),
  values: (map) => (isRecord(map) ? Object.values(map) : []),
  toPairs: (map) => (isRecord(map) ? Object.entries(map) : []),
  fromPairs: (pairs) =>
    Object.fromEntries(
      listOf(pairs, "fromPairs").map((pair) => [textOf((pair as unknown[])[0]), (pair as unknown[])[1]]),
    ),
  get: (object, key) => {
    if (Array.isArray(object)) return object.at(numberOf(key, "get")) ?? null;
    return isRecord(object) && Object.hasOwn(object, String(key)) ? object[String(key)] : null;
  },
};

const texts: Record<string, Builtin> = {
  trim: (text, chars) => trimSet(stringOf(text, "trim"), chars),
  trimPrefix: (text, prefix = " ") => {
    const value = stringOf(text, "trimPrefix");
    return value.startsWith(String(prefix)) ? value.slice(String(prefix).length) : value;
  },
  trimSuffix: (text, suffix = " ") => {
    const value = stringOf(text, "trimSuffix");
    return value.endsWith(String(suffix)) ? value.slice(0, value.length - String(suffix).length) : value;
  },
  upper: (text) => stringOf(text, "upper").toUpperCase(),
  lower: (text) => stringOf(text, "lower").toLowerCase(),
  split: (text, separator, limit) => splitText(stringOf(text, "split"), String(separator), limit),
  splitAfter: (text, separator) => {
    const parts = stringOf(text, "splitAfter").split(String(separator));
    return parts.map((part, i) => (i < parts.length - 1 ? part + String(separator) : part));
  },
  join: (list, separator = "") =>
    listOf(list, "join")
      .map((item) => stringOf(item, "join"))
      .join(String(separator)),
  replace: (text, from, to) => stringOf(text, "replace").replaceAll(String(from), () => String(to)),
  repeat: (text, times) => repeatText(stringOf(text, "repeat"), numberOf(times, "repeat")),
  indexOf: (text, part) => stringOf(text, "indexOf").indexOf(String(part)),
  lastIndexOf: (text, part) => stringOf(text, "lastIndexOf").lastIndexOf(String(part)),
  hasPrefix: (text, prefix) => stringOf(text, "hasPrefix").startsWith(String(prefix)),
  hasSuffix: (text, suffix) => stringOf(text, "hasSuffix").endsWith(String(suffix)),
  toBase64: (text) => Buffer.from(stringOf(text, "toBase64")).toString("base64"),
  fromBase64: (text) => Buffer.from(stringOf(text, "fromBase64"), "base64").toString(),
};

function trimSet(text: string, chars: unknown): string {
  if (chars === undefined) return text.trim();
  const set = new Set(String(chars));
  let [from, to] = [0, text.length];
  while (from < to && set.has(text[from] as string)) from++;
  while (to > from && set.has(text[to - 1] as string)) to--;
  return text.slice(from, to);
}
function splitText(text: string, separator: string, limit: unknown): string[] {
  const parts = text.split(separator);
  if (typeof limit !== "number" || limit < 0 || parts.length <= limit) return parts;
  return [...parts.slice(0, limit - 1), parts.slice(limit - 1).join(separator)];
}
export function repeatText(text: string, times: number): string {
  if (text.length * times > largest) throw new ExpressionError(`repeat makes more than ${largest} characters`);
  return text.repeat(Math.max(0, times));
}

function whole(value: unknown, name: string): number {
  const number = numberOf(typeof value === "boolean" ? Number(value) : value, name);
  if (typeof value === "string" && !/^\s*[-+]?\d+\s*$/.test(value)) {
    throw new ExpressionError(`${name}: ${JSON.stringify(value)} is not a whole number`);
  }
  return Math.trunc(number);
}
function readJson(value: unknown, name: string): unknown {
  try {
    return JSON.parse(stringOf(value, name));
  } catch {
    throw new ExpressionError(`${name}: not JSON: ${JSON.stringify(String(value).slice(0, 100))}`);
  }
}

const scalars: Record<string, Builtin> = {
  int: (value) => whole(value, "int"),
  float: (value) => numberOf(value, "float"),
  string: (value) => textOf(value),
  asInt: (value) => whole(value, "asInt"),
  asFloat: (value) => numberOf(value, "asFloat"),
  type: (value) => {
    if (value === null || value === undefined) return "nil";
    if (typeof value === "boolean") return "bool";
    if (typeof value === "number") return Number.isInteger(value) ? "int" : "float";
    return Array.isArray(value) ? "array" : isRecord(value) ? "map" : typeof value;
  },
  abs: (value) => Math.abs(numberOf(value, "abs")),
  ceil: (value) => Math.ceil(numberOf(value, "ceil")),
  floor: (value) => Math.floor(numberOf(value, "floor")),
  round: (value) => Math.round(numberOf(value, "round")),
  toJson: (value) => JSON.stringify(value ?? null),
  toJSON: (value) => JSON.stringify(value ?? null, null, 2),
  fromJSON: (value) => readJson(value, "fromJSON"),
  jsonpath: (value, path) => {
    const document = typeof value === "string" ? readJson(value, "jsonpath") : value;
    return queryJsonPath(stringOf(path, "jsonpath"), document);
  },
  now: () => new Moment(Date.now()),
  duration: (text) => new Duration(parseDuration(stringOf(text, "duration"))),
  date: (text, layout) => {
    const epoch = parseGoTime(stringOf(text, "date"), layout === undefined ? undefined : String(layout));
    if (epoch === undefined) throw new ExpressionError(`date: ${JSON.stringify(text)} is not a date`);
    return new Moment(epoch);
  },
  formatTime: (moment, layout) => formatGoTime((moment as Moment).epoch, String(layout)),
  bitand: (a, b) => numberOf(a, "bitand") & numberOf(b, "bitand"),
  bitor: (a, b) => numberOf(a, "bitor") | numberOf(b, "bitor"),
  bitxor: (a, b) => numberOf(a, "bitxor") ^ numberOf(b, "bitxor"),
};

export const builtins: Record<string, unknown> = { ...predicates, ...lists, ...texts, ...scalars, sprig };
