// The expressions of validation rules and policies: CEL with Kubernetes' functions.
// Source: kubernetes.io/docs/reference/using-api/cel. The library is loaded with the first rule.
import { createRequire } from "node:module";
import type * as Cel from "@marcbachmann/cel-js";
import { addAddresses } from "./functions/addresses.ts";
import { libraryOf } from "./functions/define.ts";
import { addLists } from "./functions/lists.ts";
import { rewriteHas } from "./functions/presence.ts";
import { addQuantities } from "./functions/quantities.ts";
import { addTexts } from "./functions/texts.ts";

const require = createRequire(import.meta.url);
const load = () => require("@marcbachmann/cel-js") as typeof Cel;

/** A compiled expression. Throws what evaluation throws. */
export type Expression = (variables: Record<string, unknown>) => unknown;

const limits = { maxAstNodes: 10_000, maxDepth: 100, maxListElements: 1000, maxMapEntries: 1000, maxCallArguments: 32 };

/** One for each set of variables. */
const environments = new Map<string, Cel.Environment>();

function environmentOf(variables: readonly string[]): Cel.Environment {
  const known = environments.get(variables.join());
  if (known) return known;
  const cel = load();
  const environment = new cel.Environment({
    limits,
    homogeneousAggregateLiterals: false,
    enableOptionalTypes: true,
  });
  for (const name of variables) environment.registerVariable(name, "dyn");
  const library = libraryOf(cel, environment);
  for (const add of [addTexts, addLists, addQuantities, addAddresses]) add(library);
  environments.set(variables.join(), environment);
  return environment;
}

/** Throws an Error that says what is wrong with the expression. @param variables what it may speak of. */
export function compileExpression(text: string, variables: readonly string[] = ["self", "oldSelf"]): Expression {
  const parsed = environmentOf(variables).parse(rewriteHas(text));
  const check = parsed.check();
  if (!check.valid) throw check.error ?? new Error("the expression is not valid");
  return (values) => parsed(values);
}

/** A value that may be absent, as `oldSelf` is where a rule says optionalOldSelf. */
export const optionalOf = (value: unknown): unknown =>
  value === undefined || value === null ? load().Optional.none() : load().Optional.of(value);
