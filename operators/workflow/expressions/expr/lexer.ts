// Splits expr-lang into tokens.
import { ExpressionError } from "../error.ts";

export interface Token {
  kind: "number" | "text" | "operator" | "bracket" | "name" | "end";
  text: string;
  /** What a quoted text holds. */
  value: string;
  at: number;
}

/** Longest expression read, in characters. */
export const expressionLimit = 64 * 1024;

const space = /[\s\u0085]+|\/\/[^\n]*\n?|\/\*[\s\S]*?\*\//y;
const word = /[\p{L}_$][\p{L}\p{Nd}_$]*/uy;
const sign = /\?[.?]?|\|\|?|::?|[,;%+\-^/]|[&!=*<>][&=*]?|\.\.?/y;
const number = /(?:0[xX][\da-fA-F_]*|0[oO][0-7_]*|0[bB][01_]*|[\d_]*)(?:\.(?!\.)[\d_]*)?(?:[eE][+-]?[\d_]*)?/y;
const operatorWords = new Set([
  "not",
  "in",
  "or",
  "and",
  "matches",
  "contains",
  "startsWith",
  "endsWith",
  "let",
  "if",
  "else",
]);

/** @throws ExpressionError that says where. */
export function tokenize(source: string): Token[] {
  if (source.length > expressionLimit) {
    throw new ExpressionError(`expression is longer than ${expressionLimit} characters`);
  }
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0] || undefined;
  };
  const fail = (what: string): never => {
    throw new ExpressionError(`${what} at position ${at} of ${JSON.stringify(source.slice(0, 200))}`);
  };
  while (at < source.length) {
    const blank = match(space);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    const char = source[at] as string;
    const push = (kind: Token["kind"], text: string, value = text) => {
      tokens.push({ kind, text, value, at });
      at += text.length;
    };
    if (char === '"' || char === "'" || char === "`") {
      const { end, value } = char === "`" ? readRaw(source, at) : readQuoted(source, at);
      push("text", source.slice(at, end), value);
    } else if (/\d/.test(char) || (char === "." && /\d/.test(source[at + 1] ?? ""))) {
      push("number", match(number) ?? char);
      if (match(/[\p{L}\p{Nd}_$]/uy)) fail("bad number syntax");
    } else if (/[()[\]{}]/.test(char)) push("bracket", char);
    else if (char === "#") {
      push("operator", source[at + 1] === "#" ? "##" : "#");
      const name = match(/[\p{L}\p{Nd}_$]+/uy);
      if (name) push("name", name);
    } else {
      const name = match(word);
      if (name !== undefined) push(operatorWords.has(name) ? "operator" : "name", name);
      else
        push(
          "operator",
          (source.startsWith("/*", at) ? fail("unclosed comment") : match(sign)) ??
            fail(`unrecognized character ${JSON.stringify(char)}`),
        );
    }
  }
  tokens.push({ kind: "end", text: "", value: "", at: source.length });
  return tokens;
}

function readRaw(source: string, start: number): { end: number; value: string } {
  let value = "";
  for (let at = start + 1; at < source.length; at++) {
    if (source[at] !== "`") value += source[at];
    else if (source[at + 1] === "`") {
      value += "`";
      at++;
    } else return { end: at + 1, value };
  }
  throw new ExpressionError(`literal not terminated at position ${start}`);
}

const letters: Record<string, string> = { a: "\x07", b: "\b", f: "\f", n: "\n", r: "\r", t: "\t", v: "\v", "\\": "\\" };
const escaped =
  /\\(?:([abfnrtv\\])|x([\da-fA-F]{2})|u([\da-fA-F]{4})|u\{([\da-fA-F]{1,6})\}|U([\da-fA-F]{8})|([0-7]{3}))/y;

function readQuoted(source: string, start: number): { end: number; value: string } {
  const quote = source[start] as string;
  let value = "";
  for (let at = start + 1; at < source.length; ) {
    const char = source[at] as string;
    if (char === quote) return { end: at + 1, value };
    if (char === "\n") break;
    if (char !== "\\") {
      value += char;
      at++;
      continue;
    }
    if (source[at + 1] === quote) {
      value += quote;
      at += 2;
      continue;
    }
    escaped.lastIndex = at;
    const match = escaped.exec(source);
    if (!match) throw new ExpressionError(`invalid char escape at position ${at}`);
    const [whole, letter, byte, short, braced, long, octal] = match;
    const code = Number.parseInt(byte ?? short ?? braced ?? long ?? octal ?? "0", octal ? 8 : 16);
    if (code > 0x10ffff || (octal && code > 255))
      throw new ExpressionError(`unable to unescape string at position ${at}`);
    value += letter ? letters[letter] : String.fromCodePoint(code);
    at += whole.length;
  }
  throw new ExpressionError(`literal not terminated at position ${start}`);
}
