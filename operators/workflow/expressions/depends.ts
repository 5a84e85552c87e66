// `depends`: which results of which tasks a task waits for. Source: argo-workflows docs/enhanced-depends-logic.md.
import { ExpressionError } from "./error.ts";
import type { Expression } from "./expr/ast.ts";
import { parseExpression } from "./expr/parser.ts";

export const taskResults = [
  "Succeeded",
  "Failed",
  "Errored",
  "Skipped",
  "Omitted",
  "Daemoned",
  "AnySucceeded",
  "AllFailed",
] as const;
export type TaskResult = (typeof taskResults)[number];

export type Depends =
  | { is: "and" | "or" | "equal"; left: Depends; right: Depends }
  | { is: "not"; term: Depends }
  | { is: "choice"; test: Depends; yes: Depends; no: Depends }
  | { is: "task"; task: string; results: TaskResult[] }
  | { is: "constant"; value: boolean };

/** A bare task name waits for success, in any of its forms. */
const success: TaskResult[] = ["Succeeded", "Skipped", "Daemoned"];
const operand = /[A-Za-z0-9_][\w-]*(?:\.[A-Za-z]+)?/g;
const words = new Set(["true", "false", "and", "or", "not"]);
const sourceLimit = 64 * 1024;

/** @throws ExpressionError that says what cannot be read. */
export function parseDepends(source: string): Depends {
  if (source.length > sourceLimit) throw new ExpressionError(`depends is longer than ${sourceLimit} characters`);
  // Names of tasks are not names of the language, which reads the rest.
  const operands: Depends[] = [];
  const text = source.replace(operand, (word) => {
    if (words.has(word)) return word;
    return `t${operands.push(readOperand(word, source)) - 1}`;
  });
  let tree: Expression;
  try {
    tree = parseExpression(text, { isBuiltin: () => false, isOverridden: () => false });
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    const said = error.message
      .replace(/ at position.*$/s, "")
      .replace(/"t(\d+)"/, (_, i: string) => JSON.stringify(nameOf(operands[Number(i)])));
    throw new ExpressionError(`depends: ${said} in ${JSON.stringify(source.slice(0, 200))}`);
  }
  return translate(tree, operands, source);
}

const nameOf = (depends: Depends | undefined) => (depends?.is === "task" ? depends.task : "");

function readOperand(word: string, source: string): Depends {
  const dot = word.lastIndexOf(".");
  if (dot < 0) return { is: "task", task: word, results: success };
  const result = word.slice(dot + 1);
  if (!(taskResults as readonly string[]).includes(result)) {
    throw new ExpressionError(`depends: ${result} in ${JSON.stringify(source)} is none of ${taskResults.join(", ")}`);
  }
  return { is: "task", task: word.slice(0, dot), results: [result as TaskResult] };
}

function translate(tree: Expression, operands: Depends[], source: string): Depends {
  const inner = (part: Expression) => translate(part, operands, source);
  switch (tree.is) {
    case "boolean":
      return { is: "constant", value: tree.value };
    case "name":
      return operands[Number(tree.name.slice(1))] as Depends;
    case "unary":
      if (tree.operator === "not") return { is: "not", term: inner(tree.operand) };
      break;
    case "conditional":
      return { is: "choice", test: inner(tree.test), yes: inner(tree.yes), no: inner(tree.no) };
    case "binary":
      return translateChain(tree, inner) ?? refuse(tree, source);
  }
  return refuse(tree, source);
}

const joins: Record<string, "and" | "or"> = { "&&": "and", and: "and", "||": "or", or: "or" };
type Binary = Extract<Expression, { is: "binary" }>;

/** A task may wait for thousands: what stands on the left is followed without going deeper. */
function translateChain(tree: Binary, inner: (part: Expression) => Depends): Depends | undefined {
  if (tree.operator === "==" || tree.operator === "!=") {
    const equal: Depends = { is: "equal", left: inner(tree.left), right: inner(tree.right) };
    return tree.operator === "==" ? equal : { is: "not", term: equal };
  }
  const chain: Binary[] = [];
  let first: Expression = tree;
  while (first.is === "binary" && joins[first.operator]) {
    chain.push(first);
    first = first.left;
  }
  if (chain.length === 0) return undefined;
  return chain.reduceRight<Depends>(
    (left, { operator, right }) => ({ is: joins[operator] as "and" | "or", left, right: inner(right) }),
    inner(first),
  );
}

function refuse(tree: Expression, source: string): never {
  const what = tree.is === "unary" || tree.is === "binary" ? JSON.stringify(tree.operator) : tree.is;
  throw new ExpressionError(
    `depends: ${what} in ${JSON.stringify(source.slice(0, 200))} is neither a task, a task's result, &&, ||, ! nor parentheses`,
  );
}

/** `dependencies: [A, B]` in this language; a task that may fail counts when it did. */
export function dependsOf(
  dependencies: readonly string[],
  continues: (task: string) => { failed?: boolean; error?: boolean } | undefined,
): Depends {
  const terms = dependencies.map((task): Depends => {
    const on = continues(task);
    const results = [...success];
    if (on?.failed) results.push("Failed");
    if (on?.error) results.push("Errored");
    return { is: "task", task, results };
  });
  return terms.reduce<Depends>((left, right) => (left.is === "constant" ? right : { is: "and", left, right }), {
    is: "constant",
    value: true,
  });
}

export function tasksOf(depends: Depends, tasks = new Set<string>()): Set<string> {
  const open = [depends];
  for (let part = open.pop(); part; part = open.pop()) {
    if (part.is === "task") tasks.add(part.task);
    else if (part.is === "not") open.push(part.term);
    else if (part.is === "choice") open.push(part.no, part.yes, part.test);
    else if (part.is !== "constant") open.push(part.right, part.left);
  }
  return tasks;
}

export function evaluateDepends(depends: Depends, holds: (task: string, result: TaskResult) => boolean): boolean {
  const evaluate = (part: Depends) => evaluateDepends(part, holds);
  switch (depends.is) {
    case "constant":
      return depends.value;
    case "not":
      return !evaluate(depends.term);
    case "and":
    case "or": {
      const chain: Depends[] = [];
      let first: Depends = depends;
      for (; first.is === "and" || first.is === "or"; first = first.left) chain.push(first);
      return chain.reduceRight((left, part) => {
        if (part.is !== "and" && part.is !== "or") return left;
        return left === (part.is === "or") ? left : evaluate(part.right);
      }, evaluate(first));
    }
    case "equal":
      return evaluate(depends.left) === evaluate(depends.right);
    case "choice":
      return evaluate(evaluate(depends.test) ? depends.yes : depends.no);
    case "task":
      return depends.results.some((result) => holds(depends.task, result));
  }
}
