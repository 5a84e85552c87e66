// `when`: the language of github.com/Knetic/govaluate, where workflows read bare words as text.
import { ExpressionError, type Token, tokenize } from "./lexer.ts";
import { equal, withRegex } from "./values.ts";

const operators = [
  ">>", "<<", "==", "!=", "<=", ">=", "=~", "!~", "&&", "||", "??", "**", "+", "-", "*", "/", "%", "^", "&", "|", "<",
  ">", "!", "~", "?", ":", "(", ")", ",",
]; // biome-ignore format: a list of signs
const lexicon = { operators, name: /[A-Za-z_][\w.]*/y, bracketNames: true };
const levels: string[][] = [
  ["||", "??"],
  ["&&"],
  ["==", "!=", ">", "<", ">=", "<=", "=~", "!~", "in"],
  ["|", "^", "&"],
  ["<<", ">>"],
  ["+", "-"],
  ["*", "/", "%"],
  ["**"],
];

/**
 * Evaluates a substituted `when`.
 * @throws ExpressionError when it cannot be read or is not true or false.
 */
export function evaluateWhen(source: string): boolean {
  const reader = new WhenReader(source);
  const value = reader.read();
  if (typeof value !== "boolean") {
    throw new ExpressionError(`when ${JSON.stringify(source)} is ${JSON.stringify(value)}, not true or false`);
  }
  return value;
}

class WhenReader {
  readonly #source: string;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;
  constructor(source: string) {
    this.#source = source;
    this.#tokens = tokenize(source, lexicon);
  }

  read(): unknown {
    const value = this.#ternary();
    if (this.#token.kind !== "end") this.#fail();
    return value;
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }
  #fail(): never {
    const { kind, text, at } = this.#token;
    const what = kind === "end" ? "the end" : JSON.stringify(text);
    throw new ExpressionError(`when: unexpected ${what} at position ${at} of ${JSON.stringify(this.#source)}`);
  }
  #take(text: string): boolean {
    if (this.#token.kind === "string" || this.#token.text !== text) return false;
    this.#next++;
    return true;
  }

  #ternary(): unknown {
    if (++this.#depth > 100) throw new ExpressionError("when: nested deeper than 100");
    const test = this.#level(0);
    let value = test;
    if (this.#take("?")) {
      const yes = this.#ternary();
      const no = this.#take(":") ? this.#ternary() : null;
      value = test === true ? yes : no;
    }
    this.#depth--;
    return value;
  }

  #level(depth: number): unknown {
    const level = levels[depth];
    if (!level) return this.#unary();
    let left = this.#level(depth + 1);
    for (;;) {
      const { kind, text } = this.#token;
      const operator = kind === "operator" || (kind === "name" && text === "in") ? text : undefined;
      if (!operator || !level.includes(operator)) return left;
      this.#next++;
      left = apply(operator, left, this.#level(depth + 1));
    }
  }

  #unary(): unknown {
    if (this.#take("!")) {
      const value = this.#unary();
      if (typeof value !== "boolean")
        throw new ExpressionError(`when: ! needs true or false, not ${JSON.stringify(value)}`);
      return !value;
    }
    if (this.#take("-")) return -number("-", this.#unary());
    if (this.#take("~")) return ~number("~", this.#unary());
    return this.#primary();
  }

  #primary(): unknown {
    const { kind, text, value } = this.#token;
    if (kind === "end") this.#fail();
    if (this.#take("(")) {
      const items = [this.#ternary()];
      while (this.#take(",")) items.push(this.#ternary());
      if (!this.#take(")")) this.#fail();
      return items.length > 1 ? items : items[0];
    }
    if (kind === "operator") this.#fail();
    this.#next++;
    if (kind === "name" && value === undefined) return text === "true" ? true : text === "false" ? false : text;
    return value;
  }
}

function number(operator: string, value: unknown): number {
  if (typeof value !== "number")
    throw new ExpressionError(`when: ${operator} needs a number, not ${JSON.stringify(value)}`);
  return value;
}

function apply(operator: string, left: unknown, right: unknown): unknown {
  switch (operator) {
    case "&&":
    case "||":
      if (typeof left !== "boolean" || typeof right !== "boolean") {
        throw new ExpressionError(
          `when: cannot use ${JSON.stringify(typeof left === "boolean" ? right : left)} with ${operator}`,
        );
      }
      return operator === "&&" ? left && right : left || right;
    case "??":
      return left ?? right;
    case "==":
      return equal(left, right);
    case "!=":
      return !equal(left, right);
    case "=~":
    case "!~": {
      if (typeof left !== "string" || typeof right !== "string")
        throw new ExpressionError(`when: ${operator} needs text`);
      return withRegex(right, left, (regex, text) => regex.test(text)) === (operator === "=~");
    }
    case "in":
      return (Array.isArray(right) ? right : [right]).some((item) => equal(item, left));
  }
  if (typeof left === "string" && typeof right === "string") {
    if (operator === "<") return left < right;
    if (operator === ">") return left > right;
    if (operator === "<=") return left <= right;
    if (operator === ">=") return left >= right;
  }
  // As upstream, + joins text with whatever stands beside it.
  if (operator === "+" && (typeof left === "string" || typeof right === "string")) return `${left}${right}`;
  return arithmetic(operator, number(operator, left), number(operator, right));
}

function arithmetic(operator: string, a: number, b: number): unknown {
  const table: Record<string, (a: number, b: number) => unknown> = {
    "+": (a, b) => a + b,
    "-": (a, b) => a - b,
    "*": (a, b) => a * b,
    "/": (a, b) => a / b,
    "%": (a, b) => a % b,
    "**": (a, b) => a ** b,
    "^": (a, b) => a ^ b,
    "&": (a, b) => a & b,
    "|": (a, b) => a | b,
    "<<": (a, b) => a << b,
    ">>": (a, b) => a >> b,
    "<": (a, b) => a < b,
    ">": (a, b) => a > b,
    "<=": (a, b) => a <= b,
    ">=": (a, b) => a >= b,
  };
  return table[operator]?.(a, b);
}
