// Splits the language of `when` into tokens, as github.com/Knetic/govaluate does: each kind may follow only certain others.
import { ExpressionError } from "../error.ts";
import { parseTime } from "../time/index.ts";

export type Kind =
  | "start"
  | "prefix"
  | "number"
  | "boolean"
  | "text"
  | "pattern"
  | "time"
  | "name"
  | "accessor"
  | "open"
  | "close"
  | "comparator"
  | "logical"
  | "modifier"
  | "ternary"
  | "separator";
export interface Token {
  kind: Kind;
  value: string | number | boolean;
}

const values: Kind[] = ["number", "boolean", "name", "accessor", "text", "open"];
const operators: Kind[] = ["modifier", "comparator", "logical", "close", "separator"];
const next: Record<Kind, Kind[]> = {
  start: ["prefix", "pattern", "time", ...values],
  open: ["prefix", "pattern", "time", "close", ...values],
  close: [
    "comparator",
    "modifier",
    "number",
    "boolean",
    "name",
    "text",
    "pattern",
    "time",
    "open",
    "close",
    "logical",
    "ternary",
    "separator",
  ],
  number: [...operators, "ternary"],
  boolean: [...operators, "ternary"],
  text: [...operators, "ternary"],
  name: [...operators, "ternary"],
  time: operators,
  pattern: operators,
  accessor: ["open", ...operators, "ternary"],
  modifier: ["prefix", "close", ...values],
  comparator: ["prefix", "close", "time", "pattern", ...values],
  logical: ["prefix", "close", "time", ...values],
  prefix: ["number", "boolean", "name", "accessor", "open", "close"],
  ternary: ["prefix", "time", "separator", ...values],
  separator: ["prefix", "time", ...values],
};
const ends = new Set<Kind>(["close", "number", "boolean", "text", "time", "pattern", "name", "accessor"]);

/** Whether tokens follow one another as they may. @throws ExpressionError */
export function checkOrder(tokens: Token[]): void {
  let before: Token = { kind: "start", value: "" };
  for (const token of tokens) {
    if (!next[before.kind].includes(token.kind)) {
      if (before.kind === "name" && token.kind === "open")
        throw new ExpressionError(`Undefined function ${before.value}`);
      throw new ExpressionError(
        `Cannot transition token types from ${before.kind} [${before.value}] to ${token.kind} [${token.value}]`,
      );
    }
    before = token;
  }
  if (!ends.has(before.kind)) throw new ExpressionError("Unexpected end of expression");
}

const symbols: [Kind, Set<string>][] = [
  ["modifier", new Set(["+", "-", "*", "/", "%", "**", "&", "|", "^", ">>", "<<"])],
  ["logical", new Set(["&&", "||"])],
  ["comparator", new Set(["==", "!=", ">", ">=", "<", "<=", "=~", "!~"])],
  ["ternary", new Set(["?", ":", "??"])],
];
const prefixes = new Set(["-", "!", "~"]);

/** Texts of these layouts are moments, in seconds since 1970. */
const timeLayouts = [
  "Mon Jan _2 15:04:05 2006",
  "Mon Jan _2 15:04:05 MST 2006",
  "Mon Jan 02 15:04:05 -0700 2006",
  "3:04PM",
  "2006-01-02T15:04:05Z07:00",
  "2006-01-02T15:04:05.999999999Z07:00",
  "2006-01-02",
  "2006-01-02 15:04",
  "2006-01-02 15:04:05",
  "2006-01-02 15:04:05-07:00",
  "2006-01-02T15Z0700",
  "2006-01-02T15:04Z0700",
  "2006-01-02T15:04:05Z0700",
  "2006-01-02T15:04:05.999999999Z0700",
];

const isSpace = (char: string) => /\s/u.test(char);
const isLetter = (char: string) => /\p{L}/u.test(char);
const isDigit = (char: string) => /\p{Nd}/u.test(char);
const isNumeric = (char: string) => isDigit(char) || char === ".";
const isName = (char: string) => isLetter(char) || isDigit(char) || char === "_" || char === ".";
const isQuote = (char: string) => char === "'" || char === '"';
const isSign = (char: string) => !isDigit(char) && !isLetter(char) && !/[()[\]'"]/.test(char);

/** Longest expression read, in characters. */
const sourceLimit = 64 * 1024;

export function tokenize(source: string): Token[] {
  if (source.length > sourceLimit) throw new ExpressionError(`when is longer than ${sourceLimit} characters`);
  const reader = new Reader(source);
  const tokens: Token[] = [];
  let before: Kind = "start";
  for (let token = reader.read(before); token; token = reader.read(before)) {
    tokens.push(token);
    before = token.kind;
  }
  const open = tokens.filter(({ kind }) => kind === "open").length;
  if (open !== tokens.filter(({ kind }) => kind === "close").length)
    throw new ExpressionError("Unbalanced parenthesis");
  return tokens;
}

class Reader {
  readonly #chars: string[];
  #at = 0;
  constructor(source: string) {
    this.#chars = [...source];
  }

  /** Characters while `fits`; a backslash takes the next one as it is. Spaces end what is not quoted. */
  #while(fits: (char: string) => boolean, quoted = false): { text: string; ended: boolean } {
    let text = "";
    while (this.#at < this.#chars.length) {
      const char = this.#chars[this.#at] as string;
      if (char === "\\") {
        const escaped = this.#chars[this.#at + 1];
        if (escaped === undefined) throw new ExpressionError("when ends with a backslash");
        text += escaped;
        this.#at += 2;
        continue;
      }
      if (!quoted && isSpace(char)) {
        this.#at++;
        if (text.length > 0) return { text, ended: true };
        continue;
      }
      if (!fits(char)) return { text, ended: true };
      text += char;
      this.#at++;
    }
    return { text, ended: false };
  }

  read(before: Kind): Token | undefined {
    while (this.#at < this.#chars.length && isSpace(this.#chars[this.#at] as string)) this.#at++;
    const char = this.#chars[this.#at];
    if (char === undefined) return undefined;
    if (isNumeric(char)) return this.#number(char);
    if (char === ",") return this.#single("separator", char);
    if (char === "[") return this.#bracket();
    if (isLetter(char)) return this.#word();
    if (isQuote(char)) return this.#quoted();
    if (char === "(") return this.#single("open", char);
    if (char === ")") return this.#single("close", char);
    const { text } = this.#while(isSign);
    if (prefixes.has(text) && next[before].includes("prefix")) return { kind: "prefix", value: text };
    const kind = symbols.find(([, set]) => set.has(text))?.[0];
    if (kind) return { kind, value: text };
    throw new ExpressionError(`Invalid token: '${text}' (hint: try wrapping the affected expression in quotes ("))`);
  }

  #single(kind: Kind, value: string): Token {
    this.#at++;
    return { kind, value };
  }

  #number(first: string): Token {
    if (first === "0" && this.#chars[this.#at + 1] === "x" && this.#at + 2 < this.#chars.length) {
      this.#at += 2;
      const { text } = this.#while((char) => /[\da-fA-F]/.test(char));
      if (!/^[\da-fA-F]{1,16}$/.test(text)) throw new ExpressionError(`Unable to parse hex value '${text}' to uint64`);
      return { kind: "number", value: Number(BigInt(`0x${text}`)) };
    }
    const { text } = this.#while(isNumeric);
    if (!/^(?:\d+\.?\d*|\.\d+)$/.test(text))
      throw new ExpressionError(`Unable to parse numeric value '${text}' to float64`);
    return { kind: "number", value: Number(text) };
  }

  #bracket(): Token {
    this.#at++;
    const { text, ended } = this.#while((char) => char !== "]", true);
    if (!ended) throw new ExpressionError("Unclosed parameter bracket");
    this.#at++;
    return { kind: "name", value: text };
  }

  #word(): Token {
    const { text } = this.#while(isName);
    if (text === "true" || text === "false") return { kind: "boolean", value: text === "true" };
    if (text === "in" || text === "IN") return { kind: "comparator", value: "in" };
    if (text.indexOf(".") <= 0) return { kind: "name", value: text };
    if (text.endsWith(".")) throw new ExpressionError(`Hanging accessor on token '${text}'`);
    for (const part of text.split(".").slice(1)) {
      const [first = "\0"] = part;
      if (first.toUpperCase() !== first) {
        throw new ExpressionError(`Unable to access unexported field '${part}' in token '${text}' (hint: quote it)`);
      }
    }
    return { kind: "accessor", value: text };
  }

  #quoted(): Token {
    this.#at++;
    const { text, ended } = this.#while((char) => !isQuote(char), true);
    if (!ended) throw new ExpressionError("Unclosed string literal");
    this.#at++;
    for (const layout of timeLayouts) {
      const moment = parseTime(layout, text);
      if (moment) return { kind: "time", value: moment.seconds };
    }
    return { kind: "text", value: text };
  }
}
