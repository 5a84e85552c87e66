// Parameters arrive as text, whatever their type: this turns them into values, or says by name what is wrong.
import type { Parameter, Parameters } from "./parameter.ts";
import { defaultText } from "./parameter.ts";
import { type Problem, unknownName } from "./problem.ts";

/** Longest text of one parameter, in characters. */
export const parameterLimit = 65_536;

export interface Parsed {
  values: Record<string, unknown>;
  problems: Problem[];
}

/**
 * @param given text by parameter name; undefined stands for a value known only at run time, and is left out.
 * Problems have the parameter's name as path. An empty text counts as not given.
 */
export function parseParameters(parameters: Parameters, given: Record<string, string | undefined>): Parsed {
  const values: Record<string, unknown> = {};
  const problems: Problem[] = [];
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(parameters, name))
      problems.push({ path: name, message: unknownName("parameter", name, Object.keys(parameters)) });
  }
  for (const [name, parameter] of Object.entries(parameters)) {
    if (Object.hasOwn(given, name) && given[name] === undefined) continue;
    const text = given[name] || defaultText(parameter);
    if (text === undefined) {
      problems.push({ path: name, message: "a value is required" });
      continue;
    }
    try {
      values[name] = parseValue(parameter, text);
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      problems.push({ path: name, message: error.message });
    }
  }
  return { values, problems };
}

class BadValue extends Error {}

function parseValue(parameter: Parameter, text: string): unknown {
  if (text.length > parameterLimit) throw new BadValue(`longer than ${parameterLimit} characters`);
  switch (parameter.type) {
    case "columns":
      return parseNames(text);
    case "number":
    case "integer":
      return parseNumber(parameter, text);
    case "boolean":
      if (text !== "true" && text !== "false") throw new BadValue(`${JSON.stringify(text)} is neither true nor false`);
      return text === "true";
    case "choice":
      if (!parameter.values.includes(text)) throw new BadValue(unknownName("choice", text, parameter.values));
      return text;
    case "map":
      return parseMap(text, parameter.values);
    case "string":
      if (text.length > (parameter.maxLength ?? parameterLimit))
        throw new BadValue(`longer than ${parameter.maxLength} characters`);
      return text;
    case "column":
      return text;
  }
}

const integerStyle = /^[+-]?\d+$/;
const numberStyle = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;

/** Numbers are spelled as the workflow engine's types want them: decimal, without space around. */
function parseNumber(bounds: Extract<Parameter, { type: "number" | "integer" }>, text: string): number {
  const value = Number(text);
  if (!numberStyle.test(text) || !Number.isFinite(value)) throw new BadValue(`${JSON.stringify(text)} is not a number`);
  if (bounds.type === "integer" && !(integerStyle.test(text) && Number.isSafeInteger(value)))
    throw new BadValue(`${text} is not a whole number`);
  const { minimum = -Infinity, maximum = Infinity } = bounds;
  if (value < minimum || (bounds.exclusiveMinimum && value === minimum))
    throw new BadValue(
      `${text} is too small: it must be ${bounds.exclusiveMinimum ? "more than" : "at least"} ${minimum}`,
    );
  if (value > maximum || (bounds.exclusiveMaximum && value === maximum))
    throw new BadValue(
      `${text} is too large: it must be ${bounds.exclusiveMaximum ? "less than" : "at most"} ${maximum}`,
    );
  return value;
}

function parseNames(text: string): string[] {
  if (!text.trimStart().startsWith("[")) {
    const names = text.split(",").map((name) => name.trim());
    return refuseRepeated(names.filter((name) => name !== ""));
  }
  const value = parseJson(text, "a JSON array of names");
  if (!Array.isArray(value) || !value.every((name) => typeof name === "string"))
    throw new BadValue("not a JSON array of names");
  return refuseRepeated(value);
}

function refuseRepeated(names: string[]): string[] {
  const repeated = names.find((name, i) => names.indexOf(name) !== i);
  if (repeated !== undefined) throw new BadValue(`${JSON.stringify(repeated)} is named twice`);
  return names;
}

function parseMap(text: string, allowed: readonly string[] | undefined): Record<string, string> {
  const entries = text.trimStart().startsWith("{") ? jsonEntries(text) : pairEntries(text);
  for (const [key, value] of entries) {
    if (allowed && !allowed.includes(value)) throw new BadValue(`${key}: ${unknownName("choice", value, allowed)}`);
  }
  refuseRepeated(entries.map(([key]) => key));
  return Object.fromEntries(entries);
}

function jsonEntries(text: string): [string, string][] {
  const value = parseJson(text, "a JSON object");
  return Object.entries(value as object).map(([key, item]) => {
    if (typeof item !== "string" && typeof item !== "number") throw new BadValue(`${key}: not a text`);
    return [key, String(item)];
  });
}

function pairEntries(text: string): [string, string][] {
  const pairs = text.split(",").filter((pair) => pair.trim() !== "");
  return pairs.map((pair) => {
    const at = pair.indexOf("=");
    if (at < 1) throw new BadValue(`${JSON.stringify(pair.trim())} is not of the form name=value`);
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
}

function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new BadValue(`not ${what}`);
  }
}
