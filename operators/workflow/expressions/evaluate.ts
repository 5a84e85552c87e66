// Evaluates expr-lang trees over plain data. Nothing outside of the environment is reachable, and work is bounded.
import { builtins } from "./builtins.ts";
import { ExpressionError } from "./lexer.ts";
import { type Expression, parseExpression } from "./parser.ts";
import { Duration, equal, isRecord, Moment, withRegex } from "./values.ts";

export type Environment = Record<string, unknown>;
/** Predicates arrive as functions of element and index (and accumulator). */
export type Predicate = (element: unknown, index: number, accumulator?: unknown) => unknown;
export type Builtin = (...values: unknown[]) => unknown;

interface Frame {
  environment: Environment;
  pointer?: { element: unknown; index: number; accumulator: unknown };
  budget: { steps: number };
}

/** Steps that one evaluation may take: tree nodes visited and elements made. */
export const stepLimit = 1_000_000;
const parsed = new Map<string, Expression>();

/** @throws ExpressionError for what cannot be read or computed. */
export function evaluateExpression(source: string, environment: Environment): unknown {
  let tree = parsed.get(source);
  if (!tree) {
    tree = parseExpression(source);
    if (parsed.size > 2000) parsed.clear();
    parsed.set(source, tree);
  }
  return evaluate(tree, { environment, budget: { steps: stepLimit } });
}

/** @throws ExpressionError also when the result is not a boolean. */
export function evaluateCondition(source: string, environment: Environment): boolean {
  const value = evaluateExpression(source, environment);
  if (typeof value !== "boolean") {
    throw new ExpressionError(`${JSON.stringify(source)} is ${JSON.stringify(value ?? null)}, not true or false`);
  }
  return value;
}

function spend(frame: Frame, steps = 1): void {
  frame.budget.steps -= steps;
  if (frame.budget.steps < 0) throw new ExpressionError(`expression takes more than ${stepLimit} steps`);
}

function evaluate(tree: Expression, frame: Frame): unknown {
  spend(frame);
  switch (tree.is) {
    case "literal":
      return tree.value;
    case "name":
      return readName(tree.name, frame);
    case "pointer":
      return readPointer(tree.name, frame);
    case "unary":
      return unary(tree.operator, evaluate(tree.operand, frame));
    case "binary":
      return binary(tree, frame);
    case "ternary":
      return evaluate(truth(evaluate(tree.test, frame)) ? tree.yes : tree.no, frame);
    case "member":
      return readMember(tree, frame);
    case "slice":
      return slice(tree, frame);
    case "call":
      return call(tree, frame);
    case "predicate":
      return evaluate(tree.body, frame);
    case "array":
      return tree.items.map((item) => evaluate(item, frame));
    case "map":
      return Object.fromEntries(
        tree.entries.map(([key, value]) => [String(evaluate(key, frame)), evaluate(value, frame)]),
      );
    case "let":
      return evaluate(tree.body, {
        ...frame,
        environment: { ...frame.environment, [tree.name]: evaluate(tree.value, frame) },
      });
  }
}

function readName(name: string, { environment }: Frame): unknown {
  if (name === "$env") return environment;
  if (Object.hasOwn(environment, name)) return environment[name];
  if (Object.hasOwn(builtins, name)) return builtins[name];
  throw new UnresolvedError(`unknown name ${name}`);
}

function readPointer(name: string, { pointer }: Frame): unknown {
  if (!pointer) throw new ExpressionError("# stands outside of a predicate");
  if (name === "index") return pointer.index;
  return name === "acc" ? pointer.accumulator : pointer.element;
}

function truth(value: unknown): boolean {
  if (typeof value !== "boolean") throw new ExpressionError(`${describe(value)} is not true or false`);
  return value;
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return "nil";
  if (typeof value === "string") return `text ${JSON.stringify(value.slice(0, 80))}`;
  if (typeof value === "object") return Array.isArray(value) ? "a list" : "a map";
  return String(value);
}

function unary(operator: string, value: unknown): unknown {
  if (operator === "not") return !truth(value);
  if (value instanceof Duration && operator === "-") return new Duration(-value.milliseconds);
  if (typeof value !== "number") throw new ExpressionError(`${operator} needs a number, not ${describe(value)}`);
  return operator === "-" ? -value : value;
}

type Binary = Extract<Expression, { is: "binary" }>;

function binary(tree: Binary, frame: Frame): unknown {
  const { operator } = tree;
  if (operator === "??") return coalesce(tree, frame);
  if (operator === "&&" || operator === "and") {
    return truth(evaluate(tree.left, frame)) && truth(evaluate(tree.right, frame));
  }
  if (operator === "||" || operator === "or") {
    return truth(evaluate(tree.left, frame)) || truth(evaluate(tree.right, frame));
  }
  const left = evaluate(tree.left, frame);
  const right = evaluate(tree.right, frame);
  if (operator === "==") return equal(left, right);
  if (operator === "!=") return !equal(left, right);
  if (operator === "in") return isIn(left, right);
  if (operator === "..") return range(left, right, frame);
  if (typeof left === "string" && typeof right === "string") return ofTexts(operator, left, right);
  if (typeof left === "number" && typeof right === "number") return ofNumbers(operator, left, right);
  return ofTimes(operator, left, right);
}

/** What is absent on the left, at any depth, yields to the right. */
function coalesce(tree: Binary, frame: Frame): unknown {
  let left: unknown;
  try {
    left = evaluate(tree.left, frame);
  } catch (error) {
    if (!(error instanceof UnresolvedError)) throw error;
  }
  return left ?? evaluate(tree.right, frame);
}

/** Something named is not there (yet). */
export class UnresolvedError extends ExpressionError {}

function isIn(left: unknown, right: unknown): boolean {
  if (Array.isArray(right)) return right.some((item) => equal(item, left));
  if (isRecord(right)) return typeof left === "string" && Object.hasOwn(right, left);
  if (right === null || right === undefined) return false;
  throw new ExpressionError(`in needs a list or map, not ${describe(right)}`);
}

function range(left: unknown, right: unknown, frame: Frame): number[] {
  if (!Number.isInteger(left) || !Number.isInteger(right)) throw new ExpressionError(".. needs whole numbers");
  const length = Math.max(0, (right as number) - (left as number) + 1);
  spend(frame, length);
  return Array.from({ length }, (_, i) => (left as number) + i);
}

function ofTexts(operator: string, left: string, right: string): unknown {
  switch (operator) {
    case "+":
      if (left.length + right.length > 10_000_000) throw new ExpressionError("text is longer than 10000000 characters");
      return left + right;
    case "<":
      return left < right;
    case ">":
      return left > right;
    case "<=":
      return left <= right;
    case ">=":
      return left >= right;
    case "contains":
      return left.includes(right);
    case "startsWith":
      return left.startsWith(right);
    case "endsWith":
      return left.endsWith(right);
    case "matches":
      return withRegex(right, left, (regex, text) => regex.test(text));
  }
  throw new ExpressionError(`${operator} does not work on text`);
}

function ofNumbers(operator: string, left: number, right: number): unknown {
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
      if (right === 0) throw new ExpressionError("division by zero");
      return left % right;
    case "**":
    case "^":
      return left ** right;
    case "<":
      return left < right;
    case ">":
      return left > right;
    case "<=":
      return left <= right;
    case ">=":
      return left >= right;
  }
  throw new ExpressionError(`${operator} does not work on numbers`);
}

function ofTimes(operator: string, left: unknown, right: unknown): unknown {
  const amount = (value: unknown) =>
    value instanceof Moment ? value.epoch : value instanceof Duration ? value.milliseconds : Number.NaN;
  const [a, b] = [amount(left), amount(right)];
  if (!Number.isNaN(a) && !Number.isNaN(b)) {
    const moments = Number(left instanceof Moment) + Number(right instanceof Moment);
    if (operator === "-") return left instanceof Moment && moments === 1 ? new Moment(a - b) : new Duration(a - b);
    if (operator === "+" && moments < 2) return moments === 1 ? new Moment(a + b) : new Duration(a + b);
    if (["<", ">", "<=", ">="].includes(operator) && moments !== 1) return ofNumbers(operator, a, b);
  }
  throw new ExpressionError(`cannot compute ${describe(left)} ${operator} ${describe(right)}`);
}

function readMember(tree: Extract<Expression, { is: "member" }>, frame: Frame): unknown {
  const object = evaluate(tree.object, frame);
  const key = evaluate(tree.key, frame);
  if (object === null || object === undefined) {
    if (tree.optional) return null;
    throw new UnresolvedError(`cannot read ${JSON.stringify(key)} of nil`);
  }
  return memberOf(object, key);
}

export function memberOf(object: unknown, key: unknown): unknown {
  if (Array.isArray(object) || typeof object === "string") {
    if (!Number.isInteger(key)) throw new ExpressionError(`cannot read ${JSON.stringify(key)} of ${describe(object)}`);
    const index = (key as number) < 0 ? object.length + (key as number) : (key as number);
    if (index < 0 || index >= object.length) throw new ExpressionError(`index ${key} is out of range`);
    return object[index];
  }
  if (isRecord(object)) return Object.hasOwn(object, String(key)) ? object[String(key)] : null;
  throw new ExpressionError(`cannot read ${JSON.stringify(key)} of ${describe(object)}`);
}

function slice(tree: Extract<Expression, { is: "slice" }>, frame: Frame): unknown {
  const object = evaluate(tree.object, frame);
  if (!Array.isArray(object) && typeof object !== "string")
    throw new ExpressionError(`cannot slice ${describe(object)}`);
  const bound = (side: Expression | undefined) => (side ? Number(evaluate(side, frame)) : undefined);
  return object.slice(bound(tree.from), bound(tree.to));
}

/** Builtins whose further arguments are predicates, evaluated for each element. */
const predicateBuiltins = new Set([
  "all", "any", "one", "none", "map", "filter", "find", "findIndex", "findLast", "findLastIndex", "count", "sum",
  "groupBy", "sortBy", "reduce",
]); // biome-ignore format: a list of names

function call(tree: Extract<Expression, { is: "call" }>, frame: Frame): unknown {
  const { callee } = tree;
  if (callee.is === "member") return callMethod(callee, tree.arguments, frame);
  const target = evaluate(callee, frame);
  if (typeof target !== "function") throw new ExpressionError(`${describe(target)} is not a function`);
  const takesPredicate = callee.is === "name" && predicateBuiltins.has(callee.name) && target === builtins[callee.name];
  const values = tree.arguments.map((argument, i) =>
    takesPredicate && i === 1 ? predicateOf(argument, frame) : evaluate(argument, frame),
  );
  return (target as Builtin)(...values);
}

function predicateOf(tree: Expression, frame: Frame): Predicate {
  return (element, index, accumulator) =>
    evaluate(tree, { ...frame, pointer: { element, index, accumulator: accumulator ?? null } });
}

/** `sprig.trim(x)`, `t.Seconds()`. */
function callMethod(callee: Extract<Expression, { is: "member" }>, args: Expression[], frame: Frame): unknown {
  const object = evaluate(callee.object, frame);
  const key = String(evaluate(callee.key, frame));
  const values = args.map((argument) => evaluate(argument, frame));
  if (object instanceof Moment || object instanceof Duration) return timeMethod(object, key, values);
  if (isRecord(object) && Object.hasOwn(object, key) && typeof object[key] === "function") {
    return (object[key] as Builtin)(...values);
  }
  if ((object === null || object === undefined) && callee.optional) return null;
  throw new ExpressionError(`there is no function ${key} of ${describe(object)}`);
}

function timeMethod(object: Moment | Duration, name: string, [argument]: unknown[]): unknown {
  const format = (builtins as Record<string, Builtin>).formatTime as Builtin;
  if (object instanceof Duration) {
    const per: Record<string, number> = { Milliseconds: 1, Seconds: 1000, Minutes: 60_000, Hours: 3_600_000 };
    const unit = per[name];
    if (unit) return object.milliseconds / unit;
    if (name === "String") return object.toString();
  } else {
    const date = new Date(object.epoch);
    if (name === "Format") return format(object, argument);
    if (name === "Unix") return Math.floor(object.epoch / 1000);
    if (name === "UnixMilli") return object.epoch;
    if (name === "String") return object.toString();
    if (name === "UTC" || name === "Local") return object;
    const parts: Record<string, number> = {
      Year: date.getUTCFullYear(),
      Month: date.getUTCMonth() + 1,
      Day: date.getUTCDate(),
      Hour: date.getUTCHours(),
      Minute: date.getUTCMinutes(),
      Second: date.getUTCSeconds(),
      Weekday: date.getUTCDay(),
    };
    if (Object.hasOwn(parts, name)) return parts[name];
    if (argument instanceof Duration && name === "Add") return new Moment(object.epoch + argument.milliseconds);
    if (argument instanceof Moment) {
      if (name === "Sub") return new Duration(object.epoch - argument.epoch);
      if (name === "Before") return object.epoch < argument.epoch;
      if (name === "After") return object.epoch > argument.epoch;
      if (name === "Equal") return object.epoch === argument.epoch;
    }
  }
  throw new ExpressionError(`there is no function ${name} of a time`);
}
