// Generic functions of sprig v3 (Masterminds/sprig), without those that read the environment, the network or randomness.
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Builtin } from "./evaluate.ts";
import { formatGoTime, parseGoTime } from "./go-time.ts";
import { ExpressionError } from "./lexer.ts";
import { Duration, equal, formatDuration, isRecord, Moment, parseDuration, textOf, withRegex } from "./values.ts";

const number = (value: unknown): number => {
  const result = typeof value === "boolean" ? Number(value) : Number(value ?? 0);
  return Number.isNaN(result) ? 0 : result;
};
/** sprig's integer functions truncate what they get. */
const integer = (value: unknown): number => Math.trunc(number(value));
const list = (value: unknown): unknown[] => {
  if (Array.isArray(value)) return value;
  throw new ExpressionError("sprig: a list is needed");
};
const record = (value: unknown): Record<string, unknown> => {
  if (isRecord(value)) return value;
  throw new ExpressionError("sprig: a dict is needed");
};
const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === "" ||
  value === 0 ||
  value === false ||
  (Array.isArray(value) && value.length === 0) ||
  (isRecord(value) && Object.keys(value).length === 0);
const text = (value: unknown): string => textOf(value ?? "");
const hash = (algorithm: string) => (value: unknown) => createHash(algorithm).update(text(value)).digest("hex");

const arithmetic: Record<string, Builtin> = {
  add: (...values) => values.reduce<number>((sum, value) => sum + integer(value), 0),
  add1: (value) => integer(value) + 1,
  sub: (a, b) => integer(a) - integer(b),
  mul: (...values) => values.reduce<number>((product, value) => product * integer(value), 1),
  div: (a, b) => {
    if (integer(b) === 0) throw new ExpressionError("sprig.div: division by zero");
    return Math.trunc(integer(a) / integer(b));
  },
  mod: (a, b) => {
    if (integer(b) === 0) throw new ExpressionError("sprig.mod: division by zero");
    return integer(a) % integer(b);
  },
  min: (...values) => Math.min(...values.map(integer)),
  max: (...values) => Math.max(...values.map(integer)),
  minf: (...values) => Math.min(...values.map(number)),
  maxf: (...values) => Math.max(...values.map(number)),
  addf: (...values) => values.reduce<number>((sum, value) => sum + number(value), 0),
  subf: (first, ...values) => values.reduce<number>((sum, value) => sum - number(value), number(first)),
  mulf: (...values) => values.reduce<number>((product, value) => product * number(value), 1),
  divf: (first, ...values) => values.reduce<number>((result, value) => result / number(value), number(first)),
  ceil: (value) => Math.ceil(number(value)),
  floor: (value) => Math.floor(number(value)),
  round: (value, places) => {
    const factor = 10 ** integer(places);
    return Math.round(number(value) * factor) / factor;
  },
  int: integer,
  int64: integer,
  float64: number,
  toString: (value: unknown) => text(value),
  toDecimal: (value) => Number.parseInt(text(value), 8),
  until: (count) => sequence(0, integer(count), 1),
  untilStep: (from, to, step) => sequence(integer(from), integer(to), integer(step)),
  seq: (...values) => {
    const [a = 1, b, c] = values.map(integer);
    const [from, step, to] =
      values.length === 1 ? [1, 1, a] : values.length === 2 ? [a, 1, b ?? a] : [a, b ?? 1, c ?? a];
    return sequence(from, to + Math.sign(step), step).join(" ");
  },
};

function sequence(from: number, to: number, step: number): number[] {
  const count = step === 0 ? 0 : Math.max(0, Math.ceil((to - from) / step));
  if (count > 100_000) throw new ExpressionError("sprig: a sequence has at most 100000 elements");
  return Array.from({ length: count }, (_, i) => from + i * step);
}

const capitalize = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
const wordsOf = (value: unknown) => text(value).replace(/([a-z0-9])([A-Z])/g, "$1 $2").split(/[\s_\-.]+/).filter(Boolean); // biome-ignore format: one thought
const strings: Record<string, Builtin> = {
  trim: (value) => text(value).trim(),
  trimAll: (chars, value) => stripAll(text(value), text(chars)),
  trimPrefix: (prefix, value) =>
    text(value).startsWith(text(prefix)) ? text(value).slice(text(prefix).length) : value,
  trimSuffix: (suffix, value) =>
    text(value).endsWith(text(suffix)) ? text(value).slice(0, text(value).length - text(suffix).length) : value,
  upper: (value) => text(value).toUpperCase(),
  lower: (value) => text(value).toLowerCase(),
  title: (value) => text(value).replace(/\b\w/g, (letter) => letter.toUpperCase()),
  untitle: (value) => text(value).replace(/\b\w/g, (letter) => letter.toLowerCase()),
  repeat: (times, value) => {
    if (text(value).length * integer(times) > 10_000_000)
      throw new ExpressionError("sprig.repeat: more than 10000000 characters");
    return text(value).repeat(Math.max(0, integer(times)));
  },
  substr: (from, to, value) => text(value).slice(Math.max(0, integer(from)), integer(to) < 0 ? undefined : integer(to)),
  nospace: (value) => text(value).replace(/\s+/g, ""),
  trunc: (length, value) =>
    integer(length) < 0 ? text(value).slice(integer(length)) : text(value).slice(0, integer(length)),
  abbrev: (width, value) => {
    const whole = text(value);
    return whole.length <= integer(width) || integer(width) < 4 ? whole : `${whole.slice(0, integer(width) - 3)}...`;
  },
  contains: (part, value) => text(value).includes(text(part)),
  hasPrefix: (prefix, value) => text(value).startsWith(text(prefix)),
  hasSuffix: (suffix, value) => text(value).endsWith(text(suffix)),
  quote: (...values) =>
    values
      .filter((v) => v !== null)
      .map((v) => JSON.stringify(text(v)))
      .join(" "),
  squote: (...values) =>
    values
      .filter((v) => v !== null)
      .map((v) => `'${text(v)}'`)
      .join(" "),
  cat: (...values) =>
    values
      .filter((v) => v !== null)
      .map(text)
      .join(" "),
  indent: (spaces, value) => text(value).replace(/^/gm, " ".repeat(Math.min(1000, integer(spaces)))),
  nindent: (spaces, value) => `\n${text(value).replace(/^/gm, " ".repeat(Math.min(1000, integer(spaces))))}`,
  replace: (from, to, value) => text(value).replaceAll(text(from), () => text(to)),
  plural: (one, many, count) => (integer(count) === 1 ? one : many),
  snakecase: (value) => wordsOf(value).join("_").toLowerCase(),
  kebabcase: (value) => wordsOf(value).join("-").toLowerCase(),
  camelcase: (value) =>
    wordsOf(value)
      .map((word) => capitalize(word.toLowerCase()))
      .join(""),
  split: (separator, value) =>
    Object.fromEntries(
      text(value)
        .split(text(separator))
        .map((part, i) => [`_${i}`, part]),
    ),
  splitList: (separator, value) => text(value).split(text(separator)),
  toStrings: (value) => list(value).map(text),
  join: (separator, value) => (Array.isArray(value) ? value.map(text).join(text(separator)) : text(value)),
  sortAlpha: (value) => list(value).map(text).sort(),
  regexMatch: (pattern, value) => withRegex(text(pattern), text(value), (regex, subject) => regex.test(subject)),
  regexFind: (pattern, value) =>
    withRegex(text(pattern), text(value), (regex, subject) => regex.exec(subject)?.[0] ?? ""),
  regexFindAll: (pattern, value, count) => {
    const all = withRegex(text(pattern), text(value), (regex, subject) => subject.match(regex) ?? [], true) as string[];
    return integer(count) < 0 ? [...all] : all.slice(0, integer(count));
  },
  regexReplaceAll: (pattern, value, to) => {
    const target = text(to).replace(/\$\{(\w+)\}/g, (_, name: string) =>
      /^\d+$/.test(name) ? `$${name}` : `$<${name}>`,
    );
    return withRegex(text(pattern), text(value), (regex, subject) => subject.replace(regex, target), true);
  },
  regexReplaceAllLiteral: (pattern, value, to) =>
    withRegex(text(pattern), text(value), (regex, subject) => subject.replace(regex, () => text(to)), true),
  regexSplit: (pattern, value) => [...withRegex(text(pattern), text(value), (regex, subject) => subject.split(regex))],
};

function stripAll(value: string, chars: string): string {
  const set = new Set(chars);
  let [from, to] = [0, value.length];
  while (from < to && set.has(value[from] as string)) from++;
  while (to > from && set.has(value[to - 1] as string)) to--;
  return value.slice(from, to);
}

const collections: Record<string, Builtin> = {
  list: (...values) => values,
  tuple: (...values) => values,
  first: (value) => list(value)[0] ?? null,
  last: (value) => list(value).at(-1) ?? null,
  rest: (value) => list(value).slice(1),
  initial: (value) => list(value).slice(0, -1),
  append: (value, item) => [...list(value), item],
  prepend: (value, item) => [item, ...list(value)],
  concat: (...values) => values.flatMap(list),
  reverse: (value) => list(value).toReversed(),
  uniq: (value) => list(value).filter((item, i, all) => all.findIndex((other) => equal(item, other)) === i),
  without: (value, ...away) => list(value).filter((item) => !away.some((other) => equal(item, other))),
  has: (item, value) => list(value).some((other) => equal(item, other)),
  compact: (value) => list(value).filter((item) => !isEmpty(item)),
  slice: (value, from, to) => list(value).slice(integer(from ?? 0), to === undefined ? undefined : integer(to)),
  chunk: (size, value) => {
    const step = Math.max(1, integer(size));
    return list(value).flatMap((_, i, all) => (i % step === 0 ? [all.slice(i, i + step)] : []));
  },
  dict: (...pairs) =>
    Object.fromEntries(pairs.flatMap((key, i) => (i % 2 === 0 ? [[text(key), pairs[i + 1] ?? ""]] : []))),
  get: (value, key) => (Object.hasOwn(record(value), text(key)) ? record(value)[text(key)] : ""),
  set: (value, key, item) => ({ ...record(value), [text(key)]: item }),
  unset: (value, key) => Object.fromEntries(Object.entries(record(value)).filter(([name]) => name !== key)),
  hasKey: (value, key) => Object.hasOwn(record(value), text(key)),
  keys: (...values) => values.flatMap((value) => Object.keys(record(value))),
  values: (value) => Object.values(record(value)),
  pick: (value, ...keys) => Object.fromEntries(Object.entries(record(value)).filter(([key]) => keys.includes(key))),
  omit: (value, ...keys) => Object.fromEntries(Object.entries(record(value)).filter(([key]) => !keys.includes(key))),
  merge: (...values) => Object.assign({}, ...values.map(record).toReversed()),
  pluck: (key, ...values) =>
    values.map(record).flatMap((value) => (Object.hasOwn(value, text(key)) ? [value[text(key)]] : [])),
  default: (otherwise, value) => (isEmpty(value) ? otherwise : value),
  empty: isEmpty,
  coalesce: (...values) => values.find((value) => !isEmpty(value)) ?? null,
  all: (...values) => values.every((value) => !isEmpty(value)),
  any: (...values) => values.some((value) => !isEmpty(value)),
  ternary: (yes, no, test) => (test === true ? yes : no),
  deepEqual: equal,
  toJson: (value) => JSON.stringify(value ?? null),
  toPrettyJson: (value) => JSON.stringify(value ?? null, null, 2),
  fromJson: (value) => JSON.parse(text(value)) as unknown,
  kindOf: (value) => (Array.isArray(value) ? "slice" : isRecord(value) ? "map" : typeof value),
  fail: (message) => {
    throw new ExpressionError(text(message));
  },
};

const moment = (value: unknown): number => {
  if (value instanceof Moment) return value.epoch;
  if (typeof value === "number") return value * 1000;
  return parseGoTime(text(value)) ?? Date.now();
};
const others: Record<string, Builtin> = {
  b64enc: (value) => Buffer.from(text(value)).toString("base64"),
  b64dec: (value) => Buffer.from(text(value), "base64").toString(),
  sha1sum: hash("sha1"),
  sha256sum: hash("sha256"),
  sha512sum: hash("sha512"),
  now: () => new Moment(Date.now()),
  date: (layout, value) => formatGoTime(moment(value), text(layout)),
  dateInZone: (layout, value) => formatGoTime(moment(value), text(layout)),
  date_in_zone: (layout, value) => formatGoTime(moment(value), text(layout)),
  dateModify: (change, value) => new Moment(moment(value) + parseDuration(text(change))),
  date_modify: (change, value) => new Moment(moment(value) + parseDuration(text(change))),
  toDate: (layout, value) => new Moment(parseGoTime(text(value), text(layout)) ?? 0),
  unixEpoch: (value) => String(Math.floor(moment(value) / 1000)),
  htmlDate: (value) => formatGoTime(moment(value), "2006-01-02"),
  duration: (seconds) => formatDuration(integer(seconds) * 1000),
  ago: (value) => new Duration(Math.round((Date.now() - moment(value)) / 1000) * 1000).toString(),
  base: (path) => text(path).split("/").at(-1) ?? "",
  dir: (path) => text(path).split("/").slice(0, -1).join("/") || ".",
  ext: (path) => /\.[^./]*$/.exec(text(path))?.[0] ?? "",
  isAbs: (path) => text(path).startsWith("/"),
  semverCompare: (constraint, version) => compareSemver(text(constraint), text(version)),
};

/** One constraint such as `>=1.2.0` or `1.2.3`. */
function compareSemver(constraint: string, version: string): boolean {
  const match = /^\s*(>=|<=|>|<|=|!=)?\s*v?([\d.]+)/.exec(constraint);
  if (!match) throw new ExpressionError(`sprig.semverCompare: ${JSON.stringify(constraint)} is not a constraint`);
  const parts = (value: string) => value.replace(/^v/, "").split(/[-+]/)[0]?.split(".").map(Number) ?? [];
  const [wanted, given] = [parts(match[2] ?? ""), parts(version)];
  let order = 0;
  for (let i = 0; i < 3 && order === 0; i++) order = Math.sign((given[i] ?? 0) - (wanted[i] ?? 0));
  const outcome: Record<string, boolean> = { ">=": order >= 0, "<=": order <= 0, ">": order > 0, "<": order < 0, "!=": order !== 0 }; // biome-ignore format: one table
  return outcome[match[1] ?? "="] ?? order === 0;
}

export const sprig: Readonly<Record<string, Builtin>> = Object.freeze({
  ...arithmetic,
  ...strings,
  ...collections,
  ...others,
});
