// What calls are estimated to cost, how large their results are and of which type.
// Source: apiserver's library.CostEstimator, cel-go's checker/cost.go and ext/sets.go.
import { type Declared, dynamic, listOf, simple, text, truth, whole } from "./declared.ts";
import { checkCost, listCost, perCharacter, perPatternCharacter } from "./limits.ts";
import { add, exactly, multiply, type Range, scale, unknownSize } from "./range.ts";

/** What a call is made on, or with. */
export interface Operand {
  type: Declared;
  /** Undefined when nothing is known. */
  size: Range | undefined;
  /** Of the elements of a list whose place in the schema is known. */
  elementSize?: Range | undefined;
  /** Of a whole number that is written in the expression. */
  literal?: bigint | undefined;
}

export interface CallEstimate {
  cost: Range;
  size?: Range | undefined;
}

export const sizeOf = (operand: Operand | undefined): Range => operand?.size ?? unknownSize;

const oneCost: CallEstimate = { cost: exactly(1) };
const traverse = (operand: Operand | undefined, times = 1): CallEstimate => ({
  cost: scale(sizeOf(operand), times * perCharacter),
});

/** What needs at least an operand to be told from a namesake. */
type Estimator = (target: Operand | undefined, args: Operand[]) => CallEstimate | undefined;

const oneEach = (names: string): [string, Estimator][] => names.split(" ").map((name) => [name, () => oneCost]);
const each = (names: string, estimator: Estimator): [string, Estimator][] =>
  names.split(" ").map((name) => [name, estimator]);

function overList(target: Operand | undefined): CallEstimate | undefined {
  if (!target) return undefined;
  const { element } = target.type;
  if (!element) return traverse(target);
  const own =
    element.kind === "string" || element.kind === "bytes"
      ? add(exactly(1), scale(target.elementSize ?? unknownSize, perCharacter))
      : exactly(1);
  return { cost: multiply(sizeOf(target), own) };
}

const sameSize =
  (times: number): Estimator =>
  (target, args) => {
    const of = target ?? args[0];
    return of && { ...traverse(of, times), size: sizeOf(of) };
  };

const parse: Estimator = (target, args) => traverse(target ?? args[0]);

function search(target: Operand | undefined, args: Operand[]): CallEstimate | undefined {
  if (!target || !args[0]) return undefined;
  const cost = matching(target, args[0]);
  return { cost, size: { min: 0, max: sizeOf(target).max } };
}

/** A text counts one character more, so that a costly pattern on an empty one costs. */
function matching(subject: Operand, pattern: Operand): Range {
  return multiply(scale(add(sizeOf(subject), exactly(1)), perCharacter), scale(sizeOf(pattern), perPatternCharacter));
}

function join(target: Operand | undefined, args: Operand[]): CallEstimate | undefined {
  if (!target) return undefined;
  const count = sizeOf(target);
  let size = exactly(0);
  if (target.type.element) size = multiply(count, target.elementSize ?? unknownSize);
  const between = { min: Math.max(count.min - 1, 0), max: Math.max(count.max - 1, 0) };
  if (args[0]) size = add(size, multiply(sizeOf(args[0]), between));
  return { cost: scale(size, perCharacter), size };
}

function replace(target: Operand | undefined, args: Operand[]): CallEstimate | undefined {
  if (!target || args.length < 2) return undefined;
  const [own, from, to] = [sizeOf(target), sizeOf(args[0]), sizeOf(args[1])];
  const count = exactly(0);
  const kept = exactly(0);
  if (from.min === 0) {
    count.max = own.max + 1;
    kept.max = own.max;
  } else if (to.max <= from.min) kept.max = own.max;
  else count.max = Math.ceil(own.max / from.min);
  if (from.max === 0) {
    count.min = own.min + 1;
    kept.min = own.min;
  } else if (from.max <= to.min) kept.min = own.min;
  else count.min = Math.ceil(own.min / from.max);
  return { cost: scale(own, 2 * perCharacter), size: add(multiply(count, to), kept) };
}

function split(target: Operand | undefined, args: Operand[]): CallEstimate | undefined {
  if (!target) return undefined;
  const limit = args[1]?.literal;
  const max = limit === undefined || limit < 0n ? sizeOf(target).max : Number(limit);
  return { cost: scale(sizeOf(target), 2 * perCharacter), size: { min: 0, max } };
}

const addressBytes: Range = { min: 4, max: 16 };
function contains(target: Operand | undefined, args: Operand[], range: boolean): CallEstimate {
  let cost = scale(add(addressBytes, addressBytes), perCharacter);
  if (range) cost = add(cost, scale(addressBytes, perCharacter), exactly(1));
  const [other] = args;
  if (target && other?.type.kind !== "opaque") cost = add(cost, scale(sizeOf(other), perCharacter));
  return { cost };
}

/** A selector is a list of requirements; the shortest takes two characters, and each a list and a structure. */
export const selectorCost = (length: Range): Range =>
  add(exactly(listCost), scale(length, perCharacter), scale(scale(length, 0.5), listCost + 40));

const sets = (factor: number): Estimator => {
  return (_target, [a, b]) => a && b && { cost: add(scale(multiply(sizeOf(a), sizeOf(b)), factor), exactly(1)) };
};

/** Longest pattern that stands for a named format. */
const formatPattern = 128;

const estimators = new Map<string, Estimator>([
  ["check", () => ({ cost: exactly(checkCost) })],
  ...oneEach("serviceAccount path group resource subresource namespace name allowed reason error errored"),
  ...each("fieldSelector labelSelector", (_target, args) => ({ cost: selectorCost(sizeOf(args[0])) })),
  ...each("isSorted sum max min indexOf lastIndexOf", overList),
  ...each("url lowerAscii upperAscii substring trim", sameSize(1)),
  ["replace", replace],
  ["split", split],
  ["join", join],
  ...each("find findAll", search),
  ...each("cidr isIP isCIDR quantity isQuantity semver isSemver", parse),
  ...each("startsWith endsWith", (_target, args) => traverse(args[0])),
  ["ip", (target, args) => (target ? oneCost : traverse(args[0]))],
  ["ip.isCanonical", (_target, args) => traverse(args[0], 2)],
  ...oneEach("masked prefixLength family isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast"),
  ...oneEach("isGlobalUnicast sign asInteger isInteger asApproximateFloat isGreaterThan isLessThan compareTo"),
  ...oneEach("add sub major minor patch getScheme getHostname getHost getPort getEscapedPath getQuery format.named"),
  ["containsIP", (target, args) => contains(target, args, false)],
  ["containsCIDR", (target, args) => contains(target, args, true)],
  [
    "validate",
    (_target, args) => ({
      cost: scale(scale(sizeOf(args[0]), perCharacter), formatPattern * perPatternCharacter),
    }),
  ],
  ["sets.contains", sets(1)],
  ["sets.intersects", sets(1)],
  ["sets.equivalent", sets(2)],
  ["format", (target) => target && traverse(target)],
  [
    "matches",
    (target, args) => {
      const [subject, pattern] = target ? [target, args[0]] : args;
      return subject && pattern && { cost: matching(subject, pattern) };
    },
  ],
  [
    "contains",
    (target, args) =>
      target && { cost: multiply(scale(sizeOf(target), perCharacter), scale(sizeOf(args[0]), perCharacter)) },
  ],
  [
    "bytes",
    (_target, [arg]) =>
      arg?.type.kind === "string"
        ? { ...traverse(arg), size: { min: sizeOf(arg).min, max: sizeOf(arg).max * 4 } }
        : oneCost,
  ],
  [
    "string",
    (_target, [arg]) =>
      arg?.type.kind === "bytes"
        ? { ...traverse(arg), size: { min: Math.floor(sizeOf(arg).min / 4), max: sizeOf(arg).max } }
        : oneCost,
  ],
]);

/** The cost of a call beyond that of its operands. */
export function estimateCall(name: string, target: Operand | undefined, args: Operand[]): CallEstimate {
  return estimators.get(name)?.(target, args) ?? oneCost;
}

const typed = (type: Declared, names: string): [string, Declared][] => names.split(" ").map((name) => [name, type]);
const optional = (element: Declared): Declared => ({ ...simple("optional"), element });

const results = new Map<string, Declared>([
  ...typed(
    truth,
    "allowed errored isSorted isIP isCIDR isQuantity isSemver isURL startsWith endsWith contains matches",
  ),
  ...typed(truth, "ip.isCanonical isUnspecified isLoopback isLinkLocalMulticast isLinkLocalUnicast isGlobalUnicast"),
  ...typed(truth, "containsIP containsCIDR isGreaterThan isLessThan isInteger hasValue bool"),
  ...typed(truth, "sets.contains sets.intersects sets.equivalent"),
  ...typed(whole, "size int prefixLength family sign asInteger compareTo major minor patch"),
  ...typed(
    whole,
    "getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes getSeconds",
  ),
  ...typed(whole, "getMilliseconds indexOf lastIndexOf"),
  ...typed(text, "string lowerAscii upperAscii trim substring replace charAt find join format reason error"),
  ...typed(text, "getScheme getHostname getHost getPort getEscapedPath"),
  ...typed(listOf(text), "split findAll"),
  ...typed(simple("double"), "double asApproximateFloat"),
  ["uint", simple("uint")],
  ["bytes", simple("bytes")],
  ["timestamp", simple("timestamp")],
  ["duration", simple("duration")],
  ["type", simple("type")],
  ...typed(simple("opaque"), "url cidr ip masked quantity semver add sub"),
  ["validate", optional(listOf(text))],
  ["getQuery", { kind: "map", most: 0, least: 2, element: listOf(text) }],
  ["optional.none", optional(dynamic)],
]);

/** The type of what a call gives. */
export function resultOf(name: string, target: Operand | undefined, args: Operand[]): Declared {
  const known = results.get(name);
  if (known) return known;
  const of = target?.type;
  if (name === "min" || name === "max" || name === "sum") return of?.element ?? dynamic;
  if (name === "reverse") return of?.kind === "string" ? text : (of ?? dynamic);
  if (name === "value" || name === "orValue") return of?.element ?? dynamic;
  if (name === "or") return of ?? dynamic;
  if (name === "optional.of") return optional(args[0]?.type ?? dynamic);
  return dynamic;
}
