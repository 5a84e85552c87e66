// JSONPath in the dialect of the expression function `jsonpath`.
import { ExpressionError } from "../error.ts";
import { equal, isRecord } from "../values.ts";

type Segment =
  | { is: "key"; name: string }
  | { is: "index"; index: number }
  | { is: "slice"; from?: number; to?: number; step: number }
  | { is: "all" }
  | { is: "union"; keys: (string | number)[] }
  | { is: "descend" }
  | { is: "filter"; test: Test };
type Operand = { path: Segment[]; root: boolean } | { value: unknown };
type Test =
  | { is: "and" | "or"; left: Test; right: Test }
  | { is: "not"; test: Test }
  | { is: "exists"; operand: Operand }
  | { is: "compare"; operator: string; left: Operand; right: Operand };

const elementLimit = 100_000;

/** One value for a definite path (error when it is absent), a list for one that can match many. */
export function queryJsonPath(path: string, document: unknown): unknown {
  const { segments, definite } = parsePath(path);
  const found = select(segments, [document], document);
  if (!definite) return found;
  if (found.length === 0) throw new ExpressionError(`jsonpath: nothing at ${path}`);
  return found[0];
}

function parsePath(path: string): { segments: Segment[]; definite: boolean } {
  const reader = new PathReader(path);
  const segments = reader.path();
  if (!reader.atEnd) reader.fail();
  return { segments, definite: segments.every(({ is }) => is === "key" || is === "index") };
}

class PathReader {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  constructor(text: string) {
    if (text.length > 10_000) throw new ExpressionError("jsonpath: path is longer than 10000 characters");
    this.#text = text;
  }
  get atEnd(): boolean {
    return this.#at >= this.#text.length;
  }
  fail(): never {
    throw new ExpressionError(`jsonpath: cannot read ${JSON.stringify(this.#text)} at position ${this.#at}`);
  }
  #match(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (!match) return undefined;
    this.#at += match[0].length;
    return match;
  }

  path(): Segment[] {
    const segments: Segment[] = [];
    this.#match(/\s*[$@]?/y);
    for (;;) {
      if (this.#match(/\.\./y)) {
        segments.push({ is: "descend" });
        const name = this.#match(/\*|[^.[\]()\s=<>!&|,?'"]+/y);
        if (name) segments.push(name[0] === "*" ? { is: "all" } : { is: "key", name: name[0] });
      } else if (this.#match(/\.\*/y)) segments.push({ is: "all" });
      else if (this.#match(/\.(?=\[|$)/y)) continue;
      else if (this.#match(/\[/y)) segments.push(this.#bracket());
      else {
        const name = this.#match(/\.((?:\\.|[^.[\]()\s=<>!&|,?'"])+)/y);
        if (!name) return segments;
        segments.push({ is: "key", name: (name[1] ?? "").replace(/\\(.)/g, "$1") });
      }
    }
  }

  #bracket(): Segment {
    if (this.#match(/\s*\?\s*\(/y)) {
      const test = this.#or();
      if (!this.#match(/\s*\)\s*\]/y)) this.fail();
      return { is: "filter", test };
    }
    if (this.#match(/\s*\*\s*\]/y)) return { is: "all" };
    const slice = this.#match(/\s*(-?\d+)?\s*:\s*(-?\d+)?\s*(?::\s*(-?\d+)?\s*)?\]/y);
    if (slice) {
      const bound = (text: string | undefined) => (text === undefined ? undefined : Number(text));
      const [from, to] = [bound(slice[1]), bound(slice[2])];
      return {
        is: "slice",
        ...(from === undefined ? {} : { from }),
        ...(to === undefined ? {} : { to }),
        step: Number(slice[3] ?? 1),
      };
    }
    const keys: (string | number)[] = [];
    do {
      const key = this.#match(/\s*(?:(-?\d+)|'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\s*/y);
      if (!key) this.fail();
      keys.push(key[1] === undefined ? (key[2] ?? key[3] ?? "").replace(/\\(.)/g, "$1") : Number(key[1]));
    } while (this.#match(/,/y));
    if (!this.#match(/\]/y)) this.fail();
    const [only] = keys;
    if (keys.length > 1 || only === undefined) return { is: "union", keys };
    return typeof only === "number" ? { is: "index", index: only } : { is: "key", name: only };
  }

  #or(): Test {
    if (++this.#depth > 50) throw new ExpressionError("jsonpath: filter is nested deeper than 50");
    let left = this.#and();
    while (this.#match(/\s*\|\|/y)) left = { is: "or", left, right: this.#and() };
    this.#depth--;
    return left;
  }
  #and(): Test {
    let left = this.#test();
    while (this.#match(/\s*&&/y)) left = { is: "and", left, right: this.#test() };
    return left;
  }
  #test(): Test {
    if (this.#match(/\s*!(?!=)/y)) return { is: "not", test: this.#test() };
    if (this.#match(/\s*\(/y)) {
      const inner = this.#or();
      if (!this.#match(/\s*\)/y)) this.fail();
      return inner;
    }
    const left = this.#operand();
    const operator = this.#match(/\s*(==|!=|<=|>=|<|>|=~)/y)?.[1];
    if (!operator) return { is: "exists", operand: left };
    return { is: "compare", operator, left, right: this.#operand() };
  }
  #operand(): Operand {
    const text = this.#match(/\s*(?:'((?:\\.|[^'\\])*)'|"((?:\\.|[^"\\])*)")\s*/y);
    if (text) return { value: (text[1] ?? text[2] ?? "").replace(/\\(.)/g, "$1") };
    const number = this.#match(/\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)\s*/y);
    if (number) return { value: Number(number[1]) };
    const word = this.#match(/\s*(true|false|null|nil)\b\s*/y)?.[1];
    if (word) return { value: word === "true" ? true : word === "false" ? false : null };
    const start = this.#match(/\s*([$@])/y)?.[1];
    if (!start) this.fail();
    return { path: this.path(), root: start === "$" };
  }
}

function select(segments: Segment[], from: unknown[], root: unknown): unknown[] {
  let current = from;
  for (const segment of segments) {
    current = current.flatMap((value) => step(segment, value, root));
    if (current.length > elementLimit) throw new ExpressionError(`jsonpath: more than ${elementLimit} elements`);
  }
  return current;
}

const childrenOf = (value: unknown): unknown[] =>
  Array.isArray(value) ? value : isRecord(value) ? Object.values(value) : [];

function step(segment: Segment, value: unknown, root: unknown): unknown[] {
  switch (segment.is) {
    case "key":
      if (isRecord(value) && Object.hasOwn(value, segment.name)) return [value[segment.name]];
      return segment.name === "length" ? lengthOf(value) : [];
    case "index": {
      if (!Array.isArray(value)) return [];
      const index = segment.index < 0 ? value.length + segment.index : segment.index;
      return index in value ? [value[index]] : [];
    }
    case "slice":
      return Array.isArray(value) ? slice(value, segment) : [];
    case "all":
      return childrenOf(value);
    case "union":
      return segment.keys.flatMap((key) =>
        step(typeof key === "number" ? { is: "index", index: key } : { is: "key", name: key }, value, root),
      );
    case "descend":
      return descend(value);
    case "filter":
      return childrenOf(value).filter((element) => passes(segment.test, element, root));
  }
}

function lengthOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return [BigInt(value.length)];
  return typeof value === "string"
    ? [BigInt([...value].length)]
    : isRecord(value)
      ? [BigInt(Object.keys(value).length)]
      : [];
}

function slice(list: unknown[], { from, to, step: by }: { from?: number; to?: number; step: number }): unknown[] {
  if (by <= 0) throw new ExpressionError("jsonpath: a slice's step must be positive");
  return list.slice(from, to).filter((_, i) => i % by === 0);
}

function descend(value: unknown): unknown[] {
  const found: unknown[] = [];
  const open = [value];
  while (open.length > 0) {
    const next = open.pop();
    found.push(next);
    open.push(...childrenOf(next).toReversed());
    if (found.length > elementLimit) throw new ExpressionError(`jsonpath: more than ${elementLimit} elements`);
  }
  return found;
}

function passes(test: Test, element: unknown, root: unknown): boolean {
  switch (test.is) {
    case "and":
      return passes(test.left, element, root) && passes(test.right, element, root);
    case "or":
      return passes(test.left, element, root) || passes(test.right, element, root);
    case "not":
      return !passes(test.test, element, root);
    case "exists":
      return "value" in test.operand
        ? test.operand.value === true
        : select(test.operand.path, [test.operand.root ? root : element], root).length > 0;
    case "compare": {
      const read = (operand: Operand) =>
        "value" in operand ? operand.value : select(operand.path, [operand.root ? root : element], root)[0];
      return compare(test.operator, read(test.left), read(test.right));
    }
  }
}

function compare(operator: string, left: unknown, right: unknown): boolean {
  if (operator === "==") return equal(left, right);
  if (operator === "!=") return !equal(left, right);
  const numbers = typeof left === "number" && typeof right === "number";
  if (!numbers && !(typeof left === "string" && typeof right === "string")) return false;
  const [a, b] = [left as number, right as number];
  if (operator === "<") return a < b;
  if (operator === ">") return a > b;
  return operator === "<=" ? a <= b : operator === ">=" ? a >= b : false;
}
