// Counts what an evaluation costs while it runs, and stops it at its limit.
// Source: cel-go's interpreter/runtimecost.go, apiserver's library.CostEstimator.
import type { ASTNode } from "@marcbachmann/cel-js";
import { callLimit, listCost, mapCost } from "./limits.ts";
import { loopOf, namespaced, presentField } from "./macros.ts";
import { type Call, callCost, operatorCost, sizeOfValue } from "./spent.ts";

/** What several evaluations may spend together. */
export interface Budget {
  remaining: number;
}

/** The expression cost more than one evaluation may. */
export class CostExceeded extends Error {
  constructor() {
    super("operation cancelled: actual cost limit exceeded");
    this.name = "CostExceeded";
  }
}

interface Meter {
  spent: number;
}

/** Of the evaluation that runs: they are never interleaved, but one may run inside another. */
let active: Meter | undefined;

/** Runs one evaluation. Throws CostExceeded at the limit of a call; `budget` may become negative. */
export function metered<T>(run: () => T, budget?: Budget): T {
  const outer = active;
  const meter: Meter = { spent: 0 };
  active = meter;
  try {
    const result = run();
    if (meter.spent > callLimit) throw new CostExceeded();
    return result;
  } catch (error) {
    throw meter.spent > callLimit ? new CostExceeded() : error;
  } finally {
    active = outer;
    if (budget) budget.remaining -= meter.spent;
  }
}

function spend(cost: number): void {
  if (!active) return;
  active.spent += cost;
  if (active.spent > callLimit) throw exceeded;
}

const exceeded = new Error("the limit of one call is reached");

type Evaluate = (evaluator: unknown, ast: unknown, context: unknown) => unknown;
/** What the library runs: it sets `evaluate` of a node when it first comes by. */
type Node = ASTNode & { evaluate: Evaluate };

/** Makes every part of an expression count what it costs. */
export function instrument(ast: ASTNode): void {
  attach(ast);
}

/** Counts a node, and `also` with each value; returns how to ask for the value that it gave last. */
function attach(ast: ASTNode, also: After = nothing): () => unknown {
  const after = costOf(ast);
  const node = ast as Node;
  let inner: Evaluate = node.evaluate;
  let last: unknown;
  const evaluate: Evaluate = (evaluator, self, context) => {
    // Loops pass over errors of single steps: nothing more is done once the limit is reached.
    if (active && active.spent > callLimit) throw exceeded;
    const current = inner;
    const value = current.call(node, evaluator, self, context);
    // The first call exchanges what runs and calls itself again: that one counted.
    if (current !== inner) return value;
    last = value;
    after(value);
    also(value);
    return value;
  };
  const set = (next: Evaluate) => {
    inner = next;
  };
  Object.defineProperty(node, "evaluate", { get: () => evaluate, set });
  return () => last;
}

type After = (value: unknown) => void;
const nothing: After = () => {};
const always =
  (cost: number): After =>
  () =>
    spend(cost);

/** What is spent once a node has its value. */
function costOf(ast: ASTNode): After {
  if (isConstant(ast)) return nothing;
  switch (ast.op) {
    case "id":
      return always(1);
    case ".":
    case ".?":
      attach(ast.args[0]);
      return always(1);
    case "[]":
    case "[?]":
      for (const part of ast.args) attach(part);
      return always(1);
    case "list":
      for (const item of ast.args) attach(item);
      return always(listCost);
    case "map":
      for (const item of ast.args.flat()) attach(item);
      return always(mapCost);
    case "?:":
      attach(ast.args[0]);
      // A name in a branch is looked up without being counted.
      for (const part of ast.args.slice(1)) attach(part, isPath(part) ? always(-1) : nothing);
      return nothing;
    case "||":
    case "&&":
      for (const part of ast.args) attach(part);
      return nothing;
    case "!_":
    case "-_":
      attach(ast.args);
      return always(1);
    case "call":
      return costOfCall(ast.args[0], undefined, ast.args[1]);
    case "rcall":
      return costOfReceiverCall(ast);
    case "value":
      return nothing;
    default:
      return costOfOperator(ast.op, ast.args[0], ast.args[1]);
  }
}

const conversions = new Set("bool bytes double duration dyn int string timestamp type uint".split(" "));

/** Whether cel-go works a part out before it evaluates anything. Source: its interpreter's decOptimize. */
function isConstant(ast: ASTNode): boolean {
  if (ast.op === "value") return true;
  if (ast.op === "-_") return ast.args.op === "value";
  if (ast.op === "list") return ast.args.every(isConstant);
  if (ast.op === "map") return ast.args.flat().every(isConstant);
  if (ast.op !== "call") return false;
  const [name, args] = ast.args;
  return conversions.has(name) && args.length === 1 && args.every(isConstant);
}

const isPath = (ast: ASTNode): boolean =>
  ast.op === "id" || ((ast.op === "." || ast.op === "[]") && isPath(ast.args[0]));

function costOfOperator(op: string, a: ASTNode, b: ASTNode): After {
  const [left, right] = [attach(a), attach(b)];
  // A list that is written out becomes a set.
  if (op === "in" && b.op === "list" && isConstant(b)) return nothing;
  return () => spend(operatorCost(op, left(), right()));
}

function costOfCall(name: string, target: ASTNode | undefined, args: ASTNode[]): After {
  if (name === "has") return always(args[0] ? depthOf(args[0]) - 1 : 0);
  const receiver = target && attach(target);
  const values = args.map((arg) => attach(arg));
  return (result) => {
    const call: Call = { target: receiver?.(), method: receiver !== undefined, args: values.map((of) => of()), result };
    spend(callCost(name, call));
  };
}

/** How many names a path has. */
const depthOf = (ast: ASTNode): number => (ast.op === "." || ast.op === ".?" ? 1 + depthOf(ast.args[0]) : 1);

function costOfReceiverCall(ast: ASTNode & { op: "rcall" }): After {
  const [name, receiver, args] = ast.args;
  const full = namespaced(name, receiver);
  if (full === "cel.bind") {
    for (const part of args.slice(1)) attach(part);
    return always(0);
  }
  if (full) return costOfCall(full, undefined, args);
  if (name === presentField && receiver.op === ".?") {
    attach(receiver.args[0]);
    return nothing;
  }
  const loop = loopOf(name, args.length);
  if (!loop || args[0]?.op !== "id") return costOfCall(name, receiver, args);
  let left = 0;
  attach(receiver, (range) => {
    left = sizeOfValue(range);
  });
  const [, predicate, transform] = args as [ASTNode, ASTNode, ASTNode?];
  attach(predicate, (value) => {
    left--;
    spend(value === false ? loop.passed : loop.held);
    // The condition is asked once more before a loop ends early.
    if (left > 0 && value === loop.decided) spend(loop.held - 1);
  });
  if (transform) attach(transform);
  return always(loop.after);
}
