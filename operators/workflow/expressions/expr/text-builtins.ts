// The functions of expr-lang on texts.
import { Buffer } from "node:buffer";
import { ExpressionError } from "../error.ts";
import { typeName } from "../values.ts";
import type { Builtin } from "./builtins.ts";
import { memoryLimit } from "./limits.ts";
import { toInt } from "./operations.ts";

export function textArgument(value: unknown, name: string): string {
  if (typeof value === "string") return value;
  throw new ExpressionError(`cannot use ${typeName(value)} as argument (type string) to call ${name}`);
}

/** A function on texts alone. */
const onTexts =
  (name: string, work: (...texts: string[]) => unknown): Builtin =>
  (values) =>
    work(...values.map((value) => textArgument(value, name)));

/** Go's spaces. */
const spaces =
  /^[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+|[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+$/g;
export const trimSpace = (text: string) => text.replace(spaces, "");

/** Takes characters of a set from both ends. */
export function trimSet(text: string, characters: string): string {
  const set = new Set(characters);
  const chars = [...text];
  let [from, to] = [0, chars.length];
  while (from < to && set.has(chars[from] as string)) from++;
  while (to > from && set.has(chars[to - 1] as string)) to--;
  return chars.slice(from, to).join("");
}

/** As strings.SplitN; all parts for a negative limit. @param after keeps the separator at the end of each part. */
export function splitText(text: string, separator: string, limit = -1, after = false): string[] {
  if (limit === 0) return [];
  const parts = separator === "" ? [...text] : text.split(separator);
  const join = (rest: string[]) => rest.join(separator);
  const wanted =
    limit > 0 && parts.length > limit ? [...parts.slice(0, limit - 1), join(parts.slice(limit - 1))] : parts;
  if (!after) return wanted;
  return wanted.map((part, i) => (i < wanted.length - 1 ? part + separator : part));
}

/** Longest text that one function makes, in characters. */
const textLimit = 10_000_000;
export function limitText(length: number): void {
  if (length > textLimit) throw new ExpressionError(`text is longer than ${textLimit} characters`);
}

/** Joins texts. @throws ExpressionError for more than textLimit characters. */
export function joinTexts(texts: string[], glue: string): string {
  limitText(texts.reduce((length, one) => length + one.length + glue.length, 0));
  return texts.join(glue);
}

/** Replaces the first `count` places; all for a negative count. */
export function replaceText(text: string, from: string, to: string, count = -1): string {
  const places = from === "" ? text.length + 1 : text.split(from, 10_000_000).length - 1;
  limitText(text.length + Math.min(places, count < 0 ? places : count) * Math.max(0, to.length - from.length));
  if (count < 0)
    return from === "" ? [...text].map((char) => to + char).join("") + to : text.replaceAll(from, () => to);
  let [result, rest] = ["", text];
  for (let i = 0; i < count; i++) {
    const at = from === "" && i > 0 ? ([...rest][0]?.length ?? -1) : rest.indexOf(from);
    if (at < 0) break;
    result += rest.slice(0, at) + to;
    rest = rest.slice(at + from.length);
  }
  return result + rest;
}

/** Positions count bytes. */
const byteIndex = (text: string, index: number) => BigInt(index < 0 ? -1 : Buffer.byteLength(text.slice(0, index)));

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
/** @returns undefined for what is not base64; line ends are skipped. */
export function decodeBase64(text: string): string | undefined {
  const plain = text.replace(/[\r\n]/g, "");
  return base64.test(plain) ? Buffer.from(plain, "base64").toString() : undefined;
}

const split =
  (name: string, after: boolean): Builtin =>
  ([text, separator, limit]) =>
    splitText(
      textArgument(text, name),
      textArgument(separator, name),
      limit === undefined ? -1 : Number(toInt(limit)),
      after,
    );

export const textBuiltins: Record<string, Builtin> = {
  trim: onTexts("trim", (text = "", set) => (set === undefined ? trimSpace(text) : trimSet(text, set))),
  trimPrefix: onTexts("trimPrefix", (text = "", prefix = " ") =>
    text.startsWith(prefix) ? text.slice(prefix.length) : text,
  ),
  trimSuffix: onTexts("trimSuffix", (text = "", suffix = " ") =>
    suffix !== "" && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
  ),
  upper: onTexts("upper", (text = "") => text.toUpperCase()),
  lower: onTexts("lower", (text = "") => text.toLowerCase()),
  split: split("split", false),
  splitAfter: split("splitAfter", true),
  replace: ([text, from, to, count]) => {
    const [subject, old, next] = [text, from, to].map((value) => textArgument(value, "replace")) as [
      string,
      string,
      string,
    ];
    return replaceText(subject, old, next, count === undefined ? -1 : Number(toInt(count)));
  },
  repeat: ([text, count], budget) => {
    const [part, times] = [textArgument(text, "repeat"), Number(toInt(count))];
    if (times < 0) throw new ExpressionError(`invalid argument for repeat (expected positive integer, got ${times})`);
    if (times > memoryLimit)
      throw new ExpressionError(`memory budget exceeded: repeat takes at most ${memoryLimit} times`);
    budget(part.length * times);
    return part.repeat(times);
  },
  join: ([list, glue = ""]) => {
    if (!Array.isArray(list)) throw new ExpressionError(`invalid argument for join (type ${typeName(list)})`);
    return joinTexts(
      list.map((item) => textArgument(item, "join")),
      textArgument(glue, "join"),
    );
  },
  indexOf: onTexts("indexOf", (text = "", part = "") => byteIndex(text, text.indexOf(part))),
  lastIndexOf: onTexts("lastIndexOf", (text = "", part = "") => byteIndex(text, text.lastIndexOf(part))),
  hasPrefix: onTexts("hasPrefix", (text = "", prefix = "") => text.startsWith(prefix)),
  hasSuffix: onTexts("hasSuffix", (text = "", suffix = "") => text.endsWith(suffix)),
  toBase64: onTexts("toBase64", (text = "") => Buffer.from(text).toString("base64")),
  fromBase64: onTexts("fromBase64", (text = "") => {
    const decoded = decodeBase64(text);
    if (decoded === undefined) throw new ExpressionError("fromBase64: illegal base64 data");
    return decoded;
  }),
};
