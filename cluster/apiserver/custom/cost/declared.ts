// What a schema says of values: their types and how large they can be in one request.
// Source: apiserver's pkg/cel/common SchemaDeclType.
import type { JSONSchemaProps } from "@capstan/api/generated/apiextensions-v1";
import { escapeName } from "../escape.ts";
import type { Node } from "../structure.ts";
import { requestSize } from "./limits.ts";

export type TypeKind =
  | "bool"
  | "int"
  | "uint"
  | "double"
  | "string"
  | "bytes"
  | "duration"
  | "timestamp"
  | "null"
  | "type"
  | "list"
  | "map"
  | "object"
  | "optional"
  | "opaque"
  | "dyn";

export interface Declared {
  kind: TypeKind;
  /** Of a string, a list or a map: the most that it can hold. */
  most: number;
  /** Bytes of the shortest value as JSON. */
  least: number;
  /** Of an object, under their escaped names. */
  fields?: ReadonlyMap<string, Declared>;
  /** Of a list, a map, or what is optional. */
  element?: Declared;
}

export const simple = (kind: TypeKind, least = 0, most = 0): Declared => ({ kind, least, most });
export const dynamic = simple("dyn");
export const text = simple("string", 2);
export const whole = simple("int", 1);
export const truth = simple("bool", 4);
export const listOf = (element: Declared, most = 0): Declared => ({ kind: "list", least: 2, most, element });

const textLimit = requestSize - 2;
const positive = (value: number) => Math.max(value, 0);

/** Strings whose length their format bounds: the type, the shortest and the longest. */
const formats: Record<string, [TypeKind, number, number]> = {
  duration: ["duration", 3, 32],
  date: ["timestamp", 12, 12],
  "date-time": ["timestamp", 21, 32],
};

function declareText({ format = "", maxLength, enum: values }: JSONSchemaProps): Declared {
  const known = formats[format];
  if (known) return simple(...known);
  if (format === "byte") return simple("bytes", 2, maxLength === undefined ? textLimit : positive(maxLength));
  // A character takes up to four bytes.
  if (maxLength !== undefined) return simple("string", 2, positive(maxLength) * 4);
  if (!values?.length) return simple("string", 2, textLimit);
  return simple("string", 2, Math.max(...values.map((one) => (typeof one === "string" ? Buffer.byteLength(one) : 0))));
}

/** The type of a schema's values; undefined when expressions do not see them. @param whole it has identity and metadata. */
export function declare(node: Node, whole: boolean): Declared | undefined {
  const known = declarations.get(node)?.[whole ? 1 : 0];
  if (known !== undefined) return known ?? undefined;
  const found = read(node, whole);
  const both = declarations.get(node) ?? [undefined, undefined];
  both[whole ? 1 : 0] = found ?? null;
  declarations.set(node, both);
  return found;
}
const declarations = new WeakMap<Node, (Declared | null | undefined)[]>();

function read(node: Node, whole: boolean): Declared | undefined {
  const { source } = node;
  if (node.intOrString)
    return simple("dyn", 1, source.maxLength === undefined ? textLimit : positive(source.maxLength) * 4);
  switch (node.type) {
    case "array": {
      const element = node.items && declare(node.items, node.items.embedded);
      if (!element) return undefined;
      return listOf(element, positive(source.maxItems ?? Math.floor(textLimit / (element.least + 1))));
    }
    case "object":
      return declareObject(node, whole);
    case "string":
      return declareText(source);
    case "boolean":
      return truth;
    case "number":
      return simple("double", 1);
    case "integer":
      return simple("int", 1);
    default:
      return undefined;
  }
}

const anyText = simple("string", 2, textLimit);
const names = ["name", "generateName"];
const identity: [string, Declared][] = [
  ["kind", anyText],
  ["apiVersion", anyText],
  ["metadata", { kind: "object", most: 0, least: 2, fields: new Map(names.map((name) => [name, anyText])) }],
];

/** Whether a schema says itself what the names of an object are. */
const hasNames = (fields: ReadonlyMap<string, Declared>) =>
  names.every((name) => fields.get("metadata")?.fields?.get(name)?.kind === "string");

function declareObject(node: Node, whole: boolean): Declared | undefined {
  const { source } = node;
  if (typeof node.additional === "object") {
    const element = declare(node.additional, node.additional.embedded);
    if (!element) return undefined;
    const most = source.maxProperties ?? Math.floor(textLimit / (element.least + 6));
    return { kind: "map", least: 2, most: positive(most), element };
  }
  const fields = new Map<string, Declared>();
  let least = 2;
  for (const [name, child] of node.properties) {
    const field = declare(child, child.embedded);
    if (!field) continue;
    const escaped = escapeName(name);
    if (escaped !== undefined) fields.set(escaped, field);
    if (node.required.includes(name) && child.default === undefined) least += name.length + field.least + 4;
  }
  if (whole) {
    const own = ["kind", "apiVersion"].every((name) => fields.get(name)?.kind === "string") && hasNames(fields);
    if (!own) for (const [name, field] of identity) fields.set(name, field);
  }
  return { kind: "object", most: 0, least, fields };
}
