// Values that expressions compute with, as Go has them: int is a bigint, float64 a number, map[any]any a Map.
import { ExpressionError } from "./error.ts";
import { Duration, Moment } from "./time/index.ts";

export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(value instanceof Duration || value instanceof Moment || value instanceof Map || "at" in value);
}

/** The name of a value's type in Go. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "bigint") return "int";
  if (typeof value === "number") return "float64";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "function") return "func";
  if (Array.isArray(value)) return "[]interface {}";
  if (value instanceof Moment) return "time.Time";
  if (value instanceof Duration) return "time.Duration";
  if (value instanceof Map) return "map[interface {}]interface {}";
  return isRecord(value) ? "map[string]interface {}" : typeof value === "string" ? "string" : "*time.Location";
}

/** A number as text, never in scientific notation. */
export function plainNumber(value: number): string {
  const text = String(value);
  if (!text.includes("e")) return text;
  if (Number.isInteger(value)) return BigInt(value).toString();
  return value.toFixed(20).replace(/\.?0+$/, "");
}

/** A float as Go's %v prints it. */
export function formatFloat(value: number): string {
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
  if (Object.is(value, -0)) return "-0";
  const [digits = "", exponent = ""] = value.toExponential().split("e");
  if (value !== 0 && (Number(exponent) < -4 || Number(exponent) >= 6)) {
    return `${digits}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
  }
  return plainNumber(value);
}

/** A value as Go's %v prints it. */
export function format(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (typeof value === "string") return value;
  if (typeof value === "number") return formatFloat(value);
  if (Array.isArray(value)) return `[${value.map(format).join(" ")}]`;
  if (value instanceof Moment) return value.format("2006-01-02 15:04:05.999999999 -0700 MST");
  if (value instanceof Duration) return value.toString();
  if (value instanceof Map || isRecord(value)) {
    const entries = value instanceof Map ? [...value] : Object.entries(value);
    const printed = entries.map(([key, item]): [string, string] => [format(key), format(item)]);
    printed.sort(([a], [b]) => (a < b ? -1 : 1));
    return `map[${printed.map(([key, item]) => `${key}:${item}`).join(" ")}]`;
  }
  if (typeof value === "object" && "name" in value) return String(value.name);
  return String(value);
}

export interface JsonStyle {
  /** Spaces before each level; on one line without it. */
  indent?: string;
  /** Leave <, > and & as they are. */
  raw?: boolean;
}

const jsonDepth = 1000;

/** A value as Go's encoding/json writes it: keys in order, <, > and & escaped. */
export function toJson(value: unknown, style: JsonStyle = {}, margin = "\n", depth = 0): string {
  if (depth > jsonDepth) throw new ExpressionError(`json: nested deeper than ${jsonDepth}`);
  if (value === null || value === undefined) return "null";
  if (typeof value === "boolean" || typeof value === "bigint") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new ExpressionError(`json: unsupported value: ${formatFloat(value)}`);
    return Object.is(value, -0) ? "-0" : JSON.stringify(value);
  }
  if (typeof value === "string") return quote(value, style.raw === true);
  if (value instanceof Duration) return String(value.nanoseconds);
  if (value instanceof Moment) return JSON.stringify(value.toString());
  const inner = style.indent === undefined ? "" : margin + style.indent;
  const outer = style.indent === undefined ? "" : margin;
  const write = (item: unknown) => toJson(item, style, inner, depth + 1);
  if (Array.isArray(value)) {
    return value.length === 0 ? "[]" : `[${inner}${value.map(write).join(`,${inner}`)}${outer}]`;
  }
  if (!isRecord(value)) throw new ExpressionError(`json: unsupported type: ${typeName(value)}`);
  const keys = Object.keys(value).sort(compareTexts);
  if (keys.length === 0) return "{}";
  const colon = style.indent === undefined ? ":" : ": ";
  const entries = keys.map((key) => quote(key, style.raw === true) + colon + write(value[key]));
  return `{${inner}${entries.join(`,${inner}`)}${outer}}`;
}

const escapeCode = (char: string) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;

function quote(text: string, raw: boolean): string {
  const quoted = JSON.stringify(text).replace(/[\u2028\u2029]/g, escapeCode);
  return raw ? quoted : quoted.replace(/[<>&]/g, escapeCode);
}

/** The order of texts by their bytes. */
export function compareTexts(a: string, b: string): number {
  if (a === b) return 0;
  for (let i = 0; ; ) {
    const [left, right] = [a.codePointAt(i), b.codePointAt(i)];
    if (left === undefined || right === undefined) return left === undefined ? -1 : 1;
    if (left !== right) return left - right;
    i += left > 0xffff ? 2 : 1;
  }
}

/** What a value becomes inside text: strings as they are, the rest as JSON. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return "<nil>";
  if (value instanceof Moment) return value.toString();
  return toJson(value);
}

/** Go's JSON numbers are floats. @throws ExpressionError */
export function readJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ExpressionError(`${name}: not JSON: ${JSON.stringify(text.slice(0, 100))}`);
  }
}

const isNumber = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint";

/** As expr compares: ints and floats by value, lists by element; maps must be of the same types throughout. */
export function equal(a: unknown, b: unknown): boolean {
  if (isNumber(a) && isNumber(b)) return typeof a === typeof b ? a === b : Number(a) === Number(b);
  if (a instanceof Moment && b instanceof Moment) return a.nanoseconds === b.nanoseconds;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  return deepEqual(a, b);
}

/** As Go's reflect.DeepEqual. */
export function deepEqual(a: unknown, b: unknown): boolean {
  if (a === b || (a ?? null) === (b ?? null)) return true;
  if (a instanceof Moment && b instanceof Moment) return a.nanoseconds === b.nanoseconds;
  if (a instanceof Duration && b instanceof Duration) return a.nanoseconds === b.nanoseconds;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => deepEqual(item, b[i]));
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, item]) => b.has(key) && deepEqual(item, b.get(key)));
  }
  if (isRecord(a) && isRecord(b)) {
    const keys = Object.keys(a);
    return (
      keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && deepEqual(a[key], b[key]))
    );
  }
  return false;
}

const converted = new WeakMap<object, unknown>();

/** JSON's whole numbers become ints, as Go's callers pass them. What has no number in it is answered as it is. */
export function fromHost(value: unknown): unknown {
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (!Array.isArray(value) && !isRecord(value)) return value ?? null;
  if (converted.has(value)) return converted.get(value);
  let changed = false;
  const convert = (item: unknown) => {
    const made = fromHost(item);
    if (made !== item) changed = true;
    return made;
  };
  const copy = Array.isArray(value)
    ? value.map(convert)
    : Object.fromEntries(Object.entries(value).map(([key, item]) => [key, convert(item)]));
  const result = changed ? copy : value;
  converted.set(value, result);
  return result;
}

/** The reverse: ints become numbers where these are exact. */
export function toHost(value: unknown): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value;
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [format(key), toHost(item)]));
  if (!Array.isArray(value) && !isRecord(value)) return value;
  let changed = false;
  const convert = (item: unknown) => {
    const made = toHost(item);
    if (made !== item) changed = true;
    return made;
  };
  if (Array.isArray(value)) {
    const items = value.map(convert);
    return changed ? items : value;
  }
  const entries = Object.entries(value).map(([key, item]) => [key, convert(item)]);
  return changed ? Object.fromEntries(entries) : value;
}
