// The expressions of validation rules: CEL with Kubernetes' functions for lists, strings and quantities.
// Source: kubernetes.io/docs/reference/using-api/cel. The library is loaded with the first rule.
import { createRequire } from "node:module";
import { isQuantity, parseQuantity } from "@capstan/api/meta";
import type * as Cel from "@marcbachmann/cel-js";
import { matchesPattern } from "./pattern.ts";

const require = createRequire(import.meta.url);

/** A compiled expression. Throws what evaluation throws. */
export type Expression = (variables: Record<string, unknown>) => unknown;

const limits = { maxAstNodes: 10_000, maxDepth: 100, maxListElements: 1000, maxMapEntries: 1000, maxCallArguments: 32 };

class Quantity {
  readonly amount: number;
  constructor(text: string) {
    this.amount = parseQuantity(text);
  }
}

type Value = bigint | number | string | boolean;
const compare = (a: unknown, b: unknown): number =>
  (a as Value) < (b as Value) ? -1 : (a as Value) > (b as Value) ? 1 : 0;
const least = (list: unknown[], sign: number): unknown => {
  if (list.length === 0) throw new Error("called on an empty list");
  return list.reduce((best, item) => (compare(item, best) * sign < 0 ? item : best));
};

function register(environment: Cel.Environment): void {
  const define = (signature: string, handler: (...values: never[]) => unknown) =>
    environment.registerFunction(signature, handler as never);
  define("list.isSorted(): bool", (list: unknown[]) =>
    list.every((item, i) => i === 0 || compare(list[i - 1], item) <= 0),
  );
  define("list.min(): dyn", (list: unknown[]) => least(list, 1));
  define("list.max(): dyn", (list: unknown[]) => least(list, -1));
  define("list.sum(): dyn", (list: (bigint | number)[]) =>
    list.length === 0 ? 0n : list.reduce((sum, item) => (sum as number) + (item as number)),
  );
  define("list.indexOf(dyn): int", (list: unknown[], item: unknown) => BigInt(list.indexOf(item)));
  define("list.lastIndexOf(dyn): int", (list: unknown[], item: unknown) => BigInt(list.lastIndexOf(item)));
  define("string.find(string): string", (text: string, pattern: string) => firstMatch(text, pattern));
  define("string.replace(string, string): string", (text: string, from: string, to: string) =>
    text.replaceAll(from, to),
  );
  define("string.charAt(int): string", (text: string, at: bigint) => text.charAt(Number(at)));
  define("isQuantity(string): bool", (text: string) => isQuantity(text));
  define("isURL(string): bool", (text: string) => URL.canParse(text) || text.startsWith("/"));
  environment.registerType("Quantity", Quantity as never);
  define("quantity(string): Quantity", (text: string) => new Quantity(text));
  define("Quantity.isGreaterThan(Quantity): bool", (a: Quantity, b: Quantity) => a.amount > b.amount);
  define("Quantity.isLessThan(Quantity): bool", (a: Quantity, b: Quantity) => a.amount < b.amount);
  define("Quantity.compareTo(Quantity): int", (a: Quantity, b: Quantity) => BigInt(compare(a.amount, b.amount)));
  define("Quantity.sign(): int", (a: Quantity) => BigInt(Math.sign(a.amount)));
  define("Quantity.asApproximateFloat(): double", (a: Quantity) => a.amount);
}

function firstMatch(text: string, pattern: string): string {
  return matchesPattern(pattern, text) ? (new RegExp(pattern).exec(text)?.[0] ?? "") : "";
}

/** One for each set of variables. */
const environments = new Map<string, Cel.Environment>();

function environmentOf(variables: readonly string[]): Cel.Environment {
  const known = environments.get(variables.join());
  if (known) return known;
  const { Environment } = require("@marcbachmann/cel-js") as typeof Cel;
  const environment = new Environment({ limits, homogeneousAggregateLiterals: false, enableOptionalTypes: true });
  for (const name of variables) environment.registerVariable(name, "dyn");
  register(environment);
  environments.set(variables.join(), environment);
  return environment;
}

/** Throws an Error that says what is wrong with the expression. @param variables what it may speak of. */
export function compileExpression(text: string, variables: readonly string[] = ["self", "oldSelf"]): Expression {
  const parsed = environmentOf(variables).parse(text);
  const check = parsed.check();
  if (!check.valid) throw check.error ?? new Error("the expression is not valid");
  return (values) => parsed(values);
}
