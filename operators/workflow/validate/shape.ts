// Checks a value against a shape: unknown fields by path with the nearest known name, and wrong types.
import type { Shape } from "@capstan/api/kinds/workflow";
import { builtinSchema, type Schema } from "@capstan/api/schema";
import { nearest } from "@capstan/base/errors";

/** Something wrong in a workflow: where, as a path such as `spec.templates[1].container.foo`, and what. */
export interface Problem {
  path: string;
  message: string;
  /** A field that is not known. */
  unknown?: true;
}

/** Longest path that is followed: what contains itself has no end. */
const pathLimit = 2000;

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const describe = (value: unknown) =>
  value === null ? "null" : Array.isArray(value) ? "a list" : isObject(value) ? "a map" : typeof value;
/** A tag may become a value of any type. */
const isTagged = (value: unknown) => typeof value === "string" && value.includes("{{");

export function checkShape(value: unknown, shape: Shape, path: string, problems: Problem[]): void {
  if (value === undefined || value === null) return;
  if (path.length > pathLimit) {
    problems.push({ path: `${path.slice(0, 100)}…`, message: "is nested too deep, or contains itself" });
    return;
  }
  const wrong = (wanted: string) => problems.push({ path, message: `must be ${wanted}, not ${describe(value)}` });
  switch (shape.is) {
    case "any":
      return;
    case "lazy":
      checkShape(value, shape.of(), path, problems);
      return;
    case "string":
      if (typeof value !== "string") wrong("text");
      else if (shape.enum && !shape.enum.includes(value) && !isTagged(value)) {
        problems.push({
          path,
          message: `${JSON.stringify(value)} is none of ${shape.enum.filter(Boolean).join(", ")}`,
        });
      }
      return;
    case "anyString":
      if (isObject(value) || Array.isArray(value)) wrong("text, a number or a boolean");
      return;
    case "integer":
      if (!Number.isInteger(value) && !isTagged(value)) wrong("a whole number");
      return;
    case "boolean":
      if (typeof value !== "boolean") wrong("true or false");
      return;
    case "intOrString":
      if (!Number.isInteger(value) && typeof value !== "string") wrong("a whole number or text");
      return;
    case "list":
      if (!Array.isArray(value)) wrong("a list");
      else for (const [i, item] of value.entries()) checkShape(item, shape.of, `${path}[${i}]`, problems);
      return;
    case "map":
      if (!isObject(value)) wrong("a map");
      else for (const [key, item] of Object.entries(value)) checkShape(item, shape.of, `${path}.${key}`, problems);
      return;
    case "builtin":
      checkBuiltin(value, builtinSchema(shape.type), path, problems, shape.more);
      return;
    case "object":
      checkObject(value, shape, path, problems);
      return;
  }
}

function checkObject(value: unknown, shape: Extract<Shape, { is: "object" }>, path: string, problems: Problem[]): void {
  if (!isObject(value)) {
    problems.push({ path, message: `must be a map, not ${describe(value)}` });
    return;
  }
  for (const name of shape.required ?? []) {
    if (value[name] === undefined) problems.push({ path: join(path, name), message: "is required" });
  }
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (field) checkShape(item, field, join(path, name), problems);
    else if (!shape.open) problems.push(unknown(join(path, name), name, Object.keys(shape.fields)));
  }
}

const join = (path: string, name: string) => (path ? `${path}.${name}` : name);

function unknown(path: string, name: string, known: string[]): Problem {
  const near = nearest(name, known);
  return { path, message: `unknown field${near ? `; did you mean ${near}?` : ""}`, unknown: true };
}

function checkBuiltin(
  value: unknown,
  schema: Schema | undefined,
  path: string,
  problems: Problem[],
  more: Record<string, Shape> = {},
): void {
  if (value === undefined || value === null || !schema) return;
  if (schema.kind === "list") {
    if (!Array.isArray(value)) problems.push({ path, message: `must be a list, not ${describe(value)}` });
    else for (const [i, item] of value.entries()) checkBuiltin(item, schema.items, `${path}[${i}]`, problems);
  } else if (schema.kind === "map") {
    if (!isObject(value)) problems.push({ path, message: `must be a map, not ${describe(value)}` });
    else for (const [key, item] of Object.entries(value)) checkBuiltin(item, schema.values, `${path}.${key}`, problems);
  } else if (schema.kind === "struct") {
    if (!isObject(value)) {
      problems.push({ path, message: `must be a map, not ${describe(value)}` });
      return;
    }
    for (const [name, item] of Object.entries(value)) {
      const extra = Object.hasOwn(more, name) ? more[name] : undefined;
      const field = schema.field(name);
      if (extra) checkShape(item, extra, join(path, name), problems);
      else if (field) checkBuiltin(item, field, join(path, name), problems);
      else if (!schema.open) problems.push(unknown(join(path, name), name, [...schema.names(), ...Object.keys(more)]));
    }
  } else if (schema.kind === "scalar") checkScalar(value, schema.type, path, problems);
}

function checkScalar(value: unknown, type: string, path: string, problems: Problem[]): void {
  if (isTagged(value)) return;
  const wanted = type === "string" || type === "bytes" || type === "time" || type === "microTime" ? "string" : type;
  if (wanted === "string" && typeof value !== "string")
    problems.push({ path, message: `must be text, not ${describe(value)}` });
  if (wanted === "bool" && typeof value !== "boolean")
    problems.push({ path, message: `must be true or false, not ${describe(value)}` });
  if ((wanted === "int32" || wanted === "int64") && !Number.isInteger(value)) {
    problems.push({ path, message: `must be a whole number, not ${describe(value)}` });
  }
}
