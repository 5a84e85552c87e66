// The annotation that gives parameters types: Argo's own have only an enum. Others pass it over, so manifests stay portable.

import { readYaml } from "../engine/pod/yaml.ts";
import { ExpressionError } from "../expressions/error.ts";
import { compileRegex } from "../expressions/regex/index.ts";

/**
 * On a Workflow or what Workflows are made of (for `spec.arguments.parameters`) and on a template (for its inputs): YAML
 * or JSON, from a parameter's name to a type or an object of JSON Schema's keywords.
 */
export const typesAnnotation = "capstan.dev/parameter-types";

export const typeNames = [
  "integer",
  "number",
  "boolean",
  "string",
  "json",
  "duration",
  "quantity",
  "date-time",
] as const;
export type TypeName = (typeof typeNames)[number];

/** A bounded part of JSON Schema. Lengths count characters; a pattern is Go's, and may match anywhere in the text. */
export interface ParameterType {
  type: TypeName;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  minLength?: number;
  maxLength?: number;
  pattern?: string;
  /** The empty text is allowed: it stands for no value. */
  optional?: boolean;
}

/** Something wrong inside of the annotation; the path is relative to it. */
export interface TypeProblem {
  path: string;
  message: string;
}
export interface ReadTypes {
  types: ReadonlyMap<string, ParameterType>;
  problems: readonly TypeProblem[];
}

/** Longest annotation, in characters. */
const annotationLimit = 65_536;
/** Most parameters in it. */
const parameterLimit = 500;
/** Longest pattern, in characters. */
const patternLimit = 1000;
/** Most parameters with a pattern: each costs a search. */
const patternCount = 50;

const cacheSize = 200;
const cache = new Map<string, ReadTypes>();
const nothing: ReadTypes = { types: new Map(), problems: [] };

/** What an annotation says; what is wrong in it is left out of `types`. */
export function readTypes(text: string | undefined): ReadTypes {
  if (text === undefined) return nothing;
  let known = cache.get(text);
  if (!known) {
    known = read(text);
    if (cache.size >= cacheSize) cache.clear();
    cache.set(text, known);
  }
  return known;
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const fail = (message: string): ReadTypes => ({ types: new Map(), problems: [{ path: "", message }] });

function read(text: string): ReadTypes {
  if (typeof text !== "string") return fail("must be text: YAML or JSON");
  if (text.length > annotationLimit) return fail(`is longer than ${annotationLimit} characters`);
  if (text.includes("{{")) return fail("has tags: types are known before anything runs");
  let value: unknown;
  try {
    value = readYaml(text, "the annotation");
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    return fail(error.message);
  }
  if (!isMap(value)) return fail("must be a map from parameters' names to types");
  const entries = Object.entries(value);
  if (entries.length > parameterLimit) return fail(`names more than ${parameterLimit} parameters`);
  const patterns = entries.filter(([, said]) => isMap(said) && said.pattern !== undefined);
  if (patterns.length > patternCount) return fail(`gives patterns to more than ${patternCount} parameters`);
  const types = new Map<string, ParameterType>();
  const problems: TypeProblem[] = [];
  for (const [name, said] of entries) {
    const before = problems.length;
    const type = isMap(said) ? said : { type: said };
    checkType(type, isMap(said) ? `.${name}` : "", name, problems);
    if (problems.length === before) types.set(name, type as unknown as ParameterType);
  }
  return { types, problems };
}

const numeric = new Set(["integer", "number"]);
const bounds = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];
const lengths = ["minLength", "maxLength"];

function checkType(said: Record<string, unknown>, path: string, name: string, problems: TypeProblem[]): void {
  const wrong = (field: string, message: string) =>
    problems.push({ path: path ? `${path}.${field}` : `.${name}`, message });
  const { type } = said;
  if (!typeNames.includes(type as TypeName)) {
    wrong("type", `${type === undefined ? "nothing" : JSON.stringify(type)} is none of ${typeNames.join(", ")}`);
    return;
  }
  for (const [field, value] of Object.entries(said)) {
    if (field === "type") continue;
    if (field === "optional") {
      if (typeof value !== "boolean") wrong(field, "must be true or false");
    } else if (bounds.includes(field)) {
      if (!numeric.has(type as string)) wrong(field, "is for integer and number");
      else if (typeof value !== "number" || !Number.isFinite(value)) wrong(field, "must be a number");
      else if (type === "integer" && !Number.isSafeInteger(value)) wrong(field, "must be a whole number");
    } else if (lengths.includes(field)) {
      if (numeric.has(type as string) || type === "boolean") wrong(field, `is not for ${type}`);
      else if (!Number.isSafeInteger(value) || Number(value) < 0) wrong(field, "must be a whole number, not negative");
    } else if (field === "pattern") checkPattern(value, (message) => wrong(field, message));
    else wrong(field, `unknown field: there are ${["type", ...bounds, ...lengths, "pattern", "optional"].join(", ")}`);
  }
  for (const [low, high] of [bounds.slice(0, 2), lengths] as [string, string][]) {
    const [least, most] = [said[low], said[high]];
    if (typeof least === "number" && typeof most === "number" && least > most) wrong(low, `is more than ${high}`);
  }
}

function checkPattern(value: unknown, wrong: (message: string) => void): void {
  try {
    if (typeof value !== "string") wrong("must be text");
    else if (value.length > patternLimit) wrong(`is longer than ${patternLimit} characters`);
    else compileRegex(value);
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw error;
    wrong(error.message);
  }
}
