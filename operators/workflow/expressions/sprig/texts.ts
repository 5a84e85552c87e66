// sprig's functions on texts. Positions count bytes, as in Go.
import { Buffer } from "node:buffer";
import { ExpressionError } from "../error.ts";
import { decodeBase64, joinTexts, replaceText, splitText, trimSet, trimSpace } from "../expr/text-builtins.ts";
import { compileRegex, quoteRegex } from "../regex/index.ts";
import { compareTexts } from "../values.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { type Callable, limitSize, type Signature } from "./call.ts";
import { castText, castTexts } from "./cast.ts";
import { toLowerWords, toPascalCase } from "./words.ts";

type Texts = (...texts: string[]) => unknown;
const ofTexts = (signature: Signature, work: Texts): [Signature, Callable] => [signature, work as Callable];

/** Part of a text by its bytes. @throws ExpressionError beyond the text. */
function part(text: string, from: number, to = Buffer.byteLength(text)): string {
  const bytes = Buffer.from(text);
  if (from < 0 || to > bytes.length || from > to)
    throw new ExpressionError(`sprig: slice bounds out of range [${from}:${to}]`);
  return bytes.subarray(from, to).toString();
}
const size = (text: string) => Buffer.byteLength(text);

function abbreviate(text: string, offset: number, width: number): string {
  const length = size(text);
  if (text === "" || width < 4) return "";
  if (length <= width) return text;
  let start = Math.min(offset, length);
  if (length - start < width - 3) start = length - (width - 3);
  if (start <= 4) return `${part(text, 0, width - 3)}...`;
  if (width < 7) return "";
  if (start + width - 3 < length) return `...${abbreviate(part(text, start), 0, width - 3)}`;
  return `...${part(text, length - (width - 3))}`;
}

function truncate(count: number, text: string): string {
  const length = size(text);
  if (count < 0 && length + count > 0) return part(text, length + count);
  return count >= 0 && length > count ? part(text, 0, count) : text;
}

function substring(start: number, end: number, text: string): string {
  if (start < 0) return part(text, 0, end);
  return end < 0 || end > size(text) ? part(text, start) : part(text, start, end);
}

/** Breaks lines at spaces. */
function wrapText(text: string, width: number, lineEnd: string, breakWords: boolean): string {
  const least = Math.max(1, width);
  let [result, rest] = ["", text];
  while (rest.length > least) {
    if (rest[0] === " ") {
      rest = rest.slice(1);
      continue;
    }
    let at = rest.lastIndexOf(" ", least);
    let skip = 1;
    if (at < 0) {
      at = breakWords ? least : rest.indexOf(" ", least);
      skip = breakWords ? 0 : 1;
      if (at < 0) return result + rest;
    }
    result += rest.slice(0, at) + (lineEnd || "\n");
    limitSize("wrap", result.length);
    rest = rest.slice(at + skip);
  }
  return result + rest;
}

const indent = (spaces: bigint, text: string) => {
  if (spaces < 0n) throw new ExpressionError("sprig.indent: a negative number of spaces");
  const margin = " ".repeat(Math.min(Number(spaces), 1_000_001));
  limitSize("indent", text.length + margin.length * text.split("\n").length);
  return margin + text.replaceAll("\n", `\n${margin}`);
};
const quoteGo = (text: string) => JSON.stringify(text).replaceAll("\\b", "\\b").replaceAll("\\u00", "\\x");
const present = (values: unknown[]) => values.filter((value) => value !== null && value !== undefined);
const parts = (list: string[]) => Object.fromEntries(list.map((text, i) => [`_${i}`, text]));
const repeat = (count: bigint, text: string) => {
  if (count < 0n) throw new ExpressionError("sprig.repeat: a negative count");
  limitSize("repeat", Number(count) * Math.max(1, text.length));
  return text.repeat(Number(count));
};
const title = (text: string) =>
  text
    .replace(/(^|[^\p{L}\p{N}_'])(\p{Ll})/gu, (_, before: string, letter: string) => before + letter.toUpperCase())
    .replace(/'(\p{Ll})/gu, (_, letter: string) => `'${letter.toUpperCase()}`);

const swapCase = (text: string) =>
  [...text].map((char) => (char === char.toUpperCase() ? char.toLowerCase() : char.toUpperCase())).join("");

const regexes: Record<string, [Signature, Callable]> = {
  regexMatch: ofTexts("ss", (pattern = "", text = "") => {
    try {
      return compileRegex(pattern).test(text);
    } catch (error) {
      if (error instanceof ExpressionError && error.message.startsWith("error parsing")) return false;
      throw error;
    }
  }),
  mustRegexMatch: ofTexts("ss", (pattern = "", text = "") => compileRegex(pattern).test(text)),
  regexFind: ofTexts("ss", (pattern = "", text = "") => compileRegex(pattern).find(text) ?? ""),
  regexFindAll: [
    "ssi",
    (pattern, text, count) => compileRegex(pattern as string).findAll(text as string, Number(count)),
  ],
  regexReplaceAll: ofTexts("sss", (pattern = "", text = "", to = "") => compileRegex(pattern).replaceAll(text, to)),
  regexReplaceAllLiteral: ofTexts("sss", (pattern = "", text = "", to = "") =>
    compileRegex(pattern).replaceAllLiteral(text, to),
  ),
  regexSplit: ["ssi", (pattern, text, count) => compileRegex(pattern as string).split(text as string, Number(count))],
  regexQuoteMeta: ofTexts("s", (text = "") => quoteRegex(text)),
};

export const texts: Record<string, [Signature, Callable]> = {
  ...regexes,
  ...Object.fromEntries<[Signature, Callable]>(
    ["regexFind", "regexFindAll", "regexReplaceAll", "regexReplaceAllLiteral", "regexSplit"].map((name) => [
      `mustR${name.slice(1)}`,
      regexes[name] as [Signature, Callable],
    ]),
  ),
  hello: ["", () => "Hello!"],
  abbrev: ["is", (width, text) => (Number(width) < 4 ? text : abbreviate(text as string, 0, Number(width)))],
  abbrevboth: [
    "iis",
    (left, right, text) =>
      Number(right) < 4 || (Number(left) > 0 && Number(right) < 7)
        ? text
        : abbreviate(text as string, Number(left), Number(right)),
  ],
  trunc: ["is", (count, text) => truncate(Number(count), text as string)],
  trim: ofTexts("s", (text = "") => trimSpace(text)),
  upper: ofTexts("s", (text = "") => text.toUpperCase()),
  lower: ofTexts("s", (text = "") => text.toLowerCase()),
  title: ofTexts("s", (text = "") => title(text)),
  untitle: ofTexts("s", (text = "") =>
    text.replace(/(^|\s)(\S)/gu, (_, gap: string, letter: string) => gap + letter.toLowerCase()),
  ),
  substr: ["iis", (start, end, text) => substring(Number(start), Number(end), text as string)],
  repeat: ["is", repeat as Callable],
  trimall: ofTexts("ss", (set = "", text = "") => trimSet(text, set)),
  trimAll: ofTexts("ss", (set = "", text = "") => trimSet(text, set)),
  trimSuffix: ofTexts("ss", (suffix = "", text = "") =>
    suffix && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
  ),
  trimPrefix: ofTexts("ss", (prefix = "", text = "") => (text.startsWith(prefix) ? text.slice(prefix.length) : text)),
  nospace: ofTexts("s", (text = "") => text.replace(/\s/g, "")),
  initials: ofTexts("s", (text = "") =>
    text
      .split(/\s+/)
      .map((word) => word[0] ?? "")
      .join(""),
  ),
  swapcase: ofTexts("s", (text = "") => swapCase(text)),
  snakecase: ofTexts("s", (text = "") => toLowerWords(text, "_")),
  kebabcase: ofTexts("s", (text = "") => toLowerWords(text, "-")),
  camelcase: ofTexts("s", (text = "") => toPascalCase(text)),
  wrap: ["is", (width, text) => wrapText(text as string, Number(width), "\n", false)],
  wrapWith: ["iss", (width, lineEnd, text) => wrapText(text as string, Number(width), lineEnd as string, true)],
  contains: ofTexts("ss", (inner = "", text = "") => text.includes(inner)),
  hasPrefix: ofTexts("ss", (prefix = "", text = "") => text.startsWith(prefix)),
  hasSuffix: ofTexts("ss", (suffix = "", text = "") => text.endsWith(suffix)),
  quote: [
    "a*",
    (...values) =>
      present(values)
        .map((value) => quoteGo(castText(value)))
        .join(" "),
  ],
  squote: [
    "a*",
    (...values) =>
      present(values)
        .map((value) => `'${castText(value)}'`)
        .join(" "),
  ],
  cat: ["a*", (...values) => present(values).map(castText).join(" ")],
  indent: ["is", indent as Callable],
  nindent: ["is", (spaces, text) => `\n${indent(spaces as bigint, text as string)}`],
  replace: ofTexts("sss", (from = "", to = "", text = "") => replaceText(text, from, to)),
  plural: ["ssi", (one, many, count) => (count === 1n ? one : many)],
  toString: ["a", castText] as [Signature, Callable],
  toStrings: ["a", castTexts],
  split: ofTexts("ss", (separator = "", text = "") => parts(splitText(text, separator))),
  splitn: ["sis", (separator, count, text) => parts(splitText(text as string, separator as string, Number(count)))],
  splitList: ofTexts("ss", (separator = "", text = "") => splitText(text, separator)),
  join: ["sa", (separator, list) => joinTexts(castTexts(list), separator as string)],
  sortAlpha: ["a", (list) => (Array.isArray(list) ? castTexts(list).sort(compareTexts) : [castText(list)])],
  b64enc: ofTexts("s", (text = "") => Buffer.from(text).toString("base64")),
  b64dec: ofTexts("s", (text = "") => decodeBase64(text) ?? `illegal base64 data at input byte ${badBase64(text)}`),
  b32enc: ofTexts("s", (text = "") => encodeBase32(text)),
  b32dec: ofTexts("s", (text = "") => decodeBase32(text)),
};

const badBase64 = (text: string) => {
  const at = text.search(/[^A-Za-z0-9+/\r\n]/);
  return at < 0 ? text.length - (text.length % 4) : at;
};
