// `depends`: which results of which tasks a task waits for. Source: argo-workflows docs/enhanced-depends-logic.md.
import { ExpressionError } from "./lexer.ts";

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
  | { is: "and" | "or"; left: Depends; right: Depends }
  | { is: "not"; term: Depends }
  | { is: "task"; task: string; results: TaskResult[] }
  | { is: "constant"; value: boolean };

/** A bare task name waits for success, in any of its forms. */
const success: TaskResult[] = ["Succeeded", "Skipped", "Daemoned"];
const token = /\s*(&&|\|\||!|\(|\)|[A-Za-z0-9_][\w-]*(?:\.[A-Za-z]+)?)/y;

export function parseDepends(source: string): Depends {
  const tokens: string[] = [];
  token.lastIndex = 0;
  const text = source.trimEnd();
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match)
      throw new ExpressionError(
        `depends: unexpected ${JSON.stringify(text[at])} at position ${at} of ${JSON.stringify(source)}`,
      );
    tokens.push(match[1] as string);
  }
  let next = 0;
  const fail = (): never => {
    throw new ExpressionError(`depends: unexpected ${tokens[next] ?? "end"} in ${JSON.stringify(source)}`);
  };
  const or = (): Depends => {
    let left = and();
    while (tokens[next] === "||") {
      next++;
      left = { is: "or", left, right: and() };
    }
    return left;
  };
  const and = (): Depends => {
    let left = term();
    while (tokens[next] === "&&") {
      next++;
      left = { is: "and", left, right: term() };
    }
    return left;
  };
  const term = (): Depends => {
    const word = tokens[next];
    if (word === undefined || word === ")" || word === "&&" || word === "||") return fail();
    next++;
    if (word === "!") return { is: "not", term: term() };
    if (word === "(") {
      const inner = or();
      if (tokens[next++] !== ")") fail();
      return inner;
    }
    return operand(word, source);
  };
  const tree = or();
  if (next < tokens.length) fail();
  return tree;
}

function operand(word: string, source: string): Depends {
  if (word === "true" || word === "false") return { is: "constant", value: word === "true" };
  const dot = word.lastIndexOf(".");
  if (dot < 0) return { is: "task", task: word, results: success };
  const result = word.slice(dot + 1);
  if (!(taskResults as readonly string[]).includes(result)) {
    throw new ExpressionError(`depends: ${result} in ${JSON.stringify(source)} is none of ${taskResults.join(", ")}`);
  }
  return { is: "task", task: word.slice(0, dot), results: [result as TaskResult] };
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
  if (depends.is === "task") tasks.add(depends.task);
  else if (depends.is === "not") tasksOf(depends.term, tasks);
  else if (depends.is !== "constant") {
    tasksOf(depends.left, tasks);
    tasksOf(depends.right, tasks);
  }
  return tasks;
}

export function evaluateDepends(depends: Depends, holds: (task: string, result: TaskResult) => boolean): boolean {
  switch (depends.is) {
    case "constant":
      return depends.value;
    case "not":
      return !evaluateDepends(depends.term, holds);
    case "and":
      return evaluateDepends(depends.left, holds) && evaluateDepends(depends.right, holds);
    case "or":
      return evaluateDepends(depends.left, holds) || evaluateDepends(depends.right, holds);
    case "task":
      return depends.results.some((result) => holds(depends.task, result));
  }
}
