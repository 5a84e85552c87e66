// Our answers, in the shape of the peer's.
import { isDeepStrictEqual } from "node:util";
import { Scope } from "../../../operators/workflow/engine/scope.ts";
import { substitute } from "../../../operators/workflow/engine/substitute.ts";
import {
  ExpressionError,
  evaluateCronWhen,
  evaluateDepends,
  evaluateRaw,
  evaluateWhen,
  holdsFor,
  kubectlJsonPath,
  parseConditions,
  parseDepends,
  queryJq,
  toJson,
  typeName,
} from "../../../operators/workflow/expressions/index.ts";
import type { Question } from "./hand-made.ts";

export interface Peer {
  value?: unknown;
  /** Go's kind. */
  type?: string;
  error?: string;
}

function expand(names: Record<string, unknown>): Record<string, unknown> {
  return scopeOf(names).environment();
}
function scopeOf(names: Record<string, unknown>): Scope {
  const scope = new Scope();
  for (const [name, value] of Object.entries(names)) scope.set(name, value as string);
  return scope;
}

function place(object: Record<string, unknown>, [first = "", ...rest]: string[], value: string): void {
  if (rest.length === 0) object[first] = value;
  else {
    object[first] ??= {};
    place(object[first] as Record<string, unknown>, rest, value);
  }
}

/** Kinds of Go as the peer names them. */
function kindOf(value: unknown): string {
  const name = typeName(value);
  if (name === "<nil>") return "nil";
  if (name.startsWith("[]")) return "slice";
  if (name.startsWith("map")) return "map";
  return { "time.Time": "struct", "time.Duration": "int64", "*time.Location": "ptr" }[name] ?? name;
}

const languages: Record<string, (source: string, data: unknown) => unknown> = {
  expr: (source, data) => evaluateRaw(source, expand((data ?? {}) as Record<string, unknown>)),
  when: (source) => evaluateWhen(source),
  cronWhen: (source) => evaluateCronWhen(source),
  depends: (source, data) =>
    evaluateDepends(parseDepends(source), (task, result) =>
      ((data as Record<string, string[]>)[task] ?? []).includes(result),
    ),
  selector: (source, data) => {
    const object = {};
    for (const [path, value] of Object.entries(data as Record<string, string>)) place(object, path.split("."), value);
    return parseConditions(source).every((condition) => holdsFor(condition, object));
  },
  kubectl: (source, data) => kubectlJsonPath(source, data),
  jq: (source, data) => queryJq(source, data),
  template: (source, data) => substitute(source, scopeOf(data as Record<string, unknown>)),
};

/** @throws Error for a language that is none of these. */
export async function answer({ language, source, data }: Question): Promise<Peer> {
  const evaluate = languages[language];
  if (!evaluate) throw new Error(`${language} is none of ${Object.keys(languages).join(", ")}`);
  try {
    const value = await evaluate(source, data);
    return { value: JSON.parse(toJson(value)) as unknown, type: kindOf(value) };
  } catch (error) {
    if (error instanceof ExpressionError) return { error: error.message };
    throw error;
  }
}

const widths: Record<string, string> = { int64: "int", uint8: "int", array: "slice", int32: "int" };
const plain = (type: string | undefined) => widths[type ?? ""] ?? type;

/** The same value of the same kind, or errors on both sides, whatever their words. */
export function sameAnswer(ours: Peer, theirs: Peer): boolean {
  if (ours.error !== undefined || theirs.error !== undefined)
    return (ours.error === undefined) === (theirs.error === undefined);
  // An empty list of Go may be nil, and its powers differ in the last bit.
  if ((ours.value ?? null) === null && (theirs.value ?? null) === null) return true;
  const [a, b] = [ours.value, theirs.value];
  if (typeof a === "number" && typeof b === "number" && Math.abs(a - b) <= Math.abs(a) * 1e-15) return true;
  return plain(ours.type) === plain(theirs.type) && isDeepStrictEqual(ours.value ?? null, theirs.value ?? null);
}
