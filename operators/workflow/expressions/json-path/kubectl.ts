// kubectl's JSONPath, for outputs of resources: a template of text and {paths}, with {range} … {end}.
import { ExpressionError } from "../error.ts";
import { compareTexts, format, fromHost, isRecord, toJson, typeName } from "../values.ts";
import { type PathNode, parseTemplate, type TemplatePart } from "./kubectl-parser.ts";

const elementLimit = 100_000;
const textLimit = 1024 * 1024;

/** The text that `kubectl -o jsonpath=TEMPLATE` prints; a path may stand without braces. What is missing is nothing. */
export function kubectlJsonPath(template: string, document: unknown): string {
  try {
    return new Printer(parseJsonPath(template)).print(fromHost(document));
  } catch (error) {
    if (error instanceof RangeError)
      throw new ExpressionError(`jsonpath: the document is nested too deep for ${template.slice(0, 100)}`);
    throw error;
  }
}

/** @throws ExpressionError for what cannot be read. */
export function parseJsonPath(template: string): TemplatePart[] {
  return parseTemplate(!template.includes("{") && /^[.$@[]/.test(template) ? `{${template}}` : template);
}

class Printer {
  readonly #parts: TemplatePart[];
  #text = "";
  #elements = 0;

  constructor(parts: TemplatePart[]) {
    this.#parts = parts;
  }

  print(document: unknown): string {
    this.#block(0, document, false);
    return this.#text;
  }

  #write(text: string): void {
    this.#text += text;
    if (this.#text.length > textLimit) throw new ExpressionError(`jsonpath: prints more than ${textLimit} characters`);
  }

  /** From a part to the {end} of its range; answers where that stands. */
  #block(start: number, current: unknown, inRange: boolean): number {
    for (let i = start; i < this.#parts.length; i++) {
      const part = this.#parts[i] as TemplatePart;
      if (part.is === "text") {
        this.#write(part.text);
        continue;
      }
      const word = part.nodes.find((node) => node.is === "word")?.word;
      if (word === "end") {
        if (!inRange) throw new ExpressionError("jsonpath: not in range, nothing to end");
        return i;
      }
      const values = this.#walkAll(part.nodes, [current]);
      if (word !== "range") {
        this.#write(values.map(print).join(" "));
        continue;
      }
      let end = this.#parts.length;
      for (const value of values) end = this.#block(i + 1, value, true);
      if (values.length === 0) end = this.#skip(i + 1);
      i = end;
    }
    return this.#parts.length;
  }

  /** Past what an empty range would have printed. */
  #skip(start: number): number {
    const text = this.#text;
    const end = this.#block(start, null, true);
    this.#text = text;
    return end;
  }

  #walkAll(nodes: PathNode[], from: unknown[]): unknown[] {
    return nodes.reduce<unknown[]>((values, node) => {
      const found = this.#walk(node, values);
      this.#elements += found.length;
      if (this.#elements > elementLimit) throw new ExpressionError(`jsonpath: more than ${elementLimit} elements`);
      return found;
    }, from);
  }

  #walk(node: PathNode, values: unknown[]): unknown[] {
    switch (node.is) {
      case "text":
        return [node.text];
      case "value":
        return values.map(() => node.value);
      case "word":
        if (node.word === "range") return values;
        throw new ExpressionError(`jsonpath: unrecognized identifier ${node.word}`);
      case "field":
        return values.flatMap((value) =>
          isRecord(value) && Object.hasOwn(value, node.name) ? [value[node.name]] : [],
        );
      case "wildcard":
        return values.flatMap(childrenOf);
      case "recursive":
        return values.flatMap((value) => this.#descend(value));
      case "array":
        return values.flatMap((value) => (value === null || value === undefined ? [] : sliceOf(value, node)));
      case "union":
        return node.parts.flatMap((part) => this.#walkAll(part, values));
      case "filter":
        return values.flatMap((value) => this.#filter(value, node));
    }
  }

  #descend(value: unknown): unknown[] {
    const children = childrenOf(value);
    if (children.length === 0) return [];
    this.#elements += children.length;
    if (this.#elements > elementLimit) throw new ExpressionError(`jsonpath: more than ${elementLimit} elements`);
    return [value, ...children.flatMap((child) => this.#descend(child))];
  }

  #filter(value: unknown, { left, operator, right }: Extract<PathNode, { is: "filter" }>): unknown[] {
    if (!Array.isArray(value)) {
      throw new ExpressionError(`jsonpath: ${typeName(value)} is not array or slice and cannot be filtered`);
    }
    return value.filter((item) => {
      const lefts = this.#walkAll(left, [item]);
      if (operator === "exists") return lefts.length > 0;
      const rights = lefts.length === 0 ? [] : this.#walkAll(right, [item]);
      if (lefts.length === 0 || rights.length === 0) return false;
      if (lefts.length > 1 || rights.length > 1) {
        throw new ExpressionError("jsonpath: can only compare one element at a time");
      }
      return compare(operator, lefts[0], rights[0]);
    });
  }
}

function childrenOf(value: unknown): unknown[] {
  if (Array.isArray(value)) return value;
  if (!isRecord(value)) return [];
  return Object.keys(value)
    .sort(compareTexts)
    .map((key) => value[key]);
}

function sliceOf(value: unknown, { from = 0, to, step = 1, only }: Extract<PathNode, { is: "array" }>): unknown[] {
  if (!Array.isArray(value)) throw new ExpressionError(`jsonpath: ${typeName(value)} is not array or slice`);
  const { length } = value;
  const start = from < 0 ? from + length : from;
  let end = only ? from + 1 : (to ?? length);
  if (end < 0 || (end === 0 && only)) end += length;
  if (start === end) return [];
  if (start < 0 || start >= length)
    throw new ExpressionError(`jsonpath: array index out of bounds: index ${start}, length ${length}`);
  if (end < 0 || end > length)
    throw new ExpressionError(`jsonpath: array index out of bounds: index ${end - 1}, length ${length}`);
  if (start > end) throw new ExpressionError(`jsonpath: starting index ${start} is greater than ending index ${end}`);
  if (step <= 0) throw new ExpressionError("jsonpath: step must be > 0");
  return value.slice(start, end).filter((_, i) => i % step === 0);
}

/** Values of one kind alone can be compared. */
function compare(operator: string, left: unknown, right: unknown): boolean {
  const [a, b] = [typeName(left), typeName(right)];
  if (a !== b) throw new ExpressionError(`jsonpath: incompatible types for comparison: ${a} and ${b}`);
  const ordered = a === "int" || a === "float64" || a === "string";
  if (!ordered && a !== "bool") throw new ExpressionError(`jsonpath: invalid type for comparison: ${a}`);
  if (operator === "==") return left === right;
  if (operator === "!=") return left !== right;
  if (!ordered) throw new ExpressionError(`jsonpath: invalid type for comparison: ${a}`);
  const order =
    a === "string"
      ? compareTexts(left as string, right as string)
      : (left as number) < (right as number)
        ? -1
        : left === right
          ? 0
          : 1;
  switch (operator) {
    case "<":
      return order < 0;
    case "<=":
      return order <= 0;
    case ">":
      return order > 0;
    case ">=":
      return order >= 0;
  }
  throw new ExpressionError(`jsonpath: unrecognized filter operator ${operator}`);
}

function print(value: unknown): string {
  if (value === null || value === undefined) return "null";
  return typeof value === "object" ? toJson(value) : format(value);
}
