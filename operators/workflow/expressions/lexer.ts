// Splits an expression into tokens: shared by expr-lang and govaluate, which differ in their words and operators.

export interface Token {
  kind: "number" | "string" | "name" | "operator" | "end";
  text: string;
  /** The value of a number or string. */
  value?: string | number;
  at: number;
}

/** An expression that cannot be read or evaluated; the message says where. */
export class ExpressionError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ExpressionError";
  }
}

/** Longest expression read, in characters. */
export const expressionLimit = 64 * 1024;

export interface Lexicon {
  /** Longest first. */
  operators: readonly string[];
  name: RegExp;
  /** govaluate's `[name with any characters]`. */
  bracketNames?: boolean;
}

const number = /(?:0x[0-9a-fA-F]+|(?:\d[\d_]*)(?:\.\d[\d_]*)?(?:[eE][+-]?\d+)?|\.\d+)/y;
const space = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)+/y;

export function tokenize(source: string, lexicon: Lexicon): Token[] {
  if (source.length > expressionLimit) {
    throw new ExpressionError(`expression is longer than ${expressionLimit} characters`);
  }
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  };
  while (at < source.length) {
    const blank = match(space);
    if (blank !== undefined) {
      at += blank.length;
      continue;
    }
    const token = read(source, at, lexicon, match, tokens.at(-1));
    tokens.push(token);
    at += token.text.length;
  }
  tokens.push({ kind: "end", text: "", at: source.length });
  return tokens;
}

function read(
  source: string,
  at: number,
  lexicon: Lexicon,
  match: (pattern: RegExp) => string | undefined,
  before: Token | undefined,
): Token {
  const char = source[at] as string;
  if (char === '"' || char === "'" || char === "`") return readString(source, at);
  if (lexicon.bracketNames && char === "[") {
    const end = source.indexOf("]", at);
    if (end < 0) throw new ExpressionError(`unclosed [ at position ${at}`);
    return { kind: "name", text: source.slice(at, end + 1), value: source.slice(at + 1, end), at };
  }
  // `a.0` is a member, `.5` after an operator a number, and `1..3` a range.
  if (/\d/.test(char) || (char === "." && /\d/.test(source[at + 1] ?? "") && before?.kind !== "name")) {
    let text = match(number) ?? char;
    const range = text.indexOf("..");
    if (range > 0) text = text.slice(0, range);
    return { kind: "number", text, value: Number(text.replaceAll("_", "")), at };
  }
  const word = match(lexicon.name);
  if (word !== undefined) return { kind: "name", text: word, at };
  const operator = lexicon.operators.find((candidate) => source.startsWith(candidate, at));
  if (operator) return { kind: "operator", text: operator, at };
  throw new ExpressionError(`unexpected ${JSON.stringify(char)} at position ${at} of ${JSON.stringify(source)}`);
}

const escapes: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", f: "\f", v: "\v", a: "\x07", "0": "\0" };

function readString(source: string, at: number): Token {
  const quote = source[at] as string;
  let value = "";
  for (let i = at + 1; i < source.length; i++) {
    const char = source[i] as string;
    if (char === quote) return { kind: "string", text: source.slice(at, i + 1), value, at };
    if (char !== "\\" || quote === "`") {
      value += char;
      continue;
    }
    const escaped = source[++i] ?? "";
    const code = escaped === "u" ? source.slice(i + 1, i + 5) : escaped === "x" ? source.slice(i + 1, i + 3) : "";
    if (code && /^[0-9a-fA-F]+$/.test(code)) {
      value += String.fromCharCode(Number.parseInt(code, 16));
      i += code.length;
    } else value += escapes[escaped] ?? escaped;
  }
  throw new ExpressionError(`unclosed ${quote} at position ${at}`);
}
