// The expressions of validation rules and policies: CEL with Kubernetes' functions.
// Source: kubernetes.io/docs/reference/using-api/cel. The library is loaded with the first rule.
import { createRequire } from "node:module";
import type * as Cel from "@marcbachmann/cel-js";
import type { Declared } from "./cost/declared.ts";
import { type Estimate, estimate, type Variables } from "./cost/estimate.ts";
import { type Budget, instrument, metered } from "./cost/meter.ts";
import { Unfit } from "./cost/unfit.ts";
import { addAddresses } from "./functions/addresses.ts";
import { addAuthorizer } from "./functions/authorizer.ts";
import { libraryOf } from "./functions/define.ts";
import { addLists } from "./functions/lists.ts";
import { addPresence, rewriteHas } from "./functions/presence.ts";
import { addQuantities } from "./functions/quantities.ts";
import { addTexts } from "./functions/texts.ts";

const require = createRequire(import.meta.url);
const load = () => require("@marcbachmann/cel-js") as typeof Cel;

/**
 * A compiled expression. Throws what evaluation throws, and CostExceeded at the limit of one call.
 * @param budget what it costs is taken from it.
 */
export type Expression = (variables: Record<string, unknown>, budget?: Budget) => unknown;

/** What is known of the variables before there are values, to estimate costs with. */
export interface Types {
  /** Sizes are those of its parts. */
  root: Declared;
  variables: Variables;
}

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
  for (const add of [addTexts, addLists, addQuantities, addAddresses, addPresence, addAuthorizer]) add(library);
  environments.set(variables.join(), environment);
  return environment;
}

/** Throws an Error that says what is wrong with the expression. @param variables what it may speak of. */
export function compileExpression(text: string, variables: readonly string[] = ["self", "oldSelf"]): Expression {
  const parsed = parse(text, variables);
  instrument(parsed.ast);
  return (values, budget) => metered(() => parsed(values), budget);
}

function parse(text: string, variables: readonly string[]): Cel.ParseResult {
  const environment = environmentOf(variables);
  const parsed = parseText(environment, text);
  const { valid, error } = parsed.check();
  if (!valid) throw (error && undeclared(environment, error)) ?? error ?? new Error("the expression is not valid");
  return parsed;
}

function parseText(environment: Cel.Environment, text: string): Cel.ParseResult {
  try {
    return environment.parse(rewriteHas(text));
  } catch (thrown) {
    if (!(thrown instanceof Error) || !/^Unexpected token: EOF/.test(thrown.message)) throw thrown;
    const at = { input: text, op: "value", start: text.length } as Cel.ASTNode;
    throw new Unfit(at, endOfText);
  }
}

/** What cel-go says of an expression that ends too early. */
const endOfText =
  "Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";

/** A name that nothing has, worded as cel-go does. */
function undeclared(environment: Cel.Environment, { node }: Cel.ParseError | Cel.TypeError): Error | undefined {
  const ast = node as Cel.ASTNode | undefined;
  const name = ast?.op === "id" ? ast.args : ast?.op === "call" || ast?.op === "rcall" ? ast.args[0] : undefined;
  if (!ast || !name) return undefined;
  const known =
    ast.op === "id"
      ? environment.hasVariable(name)
      : environment.getDefinitions().functions.some((one) => one.name === name);
  return known ? undefined : new Unfit(ast, `undeclared reference to '${name}' (in container '')`);
}

/** What an expression may cost at most, and the type of what it gives. Throws an Error that says what is wrong with it. */
export function estimateExpression(text: string, { root, variables }: Types): Estimate {
  return estimate(parse(text, [...variables.keys()]).ast, root, variables);
}

/** Texts of a format as the values that expressions see. */
export function toFormat(format: string, value: string): unknown {
  if (format === "byte") return Uint8Array.from(Buffer.from(value, "base64"));
  if (format === "duration") return compileExpression("duration(self)")({ self: value });
  const time = new Date(value);
  return Number.isNaN(time.getTime()) ? value : time;
}

/** A value that may be absent, as `oldSelf` is where a rule says optionalOldSelf. */
export const optionalOf = (value: unknown): unknown =>
  value === undefined || value === null ? load().Optional.none() : load().Optional.of(value);
