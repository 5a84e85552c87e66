// Values that expressions compute with: JSON's, and Go's times and durations.
import { createContext, Script } from "node:vm";
import { ExpressionError } from "./lexer.ts";

/** A span of time; prints and measures as Go's time.Duration. */
export class Duration {
  readonly milliseconds: number;
  constructor(milliseconds: number) {
    this.milliseconds = milliseconds;
  }
  toString(): string {
    return formatDuration(this.milliseconds);
  }
  toJSON(): number {
    return this.milliseconds * 1e6;
  }
}

/** A moment; prints as RFC 3339. */
export class Moment {
  readonly epoch: number;
  constructor(epoch: number) {
    this.epoch = epoch;
  }
  toString(): string {
    return new Date(this.epoch).toISOString().replace(/\.000Z$/, "Z");
  }
  toJSON(): string {
    return this.toString();
  }
}

const units: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a Go duration (`1h30m`); a bare number is seconds, `d` is days, as Argo reads them. RangeError otherwise. */
export function parseDuration(text: string | number): number {
  const trimmed = String(text).trim();
  if (/^\d+(\.\d+)?$/.test(trimmed)) return Number(trimmed) * 1000;
  const days = /^(\d+)d$/.exec(trimmed);
  if (days) return Number(days[1]) * 24 * 3_600_000;
  const match = /^([-+]?)((?:\d+\.?\d*(?:ns|us|µs|ms|s|m|h))+)$/.exec(trimmed);
  if (!match) throw new RangeError(`"${trimmed}" is not a duration such as 30s, 5m or 1h30m`);
  let sum = 0;
  for (const [, amount, unit] of (match[2] ?? "").matchAll(/(\d+\.?\d*)(ns|us|µs|ms|s|m|h)/g)) {
    sum += Number(amount) * (units[unit ?? ""] as number);
  }
  return match[1] === "-" ? -sum : sum;
}

export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  const sign = milliseconds < 0 ? "-" : "";
  const left = Math.abs(milliseconds);
  if (left < 1000) return `${sign}${plainNumber(left)}ms`;
  const hours = Math.floor(left / 3_600_000);
  const minutes = Math.floor((left % 3_600_000) / 60_000);
  const seconds = `${plainNumber((left % 60_000) / 1000)}s`;
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}` : `${sign}${seconds}`;
}

/** A number as text, never in scientific notation. */
export function plainNumber(value: number): string {
  const text = String(value);
  if (!text.includes("e")) return text;
  if (Number.isInteger(value)) return BigInt(value).toString();
  return value.toFixed(20).replace(/\.?0+$/, "");
}

/** What a value becomes inside text: strings as they are, the rest as JSON. */
export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return plainNumber(value);
  if (value === undefined || value === null) return "<nil>";
  if (value instanceof Duration || value instanceof Moment) return value.toString();
  return JSON.stringify(value);
}

/** Deep equality of values; numbers, strings and so on are never equal to one another. */
export function equal(a: unknown, b: unknown): boolean {
  if (a === b || (a ?? null) === (b ?? null)) return true;
  if (a instanceof Moment && b instanceof Moment) return a.epoch === b.epoch;
  if (a instanceof Duration && b instanceof Duration) return a.milliseconds === b.milliseconds;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => equal(item, b[i]));
  if (isRecord(a) && isRecord(b)) {
    const keys = Object.keys(a);
    return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && equal(a[key], b[key]));
  }
  return false;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  return !(value instanceof Duration || value instanceof Moment);
}

const regexTime = 100;
const regexInput = 1024 * 1024;
let guard: { script: Script; context: object } | undefined;
const compiled = new Map<string, RegExp>();

/** A regular expression in Go's syntax, as far as JavaScript's is the same. */
export function compileRegex(pattern: string): RegExp {
  let regex = compiled.get(pattern);
  if (regex) return regex;
  if (pattern.length > 1000) throw new ExpressionError("regular expression is longer than 1000 characters");
  const flags = /^\(\?([ims]+)\)/.exec(pattern);
  try {
    regex = new RegExp(flags ? pattern.slice(flags[0].length) : pattern, `${flags?.[1] ?? ""}u`);
  } catch (error) {
    throw new ExpressionError(`invalid regular expression ${JSON.stringify(pattern)}: ${(error as Error).message}`);
  }
  if (compiled.size > 1000) compiled.clear();
  compiled.set(pattern, regex);
  return regex;
}

/** Runs `work` on text by a regular expression; backtracking that takes longer than 100 ms is an error. */
export function withRegex<T>(
  pattern: string,
  text: string,
  work: (regex: RegExp, text: string) => T,
  global = false,
): T {
  const regex = compileRegex(pattern);
  if (text.length > regexInput) throw new ExpressionError(`text to match is longer than ${regexInput} characters`);
  const used = global ? new RegExp(regex.source, `${regex.flags}g`) : regex;
  // Patterns that repeat nothing cannot blow up, so they need no guard.
  if (!/[*+{?]/.test(pattern)) return work(used, text);
  try {
    guard ??= { script: new Script("work(regex, text)"), context: createContext({}) };
    Object.assign(guard.context, { work, regex: used, text });
    return guard.script.runInContext(guard.context, { timeout: regexTime }) as T;
  } catch (error) {
    if (error instanceof ExpressionError) throw error;
    throw new ExpressionError(`regular expression ${JSON.stringify(pattern)} took longer than ${regexTime} ms`);
  }
}
