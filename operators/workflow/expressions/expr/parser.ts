// Parses expr-lang (github.com/expr-lang/expr, docs/language-definition.md, v1.17) into a tree.
import { ExpressionError } from "../error.ts";
import type { Expression } from "./ast.ts";
import { type Token, tokenize } from "./lexer.ts";

/** How tightly each binary operator binds; `??` binds closest of all, as upstream. */
const power: Record<string, number> = {
  "|": 0,
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
const unaryPower: Record<string, number> = { not: 50, "!": 50, "-": 90, "+": 90 };
const comparisons = new Set(["<", ">", "<=", ">="]);
const negatable = new Set(["in", "matches", "contains", "startsWith", "endsWith"]);

/** Arguments of functions that take predicates; after the first `?` they may be left out. */
export const predicateArguments: Record<string, string> = {
  all: "ep",
  none: "ep",
  any: "ep",
  one: "ep",
  filter: "ep",
  map: "ep",
  find: "ep",
  findIndex: "ep",
  findLast: "ep",
  findLastIndex: "ep",
  groupBy: "ep",
  count: "e?p",
  sum: "e?p",
  sortBy: "ep?e",
  reduce: "ep?e",
};

const depthLimit = 1000;
/** Parts of an expression, as upstream. */
const nodeLimit = 10_000;
const intLimit = 1n << 63n;

export interface Vocabulary {
  isBuiltin(name: string): boolean;
  /** The environment has a value of its own under this name. */
  isOverridden(name: string): boolean;
}

/** @throws ExpressionError that says where. */
export function parseExpression(source: string, vocabulary: Vocabulary): Expression {
  return new Parser(source, vocabulary).parse();
}

class Parser {
  readonly #source: string;
  readonly #vocabulary: Vocabulary;
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;
  #nodes = 0;
  #predicates = 0;

  constructor(source: string, vocabulary: Vocabulary) {
    this.#source = source;
    this.#vocabulary = vocabulary;
    this.#tokens = tokenize(source);
  }

  parse(): Expression {
    const tree = this.#sequence();
    if (this.#token.kind !== "end") this.#fail();
    return tree;
  }

  get #token(): Token {
    return this.#tokens[this.#next] as Token;
  }
  #advance(): Token {
    const token = this.#token;
    if (token.kind !== "end") this.#next++;
    return token;
  }
  #fail(what?: string): never {
    const { kind, text, at } = this.#token;
    const unexpected = `unexpected token ${kind === "end" ? "end of expression" : JSON.stringify(text)}`;
    throw new ExpressionError(
      `${what ?? unexpected} at position ${at} of ${JSON.stringify(this.#source.slice(0, 200))}`,
    );
  }
  #is(kind: "operator" | "bracket", text: string): boolean {
    return this.#token.kind === kind && this.#token.text === text;
  }
  #take(kind: "operator" | "bracket", text: string): boolean {
    if (!this.#is(kind, text)) return false;
    this.#next++;
    return true;
  }
  #expect(kind: "operator" | "bracket", text: string): void {
    if (!this.#take(kind, text)) this.#fail();
  }
  #make<T extends Expression>(node: T): T {
    if (++this.#nodes > nodeLimit) throw new ExpressionError(`expression has more than ${nodeLimit} parts`);
    return node;
  }

  #sequence(): Expression {
    const items = [this.#expression(0)];
    while (this.#take("operator", ";")) {
      if (this.#token.kind === "end") break;
      items.push(this.#expression(0));
    }
    return items.length === 1 ? (items[0] as Expression) : this.#make({ is: "sequence", items });
  }

  #expression(least: number): Expression {
    if (++this.#depth > depthLimit) throw new ExpressionError(`expression is nested deeper than ${depthLimit}`);
    const tree = this.#binary(least);
    this.#depth--;
    return tree;
  }

  #binary(least: number): Expression {
    if (least === 0 && this.#take("operator", "let")) return this.#let();
    if (least === 0 && this.#take("operator", "if")) return this.#if();
    let left = this.#primary();
    let before = "";
    while (this.#token.kind === "operator") {
      let { text } = this.#token;
      const negated = text === "not";
      if (negated) {
        text = this.#tokens[this.#next + 1]?.text ?? "";
        if (!negatable.has(text)) this.#fail();
      }
      const binds = Object.hasOwn(power, text) ? (power[text] as number) : -1;
      if (binds < least) break;
      this.#next += negated ? 2 : 1;
      left = this.#operation(left, text, binds, before);
      if (negated) left = this.#make({ is: "unary", operator: "not", operand: left });
      before = text;
    }
    return least === 0 ? this.#conditional(left) : left;
  }

  #operation(left: Expression, operator: string, binds: number, before: string): Expression {
    if (operator === "|") {
      if (this.#token.kind !== "name") this.#fail();
      return this.#postfix(this.#call(this.#advance().text, [left], true));
    }
    if (before === "??" && operator !== "??") {
      this.#fail(`Operator (${operator}) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses`);
    }
    if (comparisons.has(operator)) return this.#comparison(left, operator, binds);
    const rightAssociative = operator === "**" || operator === "^";
    const right = this.#expression(rightAssociative ? binds : binds + 1);
    return this.#make({ is: "binary", operator, left, right });
  }

  /** `1 < x < 3` is `1 < x && x < 3`. */
  #comparison(first: Expression, operator: string, binds: number): Expression {
    let left = first;
    let sign = operator;
    let whole: Expression | undefined;
    for (;;) {
      const right = this.#expression(binds + 1);
      const compared = this.#make({ is: "binary", operator: sign, left, right });
      whole = whole ? this.#make({ is: "binary", operator: "&&", left: whole, right: compared }) : compared;
      left = right;
      if (this.#token.kind !== "operator" || !comparisons.has(this.#token.text)) return whole;
      sign = this.#advance().text;
    }
  }

  #conditional(first: Expression): Expression {
    let tree = first;
    while (this.#take("operator", "?")) {
      const test = tree;
      let yes = test;
      if (!this.#take("operator", ":")) {
        yes = this.#expression(0);
        this.#expect("operator", ":");
      }
      tree = this.#make({ is: "conditional", test, yes, no: this.#expression(0) });
    }
    return tree;
  }

  #let(): Expression {
    if (this.#token.kind !== "name") this.#fail();
    const name = this.#advance().text;
    this.#expect("operator", "=");
    const value = this.#expression(0);
    this.#expect("operator", ";");
    return this.#make({ is: "let", name, value, body: this.#sequence() });
  }

  #block(): Expression {
    this.#expect("bracket", "{");
    const tree = this.#sequence();
    this.#expect("bracket", "}");
    return tree;
  }
  #if(): Expression {
    const test = this.#expression(0);
    const yes = this.#block();
    this.#expect("operator", "else");
    if (!this.#take("operator", "if")) return this.#make({ is: "conditional", test, yes, no: this.#block() });
    if (++this.#depth > depthLimit) throw new ExpressionError(`expression is nested deeper than ${depthLimit}`);
    const no = this.#if();
    this.#depth--;
    return this.#make({ is: "conditional", test, yes, no });
  }

  #primary(): Expression {
    const { kind, text } = this.#token;
    if (kind === "operator" && Object.hasOwn(unaryPower, text)) {
      this.#next++;
      const operand = this.#expression(unaryPower[text] as number);
      return this.#postfix(this.#make({ is: "unary", operator: text === "!" ? "not" : text, operand }));
    }
    if (this.#take("bracket", "(")) {
      const inner = this.#nested(() => this.#sequence());
      this.#expect("bracket", ")");
      return this.#postfix(inner);
    }
    if (this.#predicates > 0 && kind === "operator" && (text === "#" || text === ".")) {
      let name = "";
      if (this.#take("operator", "#") && this.#token.kind === "name") name = this.#advance().text;
      return this.#postfix(this.#make({ is: "pointer", name }));
    }
    if (this.#take("operator", "::")) {
      if (this.#token.kind !== "name") this.#fail();
      return this.#postfix(this.#call(this.#advance().text, [], false));
    }
    return this.#secondary();
  }
  #nested<T>(read: () => T): T {
    if (++this.#depth > depthLimit) throw new ExpressionError(`expression is nested deeper than ${depthLimit}`);
    const result = read();
    this.#depth--;
    return result;
  }

  #secondary(): Expression {
    const { kind, text, value } = this.#token;
    if (kind === "name") {
      this.#next++;
      if (text === "true" || text === "false") return this.#make({ is: "boolean", value: text === "true" });
      if (text === "nil") return this.#make({ is: "nil" });
      if (this.#is("bracket", "(")) return this.#postfix(this.#call(text, [], true));
      return this.#postfix(this.#make({ is: "name", name: text }));
    }
    if (kind === "number") {
      const node = this.#number(text);
      this.#next++;
      return node;
    }
    if (kind === "text") {
      this.#next++;
      return this.#postfix(this.#make({ is: "text", value }));
    }
    if (this.#take("bracket", "[")) {
      return this.#postfix(this.#make({ is: "array", items: this.#list("]", []) }));
    }
    if (this.#take("bracket", "{")) return this.#postfix(this.#map());
    return this.#fail();
  }

  #number(text: string): Expression {
    const plain = text.replaceAll("_", "");
    const based = /^0[xob]/i.test(plain);
    if (!based && /[.e]/i.test(plain)) {
      const value = Number(plain);
      if (!/^(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(plain)) this.#fail("invalid float literal");
      if (!Number.isFinite(value)) this.#fail("float literal is too large");
      return this.#make({ is: "float", value });
    }
    if (!/^(?:0[xX][\da-fA-F]+|0[oO][0-7]+|0[bB][01]+|\d+)$/.test(plain)) this.#fail("invalid integer literal");
    const value = BigInt(based ? plain.toLowerCase() : plain.replace(/^0+(?=\d)/, ""));
    if (value >= intLimit) this.#fail("integer literal is too large");
    return this.#make({ is: "int", value });
  }

  #list(close: string, items: Expression[]): Expression[] {
    const before = items.length;
    while (!this.#take("bracket", close)) {
      if (items.length > before) {
        this.#expect("operator", ",");
        if (this.#take("bracket", close)) break;
      }
      items.push(this.#expression(0));
    }
    return items;
  }

  #map(): Expression {
    const entries: [Expression, Expression][] = [];
    while (!this.#take("bracket", "}")) {
      if (entries.length > 0) {
        this.#expect("operator", ",");
        if (this.#take("bracket", "}")) break;
      }
      const { kind, text, value } = this.#token;
      let key: Expression;
      if (kind === "number" || kind === "text" || kind === "name") {
        this.#next++;
        key = this.#make({ is: "text", value: kind === "text" ? value : text });
      } else if (this.#is("bracket", "(")) key = this.#expression(0);
      else
        this.#fail(
          "a map key must be a quoted string, a number, a identifier, or an expression enclosed in parentheses",
        );
      this.#expect("operator", ":");
      entries.push([key, this.#expression(0)]);
      this.#make(key);
    }
    return this.#make({ is: "map", entries });
  }

  #call(name: string, first: Expression[], checkOverrides: boolean): Expression {
    const overridden = checkOverrides && this.#vocabulary.isOverridden(name);
    this.#expect("bracket", "(");
    if (Object.hasOwn(predicateArguments, name) && !overridden) return this.#predicateCall(name, first);
    const args = this.#list(")", first);
    if (this.#vocabulary.isBuiltin(name) && !overridden) return this.#make({ is: "builtin", name, arguments: args });
    return this.#make({ is: "call", callee: this.#make({ is: "name", name }), arguments: args });
  }

  #predicateCall(name: string, first: Expression[]): Expression {
    const shape = predicateArguments[name] as string;
    const least = shape.indexOf("?") < 0 ? shape.length : shape.indexOf("?");
    const kinds = shape.replace("?", "");
    const args = [...first];
    for (let i = first.length; i < kinds.length; i++) {
      if (this.#is("bracket", ")")) {
        if (i < least) this.#fail(`expected at least ${least} arguments`);
        break;
      }
      if (i > first.length) this.#expect("operator", ",");
      args.push(kinds[i] === "p" ? this.#predicate() : this.#expression(0));
    }
    this.#take("operator", ",");
    this.#expect("bracket", ")");
    return this.#make({ is: "builtin", name, arguments: args });
  }

  #predicate(): Expression {
    this.#predicates++;
    let body: Expression;
    if (this.#take("bracket", "{")) {
      body = this.#nested(() => this.#sequence());
      this.#predicates--;
      this.#expect("bracket", "}");
    } else {
      body = this.#expression(0);
      if (this.#is("operator", ";")) this.#fail("wrap predicate with brackets { and }");
      this.#predicates--;
    }
    return this.#make({ is: "predicate", body });
  }

  #postfix(start: Expression): Expression {
    let node = start;
    for (;;) {
      const optional = this.#is("operator", "?.");
      if (optional || this.#is("operator", ".")) {
        this.#next++;
        if (optional && this.#take("bracket", "[")) node = this.#index(node, true);
        else node = this.#member(node, optional);
      } else if (this.#take("bracket", "[")) node = this.#index(node, false);
      else return node;
    }
  }

  #member(object: Expression, optional: boolean): Expression {
    const { kind, text } = this.#token;
    if (kind !== "name" && !(kind === "operator" && /^[a-z]/i.test(text))) this.#fail("expected name");
    this.#next++;
    const chained = object.is === "chain";
    const method = this.#is("bracket", "(");
    let node: Expression = this.#make({
      is: "member",
      object: chained ? object.body : object,
      key: this.#make({ is: "text", value: text }),
      optional,
      method,
    });
    if (this.#take("bracket", "(")) node = this.#make({ is: "call", callee: node, arguments: this.#list(")", []) });
    return chained || optional ? this.#make({ is: "chain", body: node }) : node;
  }

  #index(object: Expression, optional: boolean): Expression {
    const from = this.#is("operator", ":") ? undefined : this.#expression(0);
    if (this.#take("operator", ":")) {
      const to = this.#is("bracket", "]") ? undefined : this.#expression(0);
      this.#expect("bracket", "]");
      return this.#make({ is: "slice", object, ...(from ? { from } : {}), ...(to ? { to } : {}) });
    }
    this.#expect("bracket", "]");
    if (!from) return this.#fail();
    const node = this.#make({ is: "member", object, key: from, optional, method: false });
    return optional ? this.#make({ is: "chain", body: node }) : node;
  }
}
