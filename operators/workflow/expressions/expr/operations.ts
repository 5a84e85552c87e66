// What the operators of expr-lang do with values.
import { Buffer } from "node:buffer";
import { ExpressionError, UnresolvedError } from "../error.ts";
import { compileRegex } from "../regex/index.ts";
import { Duration, Moment } from "../time/index.ts";
import { compareTexts, equal, isRecord, typeName } from "../values.ts";
import type { Budget } from "./predicates.ts";

/** Longest text that joining may make, in characters. */
const textLimit = 10_000_000;

/** Go's int is 64 bits wide and wraps around. */
export const wrap = (value: bigint) => BigInt.asIntN(64, value);
const isNumber = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint";

function wrong(operator: string, left: unknown, right: unknown): never {
  throw new ExpressionError(`invalid operation: ${typeName(left)} ${operator} ${typeName(right)}`);
}

/** A float as an int, cut off towards zero. @throws ExpressionError for what is no number. */
export function toInt(value: unknown): bigint {
  if (typeof value === "bigint") return value;
  if (typeof value === "number") return Number.isFinite(value) ? wrap(BigInt(Math.trunc(value))) : -(1n << 63n);
  throw new ExpressionError(`invalid operation: int(${typeName(value)})`);
}

export function negate(value: unknown): unknown {
  if (typeof value === "bigint") return wrap(-value);
  if (typeof value === "number") return -value;
  throw new ExpressionError(`invalid operation: - ${typeName(value)}`);
}

export function binaryOperation(operator: string, left: unknown, right: unknown): unknown {
  switch (operator) {
    case "==":
      return equal(left, right);
    case "!=":
      return !equal(left, right);
    case "<":
      return compare(left, right, "<") < 0;
    case ">":
      return compare(left, right, ">") > 0;
    case "<=":
      return compare(left, right, "<=") <= 0;
    case ">=":
      return compare(left, right, ">=") >= 0;
    case "matches":
    case "contains":
    case "startsWith":
    case "endsWith":
      return ofTexts(operator, left, right);
  }
  if (isNumber(left) && isNumber(right)) return arithmetic(operator, left, right);
  if (operator === "+" && typeof left === "string" && typeof right === "string") {
    if (left.length + right.length > textLimit)
      throw new ExpressionError(`text is longer than ${textLimit} characters`);
    return left + right;
  }
  return ofTimes(operator, left, right);
}

/** The order of two values of one kind. @throws ExpressionError for others. */
export function compare(left: unknown, right: unknown, operator: string): number {
  if (isNumber(left) && isNumber(right)) {
    const [a, b] = typeof left === typeof right ? [left, right] : [Number(left), Number(right)];
    return a < b ? -1 : a > b ? 1 : a === b ? 0 : Number.NaN;
  }
  if (typeof left === "string" && typeof right === "string") return compareTexts(left, right);
  if (left instanceof Moment && right instanceof Moment) return Number(left.minus(right).nanoseconds);
  if (left instanceof Duration && right instanceof Duration) return Number(left.nanoseconds - right.nanoseconds);
  return wrong(operator, left, right);
}

function ofTexts(operator: string, left: unknown, right: unknown): boolean {
  if (left === null || right === null || left === undefined || right === undefined) return false;
  if (typeof left !== "string" || typeof right !== "string") wrong(operator, left, right);
  if (operator === "matches") return compileRegex(right).test(left);
  if (operator === "contains") return left.includes(right);
  return operator === "startsWith" ? left.startsWith(right) : left.endsWith(right);
}

function arithmetic(operator: string, left: number | bigint, right: number | bigint): unknown {
  const [a, b] = [Number(left), Number(right)];
  if (operator === "/") return a / b;
  if (operator === "**" || operator === "^") return power(a, b);
  if (typeof left === "bigint" && typeof right === "bigint") {
    if (operator === "+") return wrap(left + right);
    if (operator === "-") return wrap(left - right);
    if (operator === "*") return wrap(left * right);
    if (operator === "%") {
      if (right === 0n) throw new ExpressionError("integer divide by zero");
      return wrap(left % right);
    }
  }
  if (operator === "+") return a + b;
  if (operator === "-") return a - b;
  if (operator === "*") return a * b;
  return wrong(operator, left, right);
}

/** Go answers 1 where JavaScript has NaN. */
function power(a: number, b: number): number {
  return a === 1 || (a === -1 && !Number.isFinite(b) && !Number.isNaN(b)) ? 1 : a ** b;
}

function ofTimes(operator: string, left: unknown, right: unknown): unknown {
  if (left instanceof Moment) {
    if (right instanceof Moment && operator === "-") return left.minus(right);
    if (right instanceof Duration && operator === "+") return left.plus(right);
    if (right instanceof Duration && operator === "-") return left.plus(new Duration(-right.nanoseconds));
  } else if (left instanceof Duration) {
    if (right instanceof Moment && operator === "+") return right.plus(left);
    if (right instanceof Duration && operator === "+") return new Duration(left.nanoseconds + right.nanoseconds);
    if (right instanceof Duration && operator === "-") return new Duration(left.nanoseconds - right.nanoseconds);
    if (right instanceof Duration && operator === "*") return new Duration(left.nanoseconds * right.nanoseconds);
  }
  if (operator === "*" || operator === "/") return scaled(operator, left, right);
  if (operator === "**" || operator === "^") {
    throw new ExpressionError(`invalid operation: float(${typeName(isNumber(left) ? right : left)})`);
  }
  return wrong(operator, left, right);
}

function scaled(operator: string, left: unknown, right: unknown): unknown {
  const [span, factor] = left instanceof Duration ? [left, right] : [right, left];
  if (operator === "/" || !(span instanceof Duration) || !isNumber(factor)) return wrong(operator, left, right);
  if (typeof factor === "bigint") return new Duration(span.nanoseconds * factor);
  return Number(span.nanoseconds) * factor;
}

export function isIn(left: unknown, right: unknown): boolean {
  if (right === null || right === undefined) return false;
  if (Array.isArray(right)) return right.some((item) => equal(item, left));
  if (right instanceof Map) return right.has(left);
  if (isRecord(right)) {
    if (left === null || left === undefined) return Object.hasOwn(right, "");
    if (typeof left !== "string") throw new ExpressionError(`a map's key is a string, not ${typeName(left)}`);
    return Object.hasOwn(right, left);
  }
  throw new ExpressionError(`operator "in" not defined on ${typeName(right)}`);
}

export function rangeOf(left: unknown, right: unknown, budget: Budget): bigint[] {
  const [from, to] = [toInt(left), toInt(right)];
  const size = to - from + 1n;
  if (size <= 0n) return [];
  budget(Number(size));
  return Array.from({ length: Number(size) }, (_, i) => from + BigInt(i));
}

/** A text's bytes, which is what Go counts in; undefined where they are its characters. */
function bytesOf(text: string): Buffer | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: all of ASCII
  return /^[\x00-\x7f]*$/.test(text) ? undefined : Buffer.from(text);
}

export function memberOf(object: unknown, key: unknown): unknown {
  if (object === null || object === undefined) throw new UnresolvedError(`cannot fetch ${String(key)} from <nil>`);
  if (Array.isArray(object) || typeof object === "string") {
    const items = typeof object === "string" ? (bytesOf(object) ?? Buffer.from(object, "latin1")) : object;
    const length = BigInt(items.length);
    const asked = toInt(key);
    const index = asked < 0n ? length + asked : asked;
    if (index < 0n || index >= length) {
      throw new ExpressionError(`index out of range: ${index} (array length is ${length})`);
    }
    const item: unknown = items[Number(index)];
    return typeof object === "string" ? BigInt(item as number) : item;
  }
  if (object instanceof Map) return object.get(key) ?? null;
  if (isRecord(object)) {
    if (typeof key !== "string" && key !== null) {
      throw new ExpressionError(`cannot use ${typeName(key)} as a map's key`);
    }
    return Object.hasOwn(object, key ?? "") ? (object[key ?? ""] ?? null) : null;
  }
  throw new ExpressionError(`cannot fetch ${String(key)} from ${typeName(object)}`);
}

export function sliceOf(object: unknown, from: unknown, to: unknown): unknown {
  if (!Array.isArray(object) && typeof object !== "string") {
    throw new ExpressionError(object === null ? "cannot slice <nil>" : `cannot slice ${typeName(object)}`);
  }
  const bytes = typeof object === "string" ? bytesOf(object) : undefined;
  const length = (bytes ?? object).length;
  const bound = (value: unknown, otherwise: number) => {
    if (value === undefined) return otherwise;
    const index = Number(toInt(value));
    return Math.min(Math.max(index < 0 ? length + index : index, 0), length);
  };
  const end = bound(to, length);
  const start = Math.min(bound(from, 0), end);
  return bytes ? bytes.subarray(start, end).toString() : object.slice(start, end);
}
