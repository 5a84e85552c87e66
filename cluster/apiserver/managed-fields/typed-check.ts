// What is wrong with an applied configuration by its kind's schema, in structured-merge-diff's words.
import { apiVersionOf, type KubeObject, StatusError } from "@capstan/api/meta";
import type { Schema, StructSchema } from "@capstan/api/schema";
import type { Kind } from "../kind.ts";
import { elementOf } from "./typed.ts";

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Throws Unknown. Metadata is checked with the rest: it has a schema too. */
export function checkTyped(kind: Kind, applied: KubeObject): void {
  const [problem] = problemsOf(applied, kind.schema, "");
  if (problem === undefined) return;
  const { namespace = "", name = "" } = (applied.metadata ?? {}) as Partial<KubeObject["metadata"]>;
  const version = apiVersionOf(kind).includes("/") ? apiVersionOf(kind) : `/${apiVersionOf(kind)}`;
  throw new StatusError(
    "Unknown",
    `failed to create typed patch object (${namespace}/${name}; ${version}, Kind=${kind.kind}): ${problem}`,
  );
}

function* problemsOf(value: unknown, schema: Schema, at: string): Generator<string> {
  if (value === null || value === undefined) return;
  if (schema.kind === "struct") yield* structProblems(value, schema, at);
  else if (schema.kind === "map") {
    if (!isObject(value)) yield `${at}: expected map, got ${show(value)}`;
    else for (const [key, item] of Object.entries(value)) yield* problemsOf(item, schema.values, `${at}.${key}`);
  } else if (schema.kind === "list") yield* listProblems(value, schema, at);
  else if (schema.kind === "scalar") {
    const number = schema.type === "int32" || schema.type === "int64" || schema.type === "double";
    if (schema.type === "string" && typeof value !== "string") yield `${at}: expected string, got ${showScalar(value)}`;
    if (number && typeof value !== "number") yield `${at}: expected numeric (int or float), got ${goType(value)}`;
    if (schema.type === "bool" && typeof value !== "boolean") yield `${at}: expected boolean, got ${show(value)}`;
  }
}

function* structProblems(value: unknown, schema: StructSchema, at: string): Generator<string> {
  if (!isObject(value)) {
    yield `${at}: expected map, got ${show(value)}`;
    return;
  }
  for (const [name, item] of Object.entries(value)) {
    const field = schema.field(name);
    if (field) yield* problemsOf(item, field, `${at}.${name}`);
    else if (!schema.open) yield `${at}.${name}: field not declared in schema`;
  }
}

function* listProblems(value: unknown, schema: Extract<Schema, { kind: "list" }>, at: string): Generator<string> {
  if (!Array.isArray(value)) {
    yield `${at}: expected list, got ${show(value)}`;
    return;
  }
  const seen = new Set<string>();
  for (const [i, item] of value.entries()) {
    if (schema.listType === "atomic") {
      yield* problemsOf(item, schema.items, `${at}[${i}]`);
      continue;
    }
    const element = elementOf(item, schema);
    const path = showElement(element);
    if (seen.has(element)) yield `${at}: duplicate entries for key ${path}`;
    seen.add(element);
    yield* problemsOf(item, schema.items, `${at}${path}`);
  }
}

/** `k:{"name":"c"}` as `[name="c"]`, `v:"x"` as `[="x"]`. */
function showElement(element: string): string {
  if (element.startsWith("v:")) return `[=${element.slice(2)}]`;
  const keys = Object.entries(JSON.parse(element.slice(2)) as Fields);
  return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(",")}]`;
}

const show = (value: unknown) => `&{${goValue(value)}}`;
const showScalar = (value: unknown) =>
  `&value.valueUnstructured{Value:${typeof value === "string" ? JSON.stringify(value) : goValue(value)}}`;

function goType(value: unknown): string {
  if (Array.isArray(value)) return "[]interface {}";
  if (isObject(value)) return "map[string]interface {}";
  if (typeof value === "boolean") return "bool";
  return typeof value === "number" ? (Number.isInteger(value) ? "int64" : "float64") : "string";
}

/** A value as Go's %v prints it. */
export function goValue(value: unknown): string {
  if (value === null || value === undefined) return "<nil>";
  if (Array.isArray(value)) return `[${value.map(goValue).join(" ")}]`;
  if (!isObject(value)) return String(value);
  const keys = Object.keys(value).sort();
  return `map[${keys.map((key) => `${key}:${goValue(value[key])}`).join(" ")}]`;
}
