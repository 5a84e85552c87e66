// `when`: the language of github.com/Knetic/govaluate, where workflows read bare words as text.
import { ExpressionError } from "../error.ts";
import { compileRegex } from "../regex/index.ts";
import { compareTexts, deepEqual, format } from "../values.ts";
import { checkOrder, type Token, tokenize } from "./tokens.ts";

/** Evaluates a substituted `when`. @throws ExpressionError when it cannot be read or is not true or false. */
export function evaluateWhen(source: string): boolean {
  const tokens = tokenize(source);
  checkOrder(tokens);
  const read = tokens.map((token, i): Token => {
    if (token.kind === "name") return { ...token, kind: "text" };
    return patternAfter(token, tokens[i - 1]);
  });
  checkOrder(read);
  return evaluateTokens(source, read);
}

/** Evaluates the `when` of a CronWorkflow, in which a bare word is the name of a value, of which there is none. */
export function evaluateCronWhen(source: string): boolean {
  const tokens = tokenize(source);
  checkOrder(tokens);
  return evaluateTokens(source, tokens);
}

/** A constant after =~ is a pattern before names become text. */
function patternAfter(token: Token, before: Token | undefined): Token {
  const isPattern = before?.kind === "comparator" && (before.value === "=~" || before.value === "!~");
  if (token.kind !== "text" || !isPattern) return token;
  compileRegex(String(token.value));
  return { ...token, kind: "pattern" };
}

function evaluateTokens(source: string, tokens: Token[]): boolean {
  const value = new Evaluator(tokens).evaluate();
  if (typeof value === "boolean") return value;
  throw new ExpressionError(`Expected boolean evaluation for '${source.slice(0, 200)}'. Got ${format(value)}`);
}

/** Each level binds closer than the one before; all of them to the left. */
const levels: [kind: Token["kind"], operators: string[]][] = [
  ["separator", [","]],
  ["ternary", ["?", ":", "??"]],
  ["logical", ["||"]],
  ["logical", ["&&"]],
  ["comparator", ["==", "!=", ">", "<", ">=", "<=", "=~", "!~", "in"]],
  ["modifier", ["^", "&", "|"]],
  ["modifier", [">>", "<<"]],
  ["modifier", ["+", "-"]],
  ["modifier", ["*", "/", "%"]],
  ["modifier", ["**"]],
];
const depthLimit = 100;

/** A part that is computed when it is needed. */
type Part = () => unknown;

class Evaluator {
  readonly #tokens: Token[];
  #next = 0;
  #depth = 0;
  constructor(tokens: Token[]) {
    this.#tokens = tokens;
  }

  evaluate(): unknown {
    const part = this.#level(0);
    return part();
  }

  #level(depth: number): Part {
    const level = levels[depth];
    if (!level) return this.#value();
    const [kind, operators] = level;
    let left = this.#level(depth + 1);
    for (;;) {
      const token = this.#tokens[this.#next];
      if (token?.kind !== kind || !operators.includes(String(token.value))) return left;
      this.#next++;
      const [first, second] = [left, this.#level(depth + 1)];
      const operator = String(token.value);
      left = () => apply(operator, first, second);
    }
  }

  #value(): Part {
    const token = this.#tokens[this.#next];
    if (!token || token.kind === "close") return () => null;
    this.#next++;
    const { kind, value } = token;
    switch (kind) {
      case "open": {
        if (++this.#depth > depthLimit) throw new ExpressionError(`when is nested deeper than ${depthLimit}`);
        const inner = this.#level(0);
        this.#depth--;
        this.#next++;
        return inner;
      }
      case "prefix": {
        const operand = this.#value();
        return () => applyPrefix(String(value), operand());
      }
      case "name":
      case "accessor":
        return () => {
          throw new ExpressionError(`No parameter '${String(value).split(".")[0]}' found`);
        };
      case "number":
      case "boolean":
      case "text":
      case "pattern":
      case "time":
        return () => value;
      default:
        throw new ExpressionError(`Unable to plan token kind: '${kind}', value: '${value}'`);
    }
  }
}

const isText = (value: unknown): value is string => typeof value === "string";
const isNumber = (value: unknown): value is number => typeof value === "number";

function applyPrefix(operator: string, value: unknown): unknown {
  if (operator === "!" ? typeof value !== "boolean" : !isNumber(value)) {
    throw new ExpressionError(`Value '${format(value)}' cannot be used with the prefix '${operator}'`);
  }
  if (operator === "!") return !value;
  return operator === "-" ? -(value as number) : Number(~toInt64(value as number));
}

function apply(operator: string, first: Part, second: Part): unknown {
  const left = first();
  if (operator === "&&" && left === false) return false;
  if (operator === "||" && left === true) return true;
  if (operator === "??" || operator === ":") return left ?? second();
  if (operator === "?") {
    if (left === false) return null;
    const right = second();
    if (typeof left !== "boolean") return wrong(left, "ternary operator", operator, "bool");
    return right;
  }
  const right = second();
  if (operator === "&&" || operator === "||") {
    const bad = [left, right].find((value) => typeof value !== "boolean");
    if (typeof left !== "boolean" || typeof right !== "boolean")
      return wrong(bad, "logical operator", operator, "bool");
    return right;
  }
  if (operator === ",") return Array.isArray(left) ? [...left, right] : [left, right];
  return levels[4]?.[1].includes(operator) ? compare(operator, left, right) : modify(operator, left, right);
}

function wrong(value: unknown, place: string, operator: string, wanted: string): never {
  throw new ExpressionError(
    `Value '${format(value)}' cannot be used with the ${place} '${operator}', it is not a ${wanted}`,
  );
}

function compare(operator: string, left: unknown, right: unknown): boolean {
  if (operator === "==") return deepEqual(left, right);
  if (operator === "!=") return !deepEqual(left, right);
  if (operator === "in") {
    if (!Array.isArray(right)) return wrong(right, "comparator", operator, "list: write x in (a, b)");
    return right.includes(left);
  }
  if (operator === "=~" || operator === "!~") {
    if (!isText(left) || !isText(right)) return wrong(isText(left) ? right : left, "comparator", operator, "string");
    return compileRegex(right).test(left) === (operator === "=~");
  }
  let order: number;
  if (isText(left) && isText(right)) order = compareTexts(left, right);
  else if (isNumber(left) && isNumber(right)) order = left < right ? -1 : left > right ? 1 : 0;
  else return wrong(left, "comparator", operator, "number");
  if (operator === "<") return order < 0;
  if (operator === ">") return order > 0;
  return operator === "<=" ? order <= 0 : order >= 0;
}

const textLimit = 1_000_000;

function modify(operator: string, left: unknown, right: unknown): unknown {
  if (operator === "+" && (isText(left) || isText(right))) {
    const text = format(left) + format(right);
    if (text.length > textLimit) throw new ExpressionError(`when: text is longer than ${textLimit} characters`);
    return text;
  }
  if (!isNumber(left) || !isNumber(right)) return wrong(isNumber(left) ? right : left, "modifier", operator, "number");
  switch (operator) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "/":
      return left / right;
    case "%":
      return left % right;
    case "**":
      return left ** right;
    default:
      return bitwise(operator, toInt64(left), toInt64(right));
  }
}

function toInt64(value: number): bigint {
  if (!Number.isFinite(value)) return -(1n << 63n);
  const whole = BigInt(Math.trunc(value));
  return whole === BigInt.asIntN(64, whole) ? whole : -(1n << 63n);
}

function bitwise(operator: string, a: bigint, b: bigint): number {
  if (operator === "&") return Number(a & b);
  if (operator === "|") return Number(a | b);
  if (operator === "^") return Number(a ^ b);
  const [value, count] = [BigInt.asUintN(64, a), BigInt.asUintN(64, b)];
  if (count > 63n) return 0;
  return Number(operator === "<<" ? BigInt.asUintN(64, value << count) : value >> count);
}
