// Whether a parameter's text is of its type.
import { isQuantity } from "@capstan/api/meta";
import { ExpressionError } from "../expressions/error.ts";
import { compileRegex } from "../expressions/regex/index.ts";
import { parseDuration } from "../expressions/time/index.ts";
import type { ParameterType, TypeName } from "./annotation.ts";

/** Longest text of a string or of JSON that is looked at, in characters; and of every other type. */
const textLimit = 1024 * 1024;
const wordLimit = 1000;
/** Longest text that a pattern is matched with, in characters. */
const matchLimit = 65_536;

/** What is wrong with a text, with the type and the text shortened; undefined when it is of the type. */
export function mismatchOf(type: ParameterType, text: string): string | undefined {
  if (text === "" && type.optional) return undefined;
  const { pattern } = type;
  const most =
    type.type !== "string" && type.type !== "json" ? wordLimit : pattern === undefined ? textLimit : matchLimit;
  if (text.length > most) return `must be ${describeType(type)}, and has more than ${most} characters`;
  try {
    const fits = isOf(type, text) && (pattern === undefined || compileRegex(pattern).test(text));
    return fits ? undefined : `must be ${describeType(type)}, not ${shorten(text)}`;
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return `must be ${describeType(type)}, and cannot be matched: ${error.message}`;
  }
}

function isOf(type: ParameterType, text: string): boolean {
  if (!spelled[type.type](text)) return false;
  const { minimum = -Infinity, maximum = Infinity, exclusiveMinimum, exclusiveMaximum } = type;
  if (type.type === "integer" || type.type === "number") {
    const value = Number(text);
    if (value < minimum || value > maximum) return false;
    if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) return false;
    if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) return false;
  }
  if (type.minLength !== undefined || type.maxLength !== undefined) {
    let length = 0;
    for (const _ of text) length++;
    if (length < (type.minLength ?? 0) || length > (type.maxLength ?? Infinity)) return false;
  }
  return true;
}

const spelled: Record<TypeName, (text: string) => boolean> = {
  integer: (text) => /^[+-]?\d+$/.test(text),
  number: (text) => /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text) && Number.isFinite(Number(text)),
  boolean: (text) => text === "true" || text === "false",
  string: () => true,
  json: (text) => succeeds(() => JSON.parse(text)),
  duration: (text) => succeeds(() => parseDuration(text)),
  quantity: isQuantity,
  "date-time": isDateTime,
};

function succeeds(act: () => unknown): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return false;
    throw error;
  }
}

/** RFC 3339: a date that there is, a time and a zone. */
function isDateTime(text: string): boolean {
  const match = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?(?:[Zz]|[+-](\d\d):(\d\d))$/.exec(text);
  if (!match) return false;
  const [year, month, day, hour, minute, second, zoneHour, zoneMinute] = match
    .slice(1)
    .map((part) => Number(part ?? 0)) as [number, ...number[]];
  const at = (part: number | undefined) => part ?? 0;
  if (at(month) < 1 || at(month) > 12 || at(day) < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][at(month) - 1] ?? 0;
  const inTime = at(hour) < 24 && at(minute) < 60 && at(second) <= 60;
  return at(day) <= days && inTime && at(zoneHour) < 24 && at(zoneMinute) < 60;
}

const names: Record<TypeName, string> = {
  integer: "an integer",
  number: "a number",
  boolean: "a boolean (true or false)",
  string: "a string",
  json: "json",
  duration: "a duration such as 30s or 1h30m",
  quantity: "a quantity such as 500m or 64Mi",
  "date-time": "a date-time such as 2026-01-31T12:00:00Z",
};

/** A type in words. */
export function describeType(type: ParameterType): string {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern } = type;
  return [
    names[type.type],
    minimum === undefined ? "" : `at least ${minimum}`,
    exclusiveMinimum === undefined ? "" : `more than ${exclusiveMinimum}`,
    maximum === undefined ? "" : `at most ${maximum}`,
    exclusiveMaximum === undefined ? "" : `less than ${exclusiveMaximum}`,
    minLength === undefined ? "" : `no shorter than ${minLength}`,
    maxLength === undefined ? "" : `no longer than ${maxLength}`,
    pattern === undefined ? "" : `matching ${shorten(pattern)}`,
  ]
    .filter(Boolean)
    .join(", ");
}

const shownLimit = 60;
const shorten = (text: string) =>
  text.length > shownLimit ? `${JSON.stringify(text.slice(0, shownLimit))}…` : JSON.stringify(text);
