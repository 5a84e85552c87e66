// The functions of expr-lang on numbers, times and JSON.
import { ExpressionError } from "../error.ts";
import { Duration, findZone, Moment, parseTime, readDuration, type Zone } from "../time/index.ts";
import { format, isRecord, readJson, toJson, typeName } from "../values.ts";
import type { Builtin } from "./builtins.ts";
import { toInt, wrap } from "./operations.ts";
import { textArgument } from "./text-builtins.ts";

/** An int as strconv.Atoi reads it. */
export function parseInteger(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace(/^\+/, ""));
  return value === wrap(value) ? value : undefined;
}
/** A float as strconv.ParseFloat reads it. */
export function parseFloat64(text: string): number | undefined {
  if (/^[+-]?(?:inf|infinity)$/i.test(text)) return text.startsWith("-") ? -Infinity : Infinity;
  if (/^nan$/i.test(text)) return Number.NaN;
  if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) return undefined;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

export const int: Builtin = ([value]) => {
  if (typeof value === "bigint" || typeof value === "number") return toInt(value);
  if (value instanceof Duration) return value.nanoseconds;
  const read = typeof value === "string" ? parseInteger(value) : undefined;
  if (read === undefined)
    throw new ExpressionError(
      `invalid operation: int(${typeof value === "string" ? value.slice(0, 100) : typeName(value)})`,
    );
  return read;
};
export const float: Builtin = ([value]) => {
  if (typeof value === "bigint" || typeof value === "number") return Number(value);
  const read = typeof value === "string" ? parseFloat64(value) : undefined;
  if (read === undefined)
    throw new ExpressionError(
      `invalid operation: float(${typeof value === "string" ? value.slice(0, 100) : typeName(value)})`,
    );
  return read;
};

const rounding =
  (name: string, round: (value: number) => number): Builtin =>
  ([value]) => {
    if (typeof value === "bigint") return Number(value);
    if (typeof value === "number") return round(value);
    throw new ExpressionError(`invalid argument for ${name} (type ${typeName(value)})`);
  };

const kinds: Record<string, string> = {
  "<nil>": "nil",
  bool: "bool",
  int: "int",
  float64: "float",
  string: "string",
  func: "func",
  "[]interface {}": "array",
  "time.Time": "time.Time",
  "time.Duration": "time.Duration",
  "*time.Location": "unknown",
};

const bits =
  (name: string, work: (a: bigint, b: bigint) => bigint): Builtin =>
  ([a, b]) => {
    const [left, right] = [a, b].map((value) => {
      if (typeof value !== "bigint")
        throw new ExpressionError(`cannot use ${typeName(value)} as argument (type int) to call ${name}`);
      return value;
    }) as [bigint, bigint];
    if (name.includes("sh") && right < 0n)
      throw new ExpressionError(`invalid operation: negative shift count ${right} (type int)`);
    return wrap(work(left, right));
  };
const shift = (count: bigint) => (count > 64n ? 64n : count);

const layouts = [
  "2006-01-02",
  "15:04:05",
  "2006-01-02 15:04:05",
  "2006-01-02T15:04:05Z07:00",
  "02 Jan 06 15:04 MST",
  "Monday, 02-Jan-06 15:04:05 MST",
  "Mon, 02 Jan 2006 15:04:05 MST",
];

const isZone = (value: unknown): value is Zone =>
  typeof value === "object" && value !== null && !isRecord(value) && "at" in value && "name" in value;

function zoneNamed(name: string): Zone {
  const zone = findZone(name);
  if (!zone) throw new ExpressionError(`unknown time zone ${name}`);
  return zone;
}

function date(values: unknown[]): Moment {
  const [first, ...others] = values;
  const zone = isZone(first) ? first : undefined;
  const [text = "", layout, place] = (zone ? others : values).map((value) => textArgument(value, "date"));
  const where = place === undefined ? zone : zoneNamed(place);
  for (const candidate of layout === undefined ? layouts : [layout]) {
    const moment = parseTime(candidate, text, where);
    if (moment) return moment;
  }
  throw new ExpressionError(
    `invalid date ${text.slice(0, 100)}${layout === undefined ? "" : ` for the layout ${layout}`}`,
  );
}

export const scalarBuiltins: Record<string, Builtin> = {
  int,
  float,
  string: ([value]) => format(value),
  type: ([value]) => kinds[typeName(value)] ?? "map",
  abs: ([value]) => {
    if (typeof value === "bigint") return wrap(value < 0n ? -value : value);
    if (typeof value === "number") return Math.abs(value);
    throw new ExpressionError(`invalid argument for abs (type ${typeName(value)})`);
  },
  ceil: rounding("ceil", Math.ceil),
  floor: rounding("floor", Math.floor),
  round: rounding("round", (value) => Math.sign(value) * Math.round(Math.abs(value))),
  toJSON: ([value]) => toJson(value, { indent: "  " }),
  fromJSON: ([text]) => readJson(textArgument(text, "fromJSON"), "fromJSON"),
  now: ([zone]) => new Moment(Date.now(), isZone(zone) ? zone : undefined),
  duration: ([text]) => {
    const source = textArgument(text, "duration");
    const read = readDuration(source);
    if (read === undefined) throw new ExpressionError(`time: invalid duration ${JSON.stringify(source)}`);
    return new Duration(read);
  },
  date,
  timezone: ([name]) => zoneNamed(textArgument(name, "timezone")),
  bitand: bits("bitand", (a, b) => a & b),
  bitor: bits("bitor", (a, b) => a | b),
  bitxor: bits("bitxor", (a, b) => a ^ b),
  bitnand: bits("bitnand", (a, b) => a & ~b),
  bitshl: bits("bitshl", (a, b) => a << shift(b)),
  bitshr: bits("bitshr", (a, b) => a >> shift(b)),
  bitushr: bits("bitushr", (a, b) => BigInt.asUintN(64, a) >> shift(b)),
  bitnot: ([value]) => {
    if (typeof value !== "bigint")
      throw new ExpressionError(`cannot use ${typeName(value)} as argument (type int) to call bitnot`);
    return ~value;
  },
};
