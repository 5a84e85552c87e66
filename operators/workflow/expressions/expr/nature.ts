// What is known of a value before it is computed.
import { Duration, Moment } from "../time/index.ts";
import { isRecord } from "../values.ts";

export interface Nature {
  kind:
    | "unknown"
    | "nil"
    | "bool"
    | "int"
    | "float"
    | "string"
    | "array"
    | "map"
    | "func"
    | "time"
    | "duration"
    | "zone"
    | "enumeration";
  /** Of a list's elements, or of a map's values. */
  element?: Nature;
  /** A map whose keys may be anything. */
  anyKey?: boolean;
  signature?: Signature;
}

export interface Signature {
  takes: Nature[];
  /** The last of `takes` stands for any number of arguments. */
  variadic?: boolean;
  gives: Nature;
}

export const unknown: Nature = { kind: "unknown" };
export const nil: Nature = { kind: "nil" };
export const bool: Nature = { kind: "bool" };
export const int: Nature = { kind: "int" };
export const float: Nature = { kind: "float" };
export const string: Nature = { kind: "string" };
export const time: Nature = { kind: "time" };
export const duration: Nature = { kind: "duration" };
export const zone: Nature = { kind: "zone" };
/** Months and days of the week: whole numbers that go with their own kind alone. */
export const enumeration: Nature = { kind: "enumeration" };
export const anyList: Nature = { kind: "array", element: unknown };
export const anyMap: Nature = { kind: "map", element: unknown };
export const listOf = (element: Nature): Nature => ({ kind: "array", element });

export function natureOf(value: unknown): Nature {
  if (value === null || value === undefined) return nil;
  if (typeof value === "bigint") return int;
  if (typeof value === "number") return float;
  if (typeof value === "boolean") return bool;
  if (typeof value === "string") return string;
  if (typeof value === "function") return { kind: "func" };
  if (Array.isArray(value)) return anyList;
  if (value instanceof Moment) return time;
  if (value instanceof Duration) return duration;
  if (value instanceof Map) return { ...anyMap, anyKey: true };
  return isRecord(value) ? anyMap : zone;
}

const names: Record<Nature["kind"], string> = {
  unknown: "unknown",
  nil: "unknown",
  bool: "bool",
  int: "int",
  float: "float64",
  string: "string",
  array: "[]interface {}",
  map: "map[string]interface {}",
  func: "func",
  time: "time.Time",
  duration: "time.Duration",
  zone: "*time.Location",
  enumeration: "time.Month",
};

export function nameOf({ kind, anyKey }: Nature): string {
  return anyKey ? "map[interface {}]interface {}" : names[kind];
}

export const isInteger = ({ kind }: Nature) => kind === "int";
export const isNumber = (nature: Nature) => isInteger(nature) || nature.kind === "float";

export function assignable(from: Nature, to: Nature): boolean {
  if (from.kind === "nil") return ["unknown", "func", "map", "array", "zone"].includes(to.kind);
  if (from.kind === "unknown") return to.kind === "unknown";
  if (to.kind === "unknown") return true;
  return from.kind === to.kind && (from.anyKey === true) === (to.anyKey === true);
}

export function comparable(left: Nature, right: Nature): boolean {
  const loose = (kind: Nature["kind"]) => kind === "unknown" || kind === "nil";
  return (
    loose(left.kind) ||
    loose(right.kind) ||
    (isNumber(left) && isNumber(right)) ||
    (left.kind === "array" && right.kind === "array") ||
    assignable(left, right)
  );
}
