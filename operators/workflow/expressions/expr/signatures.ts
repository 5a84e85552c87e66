// What the functions of expr-lang, and the methods of times, take and give.
import { ExpressionError } from "../error.ts";
import {
  anyList,
  anyMap,
  assignable,
  bool,
  duration,
  enumeration,
  float,
  int,
  isInteger,
  isNumber,
  listOf,
  type Nature,
  nameOf,
  type Signature,
  string,
  time,
  unknown,
  zone,
} from "./nature.ts";

export function checkArguments(name: string, { takes, variadic, gives }: Signature, args: Nature[]): Nature {
  const least = variadic ? takes.length - 1 : takes.length;
  if (args.length < least) throw new ExpressionError(`not enough arguments to call ${name}`);
  if (!variadic && args.length > takes.length) throw new ExpressionError(`too many arguments to call ${name}`);
  for (const [i, given] of args.entries()) {
    const wanted = takes[Math.min(i, takes.length - 1)] as Nature;
    const fits = given.kind === "nil" ? ["unknown", "zone"].includes(wanted.kind) : assignable(given, wanted);
    if (given.kind === "unknown" || fits) continue;
    if (wanted.kind === "float" && given.kind === "int") continue;
    if (isInteger(wanted) && isInteger(given)) continue;
    const said = given.kind === "nil" ? "nil" : nameOf(given);
    throw new ExpressionError(`cannot use ${said} as argument (type ${nameOf(wanted)}) to call ${name}`);
  }
  return gives;
}

const takes = (gives: Nature, ...natures: Nature[]): Signature => ({ takes: natures, gives });
const texts = (gives: Nature, ...counts: number[]) =>
  counts.map((count) => takes(gives, ...new Array<Nature>(count).fill(string)));
const bits = [takes(int, int, int)];

/** Overloads, tried in order. */
const overloads: Record<string, Signature[]> = {
  type: [takes(string, unknown)],
  string: [takes(string, unknown)],
  trim: texts(string, 1, 2),
  trimPrefix: texts(string, 2, 1),
  trimSuffix: texts(string, 2, 1),
  upper: texts(string, 1),
  lower: texts(string, 1),
  split: [takes(listOf(string), string, string), takes(listOf(string), string, string, int)],
  splitAfter: [takes(listOf(string), string, string), takes(listOf(string), string, string, int)],
  replace: [takes(string, string, string, string, int), takes(string, string, string, string)],
  repeat: [takes(string, string, int)],
  join: [takes(string, anyList, string), takes(string, anyList)],
  indexOf: texts(int, 2),
  lastIndexOf: texts(int, 2),
  hasPrefix: texts(bool, 2),
  hasSuffix: texts(bool, 2),
  toJSON: [takes(string, unknown)],
  fromJSON: texts(unknown, 1),
  toBase64: texts(string, 1),
  fromBase64: texts(string, 1),
  duration: texts(duration, 1),
  timezone: texts(zone, 1),
  sort: [takes(anyList, anyList, string), takes(anyList, anyList)],
  bitand: bits,
  bitor: bits,
  bitxor: bits,
  bitnand: bits,
  bitshl: bits,
  bitshr: bits,
  bitushr: bits,
  bitnot: [takes(int, int)],
};

type Kind = Nature["kind"];
/** Functions that look at their arguments themselves: how many, of what kinds, and what they give. */
const validated: Record<string, [count: number, kinds: Kind[][], gives: (first: Nature) => Nature]> = {
  len: [1, [["array", "map", "string"]], () => int],
  abs: [1, [["int", "float", "duration"]], (first) => first],
  ceil: [1, [["int", "float", "duration"]], () => float],
  floor: [1, [["int", "float", "duration"]], () => float],
  round: [1, [["int", "float", "duration"]], () => float],
  int: [1, [["int", "float", "duration", "enumeration", "string"]], () => int],
  float: [1, [["int", "float", "duration", "string"]], () => float],
  first: [1, [["array"]], (first) => first.element ?? unknown],
  last: [1, [["array"]], (first) => first.element ?? unknown],
  take: [2, [["array"], ["int", "duration"]], (first) => first],
  keys: [1, [["map"]], () => anyList],
  values: [1, [["map"]], () => anyList],
  toPairs: [1, [["map"]], () => anyList],
  fromPairs: [1, [["array"]], () => ({ ...anyMap, anyKey: true })],
  reverse: [1, [["array"]], () => anyList],
  uniq: [1, [["array"]], () => anyList],
  flatten: [1, [["array"]], () => anyList],
};

const aggregates = new Set(["max", "min", "mean", "median"]);

/** @throws ExpressionError where the arguments do not fit. */
export function builtinNature(name: string, args: Nature[]): Nature {
  const signatures = Object.hasOwn(overloads, name) ? overloads[name] : undefined;
  if (signatures) return firstFit(name, signatures, args);
  const rule = Object.hasOwn(validated, name) ? validated[name] : undefined;
  if (rule) {
    const [count, kinds, gives] = rule;
    if (args.length !== count) wrongCount(count, args.length);
    for (const [i, { kind }] of args.entries()) {
      if (kind !== "unknown" && !kinds[i]?.includes(kind)) unfit(name, args[i] as Nature);
    }
    return gives(args[0] as Nature);
  }
  if (aggregates.has(name)) return aggregateNature(name, args);
  if (name === "concat") {
    if (args.length === 0) throw new ExpressionError("invalid number of arguments (expected at least 1, got 0)");
    for (const argument of args) if (argument.kind !== "unknown" && argument.kind !== "array") unfit(name, argument);
    return anyList;
  }
  if (name === "now") {
    if (args.length > 1 || (args.length === 1 && args[0]?.kind !== "zone")) wrongCount(0, args.length);
    return time;
  }
  if (name === "date") {
    const rest = args[0]?.kind === "zone" ? args.length - 1 : args.length;
    if (args.length < 1 || rest > 3) wrongCount(args.length < 1 ? 1 : 3, args.length);
    return time;
  }
  return getNature(args);
}

function firstFit(name: string, signatures: Signature[], args: Nature[]): Nature {
  let last: unknown;
  for (const signature of signatures) {
    try {
      return checkArguments(name, signature, args);
    } catch (error) {
      last = error;
    }
  }
  throw last;
}

function wrongCount(wanted: number, given: number): never {
  throw new ExpressionError(`invalid number of arguments (expected ${wanted}, got ${given})`);
}
function unfit(name: string, nature: Nature): never {
  throw new ExpressionError(`invalid argument for ${name} (type ${nameOf(nature)})`);
}

function aggregateNature(name: string, args: Nature[]): Nature {
  if (args.length === 0) throw new ExpressionError(`not enough arguments to call ${name}`);
  for (const argument of args) {
    if (argument.kind === "unknown" || argument.kind === "array") return unknown;
    if (!isNumber(argument)) unfit(name, argument);
  }
  return args[0] as Nature;
}

function getNature(args: Nature[]): Nature {
  const [base, key] = args;
  if (!base || !key || args.length !== 2) return wrongCount(2, args.length);
  if (base.kind === "unknown") return unknown;
  if (base.kind === "array") {
    if (!isInteger(key) && key.kind !== "unknown") throw new ExpressionError(`non-integer slice index ${nameOf(key)}`);
    return base.element ?? unknown;
  }
  if (base.kind !== "map") throw new ExpressionError(`type ${nameOf(base)} does not support indexing`);
  if (!base.anyKey && key.kind !== "string" && key.kind !== "unknown") {
    throw new ExpressionError(`cannot use ${nameOf(key)} to get an element from ${nameOf(base)}`);
  }
  return base.element ?? unknown;
}

const all = (gives: Nature, natures: Nature[], names: string) =>
  names.split(" ").map((name): [string, Signature] => [name, takes(gives, ...natures)]);
const ofTime: Record<string, Signature> = Object.fromEntries([
  ...all(enumeration, [], "Month Weekday"),
  ...all(int, [], "Year Day Hour Minute Second Nanosecond YearDay Unix UnixMilli UnixMicro UnixNano"),
  ...all(string, [], "String"),
  ...all(string, [string], "Format"),
  ...all(bool, [time], "After Before Equal"),
  ...all(int, [time], "Compare"),
  ...all(duration, [time], "Sub"),
  ...all(time, [duration], "Add Round Truncate"),
  ...all(time, [int, int, int], "AddDate"),
  ...all(time, [], "UTC Local"),
  ...all(time, [zone], "In"),
  ...all(zone, [], "Location"),
  ...all(bool, [], "IsZero"),
]);
const ofDuration: Record<string, Signature> = Object.fromEntries([
  ...all(float, [], "Hours Minutes Seconds"),
  ...all(int, [], "Milliseconds Microseconds Nanoseconds"),
  ...all(string, [], "String"),
  ...all(duration, [], "Abs"),
  ...all(duration, [duration], "Round Truncate"),
]);
const ofZone: Record<string, Signature> = { String: takes(string) };

export function timeMethods(kind: Kind): Record<string, Signature> | undefined {
  return kind === "time" ? ofTime : kind === "duration" ? ofDuration : kind === "zone" ? ofZone : undefined;
}
