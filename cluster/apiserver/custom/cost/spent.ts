// What calls and operators cost with the values that they were made with.
// Source: cel-go's interpreter/runtimecost.go, apiserver's library.CostEstimator and cel-go's ext/sets.go.
import { selectorCost } from "./calls.ts";
import { checkCost, perCharacter, perPatternCharacter } from "./limits.ts";
import { exactly } from "./range.ts";

export interface Call {
  target: unknown;
  /** Whether it was made on the target. */
  method: boolean;
  args: unknown[];
  result: unknown;
}

/** Characters of a text, items of a list or a map, 1 for all else. */
export function sizeOfValue(value: unknown): number {
  if (typeof value === "string") return charactersOf(value);
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length;
  if (typeof value !== "object" || value === null) return 1;
  if (value instanceof Map || value instanceof Set) return value.size;
  return Object.getPrototypeOf(value) === Object.prototype ? Object.keys(value).length : 1;
}

function charactersOf(value: string): number {
  let pairs = 0;
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if (code >= 0xd800 && code < 0xdc00) pairs++;
  }
  return value.length - pairs;
}

const traverse = (value: unknown, times = 1) => Math.ceil(sizeOfValue(value) * times * perCharacter);
const matching = (subject: unknown, pattern: unknown) =>
  Math.ceil((1 + sizeOfValue(subject)) * perCharacter) * Math.ceil(sizeOfValue(pattern) * perPatternCharacter);

/** Every text and scalar below a value. */
function walk(value: unknown): number {
  if (typeof value === "string") return Math.floor(Buffer.byteLength(value) * perCharacter);
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + walk(item), 0);
  if (typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.entries(value).reduce((sum, [key, item]) => sum + walk(key) + walk(item), 0);
  }
  return 1;
}

const isText = (value: unknown) => typeof value === "string" || value instanceof Uint8Array;

export function operatorCost(op: string, a: unknown, b: unknown): number {
  switch (op) {
    case "in":
      return Array.isArray(b) ? b.length : 1;
    case "+":
      return isText(a) ? Math.ceil((sizeOfValue(a) + sizeOfValue(b)) * perCharacter) : 1;
    case "==":
    case "!=":
      return Math.ceil(Math.min(sizeOfValue(a), sizeOfValue(b)) * perCharacter);
    case "<":
    case "<=":
    case ">":
    case ">=":
      return isText(a) ? Math.ceil(Math.min(sizeOfValue(a), sizeOfValue(b)) * perCharacter) : 1;
    default:
      return 1;
  }
}

/** The subject of a call: what it is made on, or its first argument. */
const subjectOf = ({ method, target, args }: Call) => (method ? target : args[0]);
const firstOf = ({ args }: Call) => args[0];

const addressSize = (value: unknown) => (typeof value === "string" && value.includes(":") ? 16 : 4);
function containing({ target, args: [other] }: Call, range: boolean): number {
  const size = addressSize(String(target));
  let cost = Math.ceil(2 * size * perCharacter);
  if (range) cost += Math.ceil(size * perCharacter) + 1;
  return typeof other === "string" ? cost + traverse(other) : cost;
}

type Cost = (call: Call) => number;
const each = (names: string, cost: Cost): [string, Cost][] => names.split(" ").map((name) => [name, cost]);
const parse: Cost = (call) => traverse(firstOf(call));
/** Characters of the pattern that a named format stands for. */
const patternSizeOf = (format: unknown): number => (format as { patternSize?: number } | undefined)?.patternSize ?? 1;
const sets =
  (factor: number): Cost =>
  ({ args: [a, b] }) =>
    1 + Math.floor(sizeOfValue(a) * sizeOfValue(b) * factor);

const costs = new Map<string, Cost>([
  ["check", () => checkCost],
  ...each("fieldSelector labelSelector", (call) => selectorCost(exactly(sizeOfValue(firstOf(call)))).max),
  ...each("isSorted sum max min indexOf lastIndexOf", (call) => walk(call.target)),
  ...each("url lowerAscii upperAscii substring trim", (call) => traverse(subjectOf(call))),
  ...each("replace split", (call) => traverse(call.target, 2)),
  ["join", (call) => traverse(call.result, 2)],
  ...each("find findAll", (call) => matching(call.target, firstOf(call))),
  ...each("cidr isIP isCIDR quantity isQuantity semver isSemver", parse),
  ...each("startsWith endsWith", (call) => traverse(call.target)),
  ["ip", (call) => (call.method ? 1 : parse(call))],
  ["ip.isCanonical", (call) => traverse(firstOf(call), 2)],
  ["containsIP", (call) => containing(call, false)],
  ["containsCIDR", (call) => containing(call, true)],
  ["validate", ({ target, args: [text] }) => matching(text, "x".repeat(patternSizeOf(target)))],
  ["sets.contains", sets(1)],
  ["sets.intersects", sets(1)],
  ["sets.equivalent", sets(2)],
  ["format", (call) => traverse(call.target)],
  ["matches", (call) => (call.method ? matching(call.target, firstOf(call)) : matching(call.args[0], call.args[1]))],
  ["contains", (call) => traverse(call.target) * traverse(firstOf(call))],
  ["bytes", (call) => (typeof firstOf(call) === "string" ? parse(call) : 1)],
  ["string", (call) => (firstOf(call) instanceof Uint8Array ? parse(call) : 1)],
]);

export const callCost = (name: string, call: Call): number => costs.get(name)?.(call) ?? 1;
