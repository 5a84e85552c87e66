// Functions of expr-lang that call a predicate for each element.
import { Buffer } from "node:buffer";
import { ExpressionError } from "../error.ts";
import { isRecord, typeName } from "../values.ts";
import { binaryOperation, compare } from "./operations.ts";

/** Takes an amount of what one evaluation may make. @throws ExpressionError when nothing is left. */
export type Budget = (amount: number) => void;
export type Predicate = (element: unknown, index: number, accumulator?: unknown) => unknown;
type PredicateBuiltin = (
  list: unknown[],
  predicate: Predicate | undefined,
  last: (() => unknown) | undefined,
  budget: Budget,
) => unknown;

/** Stands for the elements of a map: it has a length, but nothing at a number. */
export const noElement = Symbol("no element");

/** Texts are lists of their bytes. */
export function listOf(value: unknown, name: string): unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value === "string") return Array.from(Buffer.from(value), BigInt);
  if (value instanceof Map || isRecord(value)) {
    return new Array<unknown>(value instanceof Map ? value.size : Object.keys(value).length).fill(noElement);
  }
  throw new ExpressionError(`builtin ${name} takes only array (got ${typeName(value)})`);
}

const isTrue = (value: unknown) => {
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`predicate should return boolean (got ${typeName(value)})`);
};
type Test = (element: unknown, index: number) => boolean;
const tests =
  (work: (list: unknown[], test: Test, budget: Budget) => unknown): PredicateBuiltin =>
  (list, predicate, _last, budget) =>
    work(list, (element, index) => isTrue(predicate ? predicate(element, index) : element), budget);

const compareKeys = (a: unknown, b: unknown) => compare(a, b, "<");

/** In Go's order: what is equal may change places only where one sorts by several keys, so keep it stable. */
export function sorted<T>(items: T[], keyOf: (item: T) => unknown, order: unknown): T[] {
  if (order !== "asc" && order !== "desc")
    throw new ExpressionError(`invalid order ${String(order)}, expected asc or desc`);
  const sign = order === "desc" ? -1 : 1;
  return items.toSorted((a, b) => sign * compareKeys(keyOf(a), keyOf(b)));
}

export const predicateBuiltins: Record<string, PredicateBuiltin> = {
  all: tests((list, test) => list.every(test)),
  any: tests((list, test) => list.some(test)),
  one: tests((list, test) => list.filter(test).length === 1),
  none: tests((list, test) => !list.some(test)),
  filter: tests((list, test, budget) => {
    const found = list.filter(test);
    element(found[0]);
    budget(found.length);
    return found;
  }),
  find: tests((list, test) => element(list.find(test))),
  findIndex: tests((list, test) => indexOrNil(list.findIndex(test))),
  findLast: tests((list, test) => element(list.findLast(test))),
  findLastIndex: tests((list, test) => indexOrNil(list.findLastIndex(test))),
  count: tests((list, test) => BigInt(list.filter(test).length)),
  map: (list, predicate, _last, budget) => {
    budget(list.length);
    return list.map((element, index) => predicate?.(element, index));
  },
  sum: (list, predicate) =>
    list.reduce<unknown>(
      (sum, element, index) => binaryOperation("+", predicate ? predicate(element, index) : element, sum),
      0n,
    ),
  groupBy: (list, predicate) => {
    const groups = new Map<unknown, unknown[]>();
    for (const [index, element] of list.entries()) {
      const key = predicate?.(element, index);
      if (typeof key === "object" && key !== null) throw new ExpressionError(`cannot group by ${typeName(key)}`);
      const group = groups.get(key);
      if (group) group.push(element);
      else groups.set(key, [element]);
    }
    return groups;
  },
  sortBy: (list, predicate, last, budget) => {
    const keyed = list.map((element, index) => ({ element, key: predicate?.(element, index) }));
    budget(list.length);
    return sorted(keyed, ({ key }) => key, last ? last() : "asc").map(({ element }) => element);
  },
  reduce: (list, predicate, last) => {
    if (!last && list.length === 0) throw new ExpressionError("reduce of empty array with no initial value");
    let accumulator = last ? last() : list[0];
    for (let i = last ? 0 : 1; i < list.length; i++) accumulator = predicate?.(list[i], i, accumulator);
    return accumulator;
  },
};

function element(value: unknown): unknown {
  if (value === noElement) throw new ExpressionError("a map has no elements by number");
  return value ?? null;
}
const indexOrNil = (index: number) => (index < 0 ? null : BigInt(index));
