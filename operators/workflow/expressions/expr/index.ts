// expr-lang v1.17 with what workflows add to it: asInt, asFloat, jsonpath, toJson and sprig.
import { ExpressionError } from "../error.ts";
import { queryJsonPath } from "../json-path/index.ts";
import { sprig } from "../sprig/index.ts";
import { fromHost, readJson, toHost, toJson, typeName } from "../values.ts";
import type { Expression } from "./ast.ts";
import { namesIn, pathsIn } from "./ast.ts";
import { builtins } from "./builtins.ts";
import { checkExpression } from "./checker.ts";
import { runExpression } from "./evaluate.ts";
import { anyMap, type Nature, natureOf, string, unknown } from "./nature.ts";
import { parseExpression, predicateArguments } from "./parser.ts";
import { float, int } from "./scalar-builtins.ts";
import { textArgument } from "./text-builtins.ts";

export type Environment = Record<string, unknown>;

const isBuiltin = (name: string) => Object.hasOwn(builtins, name) || Object.hasOwn(predicateArguments, name);

/** Functions of the environment: they stand before values of the same name. */
const added: Record<string, { value: unknown; nature: Nature }> = {
  asInt: {
    value: (...values: unknown[]) => int(values, () => undefined),
    nature: { kind: "func", signature: { takes: [unknown], gives: unknown } },
  },
  asFloat: {
    value: (...values: unknown[]) => float(values, () => undefined),
    nature: { kind: "func", signature: { takes: [unknown], gives: unknown } },
  },
  toJson: {
    value: (value: unknown) => toJson(value),
    nature: { kind: "func", signature: { takes: [unknown], gives: string } },
  },
  jsonpath: {
    value: (text: unknown, path: unknown) =>
      queryJsonPath(textArgument(path, "jsonpath"), readJson(textArgument(text, "jsonpath"), "jsonpath")),
    nature: { kind: "func", signature: { takes: [string, string], gives: unknown } },
  },
  sprig: { value: sprig, nature: anyMap },
};

interface Parsed {
  tree: Expression;
  names: string[];
  paths: string[][];
  /** Kinds of what the names stood for when it was last found right. */
  checked: string | undefined;
}

const cacheSize = 2000;
const cache = new Map<string, Parsed>();

function parse(source: string, environment: Environment): Parsed {
  const overridden = Object.keys(environment).filter(isBuiltin);
  const key = overridden.length === 0 ? source : `${overridden.join()}\0${source}`;
  let parsed = cache.get(key);
  if (!parsed) {
    const isOverridden = (name: string) => overridden.includes(name) || Object.hasOwn(added, name);
    const tree = parseExpression(source, { isBuiltin, isOverridden });
    parsed = { tree, names: [...namesIn(tree)], paths: pathsIn(tree), checked: undefined };
    if (cache.size >= cacheSize) cache.clear();
    cache.set(key, parsed);
  }
  return parsed;
}

/** What the stack has no room for is nested too deep. */
function bounded<T>(source: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof RangeError && /string length|array length/.test(error.message)) {
      throw new ExpressionError(`expression makes more than fits into memory: ${JSON.stringify(source.slice(0, 100))}`);
    }
    if (error instanceof RangeError && /call stack/.test(error.message)) {
      throw new ExpressionError(`expression is nested too deep: ${JSON.stringify(source.slice(0, 100))}`);
    }
    throw error;
  }
}

/** The value as Go has it: ints are bigints. @throws ExpressionError for what cannot be read or computed. */
export function evaluateRaw(source: string, environment: Environment): unknown {
  return bounded(source, () => {
    const parsed = parse(source, environment);
    const values = new Map<string, unknown>();
    const has = (name: string) => Object.hasOwn(added, name) || Object.hasOwn(environment, name);
    const find = (name: string) => {
      if (Object.hasOwn(added, name)) return added[name]?.value;
      if (!values.has(name)) values.set(name, fromHost(environment[name]));
      return values.get(name);
    };
    const nature = (name: string) =>
      Object.hasOwn(added, name) ? added[name]?.nature : has(name) ? natureOf(find(name)) : undefined;
    const kinds = parsed.names.map((name) => nature(name)?.kind ?? "").join();
    if (parsed.checked !== kinds) {
      checkExpression(parsed.tree, { find: nature, isBuiltin });
      parsed.checked = kinds;
    }
    return runExpression(parsed.tree, { find, has, environment });
  });
}

/** @throws ExpressionError for what cannot be read or computed; UnresolvedError where something named is not there. */
export function evaluateExpression(source: string, environment: Environment): unknown {
  return toHost(evaluateRaw(source, environment));
}

/** @throws ExpressionError also when the result is not a boolean. */
export function evaluateCondition(source: string, environment: Environment): boolean {
  const value = evaluateRaw(source, environment);
  if (typeof value === "boolean") return value;
  throw new ExpressionError(
    `${JSON.stringify(source)} is ${value === null ? "nil" : typeName(value)}, not true or false`,
  );
}

/** Names and paths of an expression that its environment does not have. @throws ExpressionError for what cannot be read. */
export function missingNames(source: string, environment: Environment): string[] {
  return bounded(source, () => {
    const { paths } = parse(source, environment);
    return paths.filter((path) => !isThere(path, environment)).map((path) => path.join("."));
  });
}

function isThere(path: string[], environment: Environment): boolean {
  if (Object.hasOwn(added, path[0] as string)) return true;
  let value: unknown = environment;
  for (const part of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, part)) return false;
    value = (value as Environment)[part];
  }
  return true;
}

/** Finds what cannot be read, and type errors that no value can mend. @throws ExpressionError */
export function checkExpressionText(source: string): void {
  bounded(source, () => {
    const { tree } = parse(source, {});
    // Of names nothing is known before the workflow runs.
    const find = (name: string) =>
      Object.hasOwn(added, name) ? added[name]?.nature : isBuiltin(name) ? undefined : unknown;
    checkExpression(tree, { find, isBuiltin });
  });
}
