// The loops that macros stand for: what each step of them costs beyond the predicate. Source: cel-go's parser/macro.go.
import { listCost } from "./limits.ts";

export interface Loop {
  /** Before the first step and after the last: the accumulator made, and read. */
  around: number;
  /** Of this, what an evaluation counts: an empty list is there already. */
  after: number;
  /** Of each step beyond the predicate, when it holds and when it does not. */
  held: number;
  failed: number;
  /** Of each step that an evaluation counts, where that is less: a name in a branch is free. */
  passed: number;
  /** What it gives: as the elements are, as the transform is, or plainly a truth. */
  gives: "truth" | "elements" | "transformed";
  /** The predicate's value that ends it early. */
  decided?: boolean;
}

const append = 1 + listCost + 1;
const collecting = { around: listCost + 1, after: 1 };

const loops: Record<string, Loop> = {
  all: { around: 1, after: 1, held: 3, failed: 3, passed: 3, gives: "truth", decided: false },
  exists: { around: 1, after: 1, held: 4, failed: 4, passed: 4, gives: "truth", decided: true },
  exists_one: { around: 2, after: 2, held: 2, failed: 1, passed: 0, gives: "truth" },
  filter: { ...collecting, held: append + 1, failed: 1, passed: 0, gives: "elements" },
  map: { ...collecting, held: append, failed: append, passed: append, gives: "transformed" },
};
/** map(x, predicate, transform) */
const filteredMap: Loop = { ...collecting, held: append, failed: 1, passed: 0, gives: "transformed" };

/** What has() of a field behind an index is rewritten to. */
export const presentField = "__present";

/** The loop of a macro; undefined when a call is none. */
export function loopOf(name: string, args: number): Loop | undefined {
  if (name === "map" && args === 3) return filteredMap;
  return args === 2 && Object.hasOwn(loops, name) ? loops[name] : undefined;
}

/** Namespaces of functions, which are no values: `sets.contains(a, b)`. */
const namespaces = new Set(["sets", "format", "optional", "ip", "cel", "math"]);

interface Named {
  op: string;
  args: unknown;
}

/** The full name of a call in a namespace: `sets.contains`. */
export function namespaced(name: string, receiver: Named): string | undefined {
  return receiver.op === "id" && namespaces.has(receiver.args as string) ? `${receiver.args}.${name}` : undefined;
}
