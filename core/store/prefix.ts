import { StoreError } from "./error.ts";

/** Longest key, in UTF-16 code units: LMDB takes 1978 bytes, and three bytes a unit is the worst case. */
const longestKey = 640;

/** The keys that a prefix stands for: a half-open range in key order. */
export interface KeyRange {
  start: string;
  end: string;
  holds(key: string): boolean;
}

/** `a/` is everything below a, "" everything, and `a/b` the key a/b alone: never a/bc. */
export function rangeOf(prefix: string): KeyRange {
  if (prefix === "") return { start: "", end: "\uffff", holds: () => true };
  if (!prefix.endsWith("/")) return { start: prefix, end: `${prefix}\u0000`, holds: (key) => key === prefix };
  const end = `${prefix.slice(0, -1)}0`;
  return { start: prefix, end, holds: (key) => key.startsWith(prefix) };
}

/** Throws InvalidKey: keys are one or more non-empty segments with `/` between, without control characters. */
export function checkKey(key: string): void {
  if (key.length > longestKey) throw new StoreError("InvalidKey", `the key is longer than ${longestKey} characters`);
  const wrong = key === "" || key.startsWith("/") || key.endsWith("/") || key.includes("//");
  if (wrong || hasControl(key)) {
    throw new StoreError("InvalidKey", `"${key}" is not a key: it needs segments with / between them`);
  }
}

function hasControl(key: string): boolean {
  for (let i = 0; i < key.length; i++) if (key.charCodeAt(i) < 32 || key.charCodeAt(i) === 0xffff) return true;
  return false;
}
