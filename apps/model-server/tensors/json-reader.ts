// JSON as TensorFlow Serving reads it: NaN and Infinity are numbers, 1 is not 1.0, integers keep 64 bits.

/** A number written with a fraction or an exponent whose value is an integer, such as 1.0 or 1e3. */
export class Decimal {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

export type JsonObject = Map<string, Json>;
/** A `number` that is an integer was written as one; beyond 2^53 it is a bigint. */
export type Json = null | boolean | string | number | bigint | Decimal | Json[] | JsonObject;

export class JsonError extends Error {
  constructor(problem: string, offset: number) {
    super(`JSON parse error at offset ${offset}: ${problem}`);
    this.name = "JsonError";
  }
}

/** Arrays and objects within one another; deeper text is refused. */
export const maxDepth = 64;

const small = new Map<number, Decimal>(Array.from({ length: 512 }, (_, i) => [i - 256, new Decimal(i - 256)]));
const decimal = (value: number): Decimal => (Object.is(value, -0) ? undefined : small.get(value)) ?? new Decimal(value);
// Exact in a double; 10^22 is the largest such power.
const powers = Array.from({ length: 23 }, (_, i) => Number(`1e${i}`));

interface Cursor {
  text: string;
  at: number;
}

/** Throws JsonError. Duplicate keys are refused: which one counts would be a guess. */
export function parseJson(text: string): Json {
  const cursor = { text, at: 0 };
  const value = readValue(cursor, 0);
  skipSpace(cursor);
  if (cursor.at < text.length) throw new JsonError("text after the value", cursor.at);
  return value;
}

function skipSpace(cursor: Cursor): number {
  const { text } = cursor;
  let code = text.charCodeAt(cursor.at);
  while (code === 32 || code === 10 || code === 13 || code === 9) code = text.charCodeAt(++cursor.at);
  return code;
}

function readValue(cursor: Cursor, depth: number): Json {
  const code = skipSpace(cursor);
  if (code === 45 || (code >= 48 && code <= 57)) return readNumber(cursor);
  if (code === 91) return readArray(cursor, depth + 1);
  if (code === 123) return readObject(cursor, depth + 1);
  if (code === 34) return readString(cursor);
  for (const [word, value] of words) if (take(cursor, word)) return value;
  if (cursor.at >= cursor.text.length) throw new JsonError("the text ends too early", cursor.at);
  throw new JsonError(`unexpected ${JSON.stringify(cursor.text[cursor.at])}`, cursor.at);
}

const words: [string, Json][] = [
  ["null", null],
  ["true", true],
  ["false", false],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["Inf", Number.POSITIVE_INFINITY],
];

function take(cursor: Cursor, word: string): boolean {
  if (!cursor.text.startsWith(word, cursor.at)) return false;
  cursor.at += word.length;
  return true;
}

/** Up to 15 digits and a power of ten up to 22 divide exactly (W. D. Clinger, PLDI 1990); the rest goes to Number(). */
function readNumber(cursor: Cursor): Json {
  const { text } = cursor;
  const start = cursor.at;
  const negative = text.charCodeAt(start) === 45;
  if (negative) cursor.at++;
  if (negative && (take(cursor, "Infinity") || take(cursor, "Inf"))) return Number.NEGATIVE_INFINITY;
  if (negative && take(cursor, "NaN")) return Number.NaN;
  const first = cursor.at;
  let mantissa = readDigits(cursor, 0);
  let digits = cursor.at - first;
  if (digits > 1 && text.charCodeAt(first) === 48) throw new JsonError("a number starts with 0", first);
  let fraction = 0;
  if (text.charCodeAt(cursor.at) === 46) {
    const dot = ++cursor.at;
    mantissa = readDigits(cursor, mantissa);
    fraction = cursor.at - dot;
    digits += fraction;
  } else if ((text.charCodeAt(cursor.at) | 32) !== 101) {
    if (digits <= 15) return negative ? (mantissa === 0 ? -0 : -mantissa) : mantissa;
    const exact = BigInt(text.slice(start, cursor.at));
    return Number.isSafeInteger(Number(exact)) ? Number(exact) : exact;
  }
  let simple = digits <= 15 && fraction <= 22;
  if ((text.charCodeAt(cursor.at) | 32) === 101) {
    const sign = text.charCodeAt(++cursor.at);
    if (sign === 43 || sign === 45) cursor.at++;
    readDigits(cursor, 0);
    simple = false;
  }
  const size = simple ? mantissa / (powers[fraction] as number) : Number(text.slice(first, cursor.at));
  if (!Number.isFinite(size)) throw new JsonError("a number too large for 64 bits", start);
  const value = negative ? -size : size;
  return Number.isInteger(value) ? decimal(value) : value;
}

function readDigits(cursor: Cursor, before: number): number {
  const { text } = cursor;
  const start = cursor.at;
  let value = before;
  let code = text.charCodeAt(cursor.at);
  while (code >= 48 && code <= 57) {
    value = value * 10 + (code - 48);
    code = text.charCodeAt(++cursor.at);
  }
  if (cursor.at === start) throw new JsonError("a digit is missing", cursor.at);
  return value;
}

function readString(cursor: Cursor): string {
  const { text } = cursor;
  const start = ++cursor.at;
  for (;;) {
    const code = text.charCodeAt(cursor.at);
    if (code === 34) return text.slice(start, cursor.at++);
    if (code === 92) break;
    if (code < 32) throw new JsonError("a control character in a string", cursor.at);
    if (cursor.at >= text.length) throw new JsonError("a string does not end", start - 1);
    cursor.at++;
  }
  // With escapes: the engine's own reader decodes the token.
  while (cursor.at < text.length && text.charCodeAt(cursor.at) !== 34) {
    cursor.at += text.charCodeAt(cursor.at) === 92 ? 2 : 1;
  }
  if (cursor.at >= text.length) throw new JsonError("a string does not end", start - 1);
  const token = text.slice(start - 1, ++cursor.at);
  try {
    return JSON.parse(token) as string;
  } catch (cause) {
    const error = new JsonError("a wrong escape in a string", start - 1);
    error.cause = cause;
    throw error;
  }
}

function enter(cursor: Cursor, depth: number): void {
  if (depth > maxDepth) throw new JsonError(`nested deeper than ${maxDepth} (maxDepth)`, cursor.at);
  cursor.at++;
}

/** Reads what stands between two items; true when the list goes on. */
function more(cursor: Cursor, close: number): boolean {
  const code = skipSpace(cursor);
  if (code !== 44 && code !== close) {
    throw new JsonError(`"," or "${String.fromCharCode(close)}" is missing`, cursor.at);
  }
  cursor.at++;
  return code === 44;
}

function readArray(cursor: Cursor, depth: number): Json[] {
  enter(cursor, depth);
  const items: Json[] = [];
  if (skipSpace(cursor) === 93) {
    cursor.at++;
    return items;
  }
  do items.push(readValue(cursor, depth));
  while (more(cursor, 93));
  return items;
}

function readObject(cursor: Cursor, depth: number): JsonObject {
  enter(cursor, depth);
  const object: JsonObject = new Map();
  if (skipSpace(cursor) === 125) {
    cursor.at++;
    return object;
  }
  do {
    if (skipSpace(cursor) !== 34) throw new JsonError("a key is missing", cursor.at);
    const at = cursor.at;
    const key = readString(cursor);
    if (object.has(key)) throw new JsonError(`the key ${JSON.stringify(key)} stands twice`, at);
    if (skipSpace(cursor) !== 58) throw new JsonError('":" is missing', cursor.at);
    cursor.at++;
    object.set(key, readValue(cursor, depth));
  } while (more(cursor, 125));
  return object;
}
