// The functions of expr-lang v1.17 that take no predicates.
import { Buffer } from "node:buffer";
import { ExpressionError } from "../error.ts";
import { equal, format, isRecord, typeName } from "../values.ts";
import { memberOf, toInt } from "./operations.ts";
import { type Budget, sorted } from "./predicates.ts";
import { scalarBuiltins } from "./scalar-builtins.ts";
import { textBuiltins } from "./text-builtins.ts";

export type Builtin = (values: unknown[], budget: Budget) => unknown;

const depthLimit = 1000;

function list(value: unknown, doing: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new ExpressionError(`cannot ${doing} ${typeName(value)}`);
}
function entries(value: unknown, doing: string): [unknown, unknown][] {
  if (value instanceof Map) return [...value];
  if (isRecord(value)) return Object.entries(value);
  throw new ExpressionError(`cannot ${doing} ${typeName(value)}`);
}

function get([from, key]: unknown[]): unknown {
  if (from === null || from === undefined) return null;
  if (Array.isArray(from)) return from.at(Number(toInt(key))) ?? null;
  if (typeof from === "string") {
    const [length, index] = [BigInt(Buffer.byteLength(from)), toInt(key)];
    return index < length && index >= -length ? memberOf(from, index) : null;
  }
  if (from instanceof Map) return from.get(key) ?? null;
  if (!isRecord(from)) return null;
  if (key !== null && typeof key !== "string") throw new ExpressionError(`cannot use ${typeName(key)} as a map's key`);
  return Object.hasOwn(from, key ?? "") ? from[key ?? ""] : null;
}

function flatten(items: unknown[], depth = 0): unknown[] {
  if (depth > depthLimit) throw new ExpressionError(`recursion depth exceeded: ${depthLimit}`);
  return items.flatMap((item) => (Array.isArray(item) ? flatten(item, depth + 1) : [item]));
}

function fromPairs(value: unknown): Map<unknown, unknown> {
  return new Map(
    list(value, "transform from pairs").map((pair): [unknown, unknown] => {
      if (!Array.isArray(pair)) throw new ExpressionError(`invalid pair ${format(pair)}`);
      if (pair.length !== 2) throw new ExpressionError(`invalid pair length ${format(pair)}`);
      const [key, item] = pair as [unknown, unknown];
      if (typeof key === "object" && key !== null) throw new ExpressionError(`${typeName(key)} cannot be a map's key`);
      return [key, item];
    }),
  );
}

/** nil where there is nothing. */
function edge(value: unknown, index: bigint): unknown {
  const fits = Array.isArray(value) || typeof value === "string";
  return fits && value.length > 0 ? memberOf(value, index) : null;
}

const isNumber = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint";

function extreme(
  name: string,
  values: unknown[],
  better: (a: number | bigint, b: number | bigint) => boolean,
): unknown {
  let best: number | bigint | undefined;
  for (const value of values) {
    if (!Array.isArray(value) && !isNumber(value)) {
      if (values.length === 1) return value;
      throw new ExpressionError(`invalid argument for ${name} (type ${typeName(value)})`);
    }
    for (const item of Array.isArray(value) ? value : [value]) {
      const inner = Array.isArray(item) ? extreme(name, [item], better) : item;
      if (!isNumber(inner)) throw new ExpressionError(`invalid argument for ${name} (type ${typeName(inner)})`);
      if (best === undefined || better(inner, best)) best = inner;
    }
  }
  return best ?? null;
}

function floats(name: string, values: unknown[]): number[] {
  return flatten(values).map((value) => {
    if (!isNumber(value)) throw new ExpressionError(`invalid argument for ${name} (type ${typeName(value)})`);
    return Number(value);
  });
}

function median(values: number[]): number {
  const ordered = values.toSorted((a, b) => a - b);
  const middle = ordered.length >> 1;
  if (ordered.length === 0) return 0;
  if (ordered.length % 2) return ordered[middle] as number;
  return ((ordered[middle - 1] as number) + (ordered[middle] as number)) / 2;
}

const listBuiltins: Record<string, Builtin> = {
  len: ([value]) => {
    if (typeof value === "string") return BigInt([...value].length);
    if (Array.isArray(value)) return BigInt(value.length);
    if (value instanceof Map) return BigInt(value.size);
    if (isRecord(value)) return BigInt(Object.keys(value).length);
    throw new ExpressionError(`invalid argument for len (type ${typeName(value)})`);
  },
  first: ([value]) => edge(value, 0n),
  last: ([value]) => edge(value, -1n),
  get,
  take: ([value, count]) => {
    const items = list(value, "take from");
    if (typeof count !== "bigint") throw new ExpressionError(`cannot take ${typeName(count)} elements`);
    if (count < 0n) throw new ExpressionError("cannot take fewer than 0 elements");
    return items.slice(0, Number(count));
  },
  keys: ([value]) => entries(value, "get keys from").map(([key]) => key),
  values: ([value]) => entries(value, "get values from").map(([, item]) => item),
  toPairs: ([value]) => entries(value, "transform to pairs"),
  fromPairs: ([value]) => fromPairs(value),
  reverse: ([value], budget) => {
    const items = list(value, "reverse");
    budget(items.length);
    return items.toReversed();
  },
  uniq: ([value], budget) => {
    const items = list(value, "uniq");
    // Each element is compared with all before it.
    budget((items.length * items.length) / 64);
    return items.filter((item, i) => items.findIndex((other) => equal(item, other)) === i);
  },
  concat: (values, budget) => {
    const all = values.flatMap((value) => list(value, "concat"));
    budget(all.length);
    return all.length > 0 ? all : null;
  },
  flatten: ([value], budget) => {
    const flat = flatten(list(value, "flatten"));
    budget(flat.length);
    return flat;
  },
  sort: ([value, order], budget) => {
    // As upstream, what is no list is nothing.
    if (order !== undefined && order !== "asc" && order !== "desc") {
      throw new ExpressionError(`invalid order ${format(order)}, expected asc or desc`);
    }
    if (!Array.isArray(value)) return null;
    const items: unknown[] = value;
    budget(items.length);
    return sorted(items, (item) => item, order ?? "asc");
  },
  max: (values) => extreme("max", values, (a, b) => a > b),
  min: (values) => extreme("min", values, (a, b) => a < b),
  mean: (values) => {
    const all = floats("mean", values);
    return all.length === 0 ? 0 : all.reduce((a, b) => a + b, 0) / all.length;
  },
  median: (values) => median(floats("median", values)),
};

export const builtins: Readonly<Record<string, Builtin>> = { ...listBuiltins, ...textBuiltins, ...scalarBuiltins };
