// Parses expr-lang (github.com/expr-lang/expr, docs/language-definition.md, v1.17) into a tree.
import { ExpressionError, type Token, tokenize } from "./lexer.ts";

export type Expression =
  | { is: "literal"; value: unknown }
  | { is: "name"; name: string }
  /** `#`, `#index`, `#acc` inside a predicate. */
  | { is: "pointer"; name: string }
  | { is: "unary"; operator: string; operand: Expression }
  | { is: "binary"; operator: string; left: Expression; right: Expression }
  | { is: "ternary"; test: Expression; yes: Expression; no: Expression }
  | { is: "member"; object: Expression; key: Expression; optional: boolean }
  | { is: "slice"; object: Expression; from?: Expression; to?: Expression }
  | { is: "call"; callee: Expression; arguments: Expression[] }
  | { is: "predicate"; body: Expression }
  | { is: "array"; items: Expression[] }
  | { is: "map"; entries: [Expression, Expression][] }
  | { is: "let"; name: string; value: Expression; body: Expression };

const operators = [
  "...", "?.", "??", "**", "==", "!=", "<=", ">=", "&&", "||", "..", "+", "-", "*", "/", "%", "^", "<", ">", "!", "?",
  ":", "(", ")", "[", "]", "{", "}", ",", ".", "|", ";", "=", "#",
]; // biome-ignore format: a list of signs
const lexicon = { operators, name: /[A-Za-z_$][\w$]*/y };

/** How tightly each binary operator binds; `??` binds closest of all, as upstream. */
const power: Record<string, number> = {
  "|": 1,
  or: 10,
  "||": 10,
  and: 15,
  "&&": 15,
  "==": 20,
  "!=": 20,
  "<": 20,
  ">": 20,
  "<=": 20,
  ">=": 20,
  in: 20,
  "not in": 20,
  matches: 20,
  contains: 20,
  startsWith: 20,
  endsWith: 20,
  "..": 25,
  "+": 30,
  "-": 30,
  "*": 60,
  "/": 60,
  "%": 60,
  "**": 100,
  "^": 100,
  "??": 500,
};
const words = new Set(["and", "or", "in", "matches", "contains", "startsWith", "endsWith"]);
const depthLimit = 200;

export function parseExpression(source: string): Expression {
  const tokens = tokenize(source, lexicon);
  const parser = new Parser(source, tokens);
  const tree = parser.sequence();
  parser.finish();
  return tree;
}

class Parser {
  readonly #source: string;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;

  constructor(source: string, tokens: Token[]) {
    this.#source = source;
    this.#tokens = tokens;
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #fail(): never {
    const { kind, text, at } = this.#token;
    const what = kind === "end" ? "the end" : JSON.stringify(text);
    throw new ExpressionError(`unexpected ${what} at position ${at} of ${JSON.stringify(this.#source)}`);
  }

  #is(text: string): boolean {
    return this.#token.kind !== "string" && this.#token.text === text;
  }

  #take(text: string): boolean {
    if (!this.#is(text)) return false;
    this.#next++;
    return true;
  }

  #expect(text: string): void {
    if (!this.#take(text)) this.#fail();
  }

  finish(): void {
    if (this.#token.kind !== "end") this.#fail();
  }

  /** `let name = value; body`, else one expression. */
  sequence(): Expression {
    if (this.#token.kind === "name" && this.#is("let")) {
      this.#next++;
      const name = this.#name();
      this.#expect("=");
      const value = this.expression();
      this.#expect(";");
      return { is: "let", name, value, body: this.sequence() };
    }
    return this.expression();
  }

  expression(): Expression {
    if (++this.#depth > depthLimit) throw new ExpressionError(`expression is nested deeper than ${depthLimit}`);
    try {
      const test = this.#binary(0);
      if (!this.#take("?")) return test;
      const yes = this.#is(":") ? test : this.expression();
      this.#expect(":");
      return { is: "ternary", test, yes, no: this.expression() };
    } finally {
      this.#depth--;
    }
  }

  #operator(): string | undefined {
    const { kind, text } = this.#token;
    if (kind === "operator") return power[text] !== undefined ? text : undefined;
    if (kind !== "name") return undefined;
    if (text === "not" && this.#tokens[this.#next + 1]?.text === "in") return "not in";
    return words.has(text) ? text : undefined;
  }

  #binary(least: number): Expression {
    let left = this.#unary();
    for (;;) {
      const operator = this.#operator();
      const binds = operator === undefined ? -1 : (power[operator] ?? -1);
      if (operator === undefined || binds < least) return left;
      this.#next += operator === "not in" ? 2 : 1;
      if (operator === "|") {
        left = this.#pipe(left);
        continue;
      }
      const rightAssociative = operator === "**" || operator === "^";
      const right = this.#binary(rightAssociative ? binds : binds + 1);
      left =
        operator === "not in"
          ? { is: "unary", operator: "not", operand: { is: "binary", operator: "in", left, right } }
          : { is: "binary", operator, left, right };
    }
  }

  /** `value | f(x)` is `f(value, x)`. */
  #pipe(first: Expression): Expression {
    const call = this.#postfix(this.#primary());
    if (call.is === "call") return { ...call, arguments: [first, ...call.arguments] };
    return { is: "call", callee: call, arguments: [first] };
  }

  #unary(): Expression {
    if (++this.#depth > depthLimit) throw new ExpressionError(`expression is nested deeper than ${depthLimit}`);
    try {
      const { kind, text } = this.#token;
      if (kind === "operator" && (text === "-" || text === "+")) {
        this.#next++;
        return { is: "unary", operator: text, operand: this.#binary(90) };
      }
      if ((kind === "operator" && text === "!") || (kind === "name" && text === "not")) {
        this.#next++;
        return { is: "unary", operator: "not", operand: this.#binary(50) };
      }
      return this.#postfix(this.#primary());
    } finally {
      this.#depth--;
    }
  }

  #name(): string {
    if (this.#token.kind !== "name") this.#fail();
    return (this.#tokens[this.#next++] as Token).text;
  }

  #primary(): Expression {
    const { kind, text, value } = this.#token;
    if (kind === "number" || kind === "string") {
      this.#next++;
      return { is: "literal", value };
    }
    if (kind === "name") {
      this.#next++;
      if (text === "true" || text === "false") return { is: "literal", value: text === "true" };
      if (text === "nil") return { is: "literal", value: null };
      return { is: "name", name: text };
    }
    if (this.#take("(")) {
      const inner = this.sequence();
      this.#expect(")");
      return inner;
    }
    if (this.#take("[")) return { is: "array", items: this.#list("]") };
    if (this.#take("{")) return this.#braces();
    const { at } = this.#token;
    // `#acc` is one word; in `# in list` the name is an operator.
    if (this.#take("#"))
      return { is: "pointer", name: this.#token.kind === "name" && this.#token.at === at + 1 ? this.#name() : "" };
    // `.field` inside a predicate is `#.field`; the dot is read by #postfix.
    if (this.#is(".")) return { is: "pointer", name: "" };
    this.#fail();
  }

  #list(close: string): Expression[] {
    const items: Expression[] = [];
    while (!this.#take(close)) {
      if (items.length > 0) {
        this.#expect(",");
        if (this.#take(close)) break;
      }
      items.push(this.#argument());
    }
    return items;
  }

  /** A call's argument may be a predicate without braces' contents being a map: `{# > 1}`. */
  #argument(): Expression {
    return this.expression();
  }

  /** `{a: 1, "b": 2, (c): 3}` is a map; any other braces are a predicate. */
  #braces(): Expression {
    if (this.#take("}")) return { is: "map", entries: [] };
    if (!this.#startsEntry()) {
      const body = this.sequence();
      this.#expect("}");
      return { is: "predicate", body };
    }
    const entries: [Expression, Expression][] = [];
    while (!this.#take("}")) {
      if (entries.length > 0) {
        this.#expect(",");
        if (this.#take("}")) break;
      }
      const { kind, text, value } = this.#token;
      let key: Expression;
      if (kind === "operator") {
        this.#expect("(");
        key = this.expression();
        this.#expect(")");
      } else {
        this.#next++;
        key = { is: "literal", value: kind === "name" ? text : String(value) };
      }
      this.#expect(":");
      entries.push([key, this.expression()]);
    }
    return { is: "map", entries };
  }

  #startsEntry(): boolean {
    const { kind, text } = this.#token;
    if (kind !== "operator") return this.#tokens[this.#next + 1]?.text === ":";
    if (text !== "(") return false;
    let open = 0;
    for (let i = this.#next; i < this.#tokens.length; i++) {
      const token = this.#tokens[i] as Token;
      if (token.kind !== "operator") continue;
      if (token.text === "(") open++;
      else if (token.text === ")" && --open === 0) return this.#tokens[i + 1]?.text === ":";
    }
    return false;
  }

  #postfix(start: Expression): Expression {
    let object = start;
    for (;;) {
      if (this.#take("?.")) {
        if (this.#take("[")) object = this.#index(object, true);
        else object = { is: "member", object, key: { is: "literal", value: this.#name() }, optional: true };
      } else if (this.#take(".")) {
        object = { is: "member", object, key: { is: "literal", value: this.#name() }, optional: false };
      } else if (this.#take("[")) object = this.#index(object, false);
      else if (this.#take("(")) object = { is: "call", callee: object, arguments: this.#list(")") };
      else return object;
    }
  }

  #index(object: Expression, optional: boolean): Expression {
    const from = this.#is(":") ? undefined : this.expression();
    if (this.#take(":")) {
      const to = this.#is("]") ? undefined : this.expression();
      this.#expect("]");
      return { is: "slice", object, ...(from ? { from } : {}), ...(to ? { to } : {}) };
    }
    this.#expect("]");
    if (!from) this.#fail();
    return { is: "member", object, key: from, optional };
  }
}
