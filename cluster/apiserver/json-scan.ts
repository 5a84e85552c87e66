// Finds in JSON text what JSON.parse hides: keys that occur twice, nesting that is too deep, integers that lose digits.

/** Deeper bodies are refused. Source: Go's encoding/json limit is 10,000; recursive walks here stay far below the stack's end. */
export const depthLimit = 512;

export interface Scan {
  /** Paths of the keys given more than once, in the order of their second occurrence. */
  duplicates: string[];
  tooDeep: boolean;
  /** Path of a key `__proto__`, which no kind has. */
  prototype?: string;
  /** Path of an integer outside ±(2^53 - 1). */
  inexact?: string;
}

interface Level {
  /** Keys seen in an object; undefined for a list. */
  keys: Set<string> | undefined;
  key: string;
  index: number;
}

const quote = 34;
const backslash = 92;

/** Scans valid JSON text, of which the caller gives what it was parsed to. */
export function scanJson(text: string, value: unknown): Scan {
  const keys = countKeys(text);
  // As many keys in the text as in the value: none was given twice.
  if (keys !== undefined && keys === countParsed(value)) return { duplicates: [], tooDeep: false };
  return scanClosely(text);
}

/** How many keys the text has; undefined when it nests too deep, or has a number so long that it may lose digits. */
function countKeys(text: string): number | undefined {
  let keys = 0;
  let depth = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 48 && code <= 57) {
      if (++digits > 15) return undefined;
      continue;
    }
    digits = 0;
    if (code === quote) i = endOfString(text, i);
    else if (code === 58) keys++;
    else if (code === 123 || code === 91) {
      if (++depth > depthLimit) return undefined;
    } else if (code === 125 || code === 93) depth--;
  }
  return keys;
}

/** Not a number when there is a key `__proto__`. */
function countParsed(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let keys = 0;
  if (Array.isArray(value)) {
    for (const item of value) keys += countParsed(item);
    return keys;
  }
  for (const key in value) {
    if (key === "__proto__") return Number.NaN;
    keys += 1 + countParsed((value as Record<string, unknown>)[key]);
  }
  return keys;
}

function scanClosely(text: string): Scan {
  const scan: Scan = { duplicates: [], tooDeep: false };
  const stack: Level[] = [];
  let level: Level | undefined;
  let expectKey = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === quote) {
      const end = endOfString(text, i);
      if (expectKey && level?.keys) {
        readKey(text, i, end, level, stack, scan);
        expectKey = false;
      }
      i = end;
    } else if (code === 123 || code === 91) {
      level = { keys: code === 123 ? new Set() : undefined, key: "", index: 0 };
      stack.push(level);
      expectKey = code === 123;
      if (stack.length > depthLimit) return { ...scan, tooDeep: true };
    } else if (code === 125 || code === 93) {
      stack.pop();
      level = stack.at(-1);
      expectKey = false;
    } else if (code === 44 && level) {
      if (level.keys) expectKey = true;
      else level.index++;
    } else if (code === 45 || (code >= 48 && code <= 57)) {
      i = skipNumber(text, i, stack, scan);
    }
  }
  return scan;
}

function endOfString(text: string, start: number): number {
  let at = text.indexOf('"', start + 1);
  for (;;) {
    let slashes = 0;
    while (text.charCodeAt(at - 1 - slashes) === backslash) slashes++;
    if (slashes % 2 === 0 || at < 0) return at < 0 ? text.length : at;
    at = text.indexOf('"', at + 1);
  }
}

function readKey(text: string, start: number, end: number, level: Level, stack: Level[], scan: Scan): void {
  const raw = text.slice(start + 1, end);
  const key = raw.includes("\\") ? (JSON.parse(`"${raw}"`) as string) : raw;
  level.key = key;
  if (key === "__proto__") scan.prototype ??= pathOf(stack);
  if (level.keys?.has(key)) scan.duplicates.push(pathOf(stack));
  else level.keys?.add(key);
}

function skipNumber(text: string, start: number, stack: Level[], scan: Scan): number {
  let end = start + 1;
  let whole = true;
  for (; end < text.length; end++) {
    const code = text.charCodeAt(end);
    if (code >= 48 && code <= 57) continue;
    if (code !== 46 && code !== 43 && code !== 45 && code !== 69 && code !== 101) break;
    whole = false;
  }
  if (whole && end - start > 15 && !Number.isSafeInteger(Number(text.slice(start, end))))
    scan.inexact ??= pathOf(stack);
  return end - 1;
}

/** `spec.containers[0].name`. */
function pathOf(stack: readonly Level[]): string {
  let path = "";
  for (const { keys, key, index } of stack) {
    if (!keys) path += `[${index}]`;
    else path += path === "" ? key : `.${key}`;
  }
  return path;
}
