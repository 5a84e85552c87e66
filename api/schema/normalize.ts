// Makes a decoded object of a built-in kind what Go's decoder would have made of it: types checked, unknown fields dropped.
import { canonicalQuantity, isQuantity } from "../meta/quantity.ts";
import type { ListSchema, MapSchema, ScalarSchema, Schema, StructSchema } from "./schema.ts";

/** Go's decoder does not say which item it was. */
const withoutIndexes = (field: string) => field.replace(/\[\d+\]/g, "");

/** A value of the wrong type: `field` is its path, `struct` the Go type that holds it. */
export class TypeMismatch extends Error {
  readonly field: string;
  constructor(value: unknown, struct: string, field: string, wanted: string) {
    super(
      `json: cannot unmarshal ${jsonType(value)} into Go struct field ${struct}.${withoutIndexes(field)} of type ${wanted}`,
    );
    this.name = "TypeMismatch";
    this.field = field;
  }
}

export class WrongQuantity extends TypeMismatch {
  constructor(value: unknown, field: string) {
    super(value, "", field, "resource.Quantity");
    this.message = quantityNeed;
  }
}

export class IllegalBase64 extends TypeMismatch {
  constructor(value: string, field: string) {
    super(value, "", field, "[]uint8");
    const bad = value.replace(/[\r\n]/g, "").search(/[^A-Za-z0-9+/]/);
    this.message = `illegal base64 data at input byte ${bad < 0 ? value.length - (value.length % 4 || 1) : bad}`;
  }
}

interface Walk {
  struct: string;
  unknown: string[];
  /** Whether the object is whole: empty omitted fields go, structs that Go always writes come. */
  fill: boolean;
}
type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Go's empty value of a struct, as JSON. */
export function emptyOf(schema: StructSchema): Record<string, unknown> {
  const empty: Fields = {};
  fillHeld(empty, schema);
  return empty;
}

/**
 * Changes `object` in place: nulls, empty omitted fields and fields that the schema does not name are removed,
 * quantities and times take their canonical form. Returns the paths of the removed unknown fields.
 * @param partial whether the object is a part of one, which stays without what it does not say; else structs that Go holds
 * by value are there, if only as {}.
 * Throws TypeMismatch.
 */
export function normalize(object: unknown, schema: StructSchema, partial = false): string[] {
  const walk: Walk = { struct: "", unknown: [], fill: !partial };
  visitStruct(object, schema, "", walk);
  return walk.unknown;
}

function visit(value: unknown, schema: Schema, path: string, walk: Walk): unknown {
  switch (schema.kind) {
    case "struct":
      return visitStruct(value, schema, path, walk);
    case "list":
      return visitList(value, schema, path, walk);
    case "map":
      return visitMap(value, schema, path, walk);
    case "scalar":
      return visitScalar(value, schema, path, walk);
    default:
      if (schema.object && !isObject(value)) throw new TypeMismatch(value, walk.struct, path, "object");
      return value;
  }
}

function visitStruct(value: unknown, schema: StructSchema, path: string, walk: Walk): unknown {
  if (!isObject(value)) throw new TypeMismatch(value, walk.struct || nameOf(schema), path, nameOf(schema));
  const outer = walk.struct;
  walk.struct = nameOf(schema) || outer;
  for (const name of Object.keys(value)) {
    const field = schema.field(name);
    const at = path === "" ? name : `${path}.${name}`;
    if (!field) {
      if (schema.open) continue;
      walk.unknown.push(at);
      delete value[name];
      continue;
    }
    const item = value[name];
    if (item === null) {
      delete value[name];
      continue;
    }
    const next = visit(item, field, at, walk);
    if (walk.fill && isOmitted(next, field) && schema.omitsEmpty(name)) delete value[name];
    else if (next !== item) value[name] = next;
  }
  if (walk.fill) fillHeld(value, schema);
  walk.struct = outer;
  return value;
}

function fillHeld(value: Fields, schema: StructSchema): void {
  for (const [name, zero] of schema.numbers) value[name] ??= zero;
  for (const name of schema.held) {
    if (value[name] !== undefined) continue;
    const empty: Fields = {};
    fillHeld(empty, schema.field(name) as StructSchema);
    value[name] = empty;
  }
}

function isEmpty(value: unknown): boolean {
  return value === "" || value === 0 || value === false || (Array.isArray(value) && value.length === 0);
}

const isOmitted = (value: unknown, schema: Schema) => isEmpty(value) || (schema.kind === "map" && isEmptyObject(value));

function isEmptyObject(value: unknown): boolean {
  for (const _key in value as object) return false;
  return true;
}

function visitList(value: unknown, schema: ListSchema, path: string, walk: Walk): unknown {
  if (!Array.isArray(value)) throw new TypeMismatch(value, walk.struct, path, `[]${typeName(schema.items)}`);
  for (let i = 0; i < value.length; i++) {
    const item = value[i];
    if (item !== null) {
      const next = visit(item, schema.items, `${path}[${i}]`, walk);
      if (next !== item) value[i] = next;
    } else if (schema.items.kind === "struct") value[i] = {};
    else if (schema.items.kind === "scalar") value[i] = zeroOf(schema.items);
  }
  return value;
}

function visitMap(value: unknown, schema: MapSchema, path: string, walk: Walk): unknown {
  if (!isObject(value)) throw new TypeMismatch(value, walk.struct, path, `map[string]${typeName(schema.values)}`);
  for (const key of Object.keys(value)) {
    const item = value[key];
    if (item === null) {
      if (schema.values.kind === "scalar") value[key] = zeroOf(schema.values);
      else delete value[key];
      continue;
    }
    const next = visit(item, schema.values, schema.values.kind === "scalar" ? path : `${path}.${key}`, walk);
    if (next !== item) value[key] = next;
  }
  return value;
}

function zeroOf(schema: ScalarSchema): unknown {
  if (schema.type === "bool") return false;
  return /^(int|double)/.test(schema.type) ? 0 : schema.type === "quantity" ? "0" : "";
}

function visitScalar(value: unknown, schema: ScalarSchema, path: string, walk: Walk): unknown {
  switch (schema.type) {
    case "string":
      if (typeof value !== "string") throw mismatch(value, schema, path, walk);
      return value;
    case "bool":
      if (typeof value !== "boolean") throw mismatch(value, schema, path, walk);
      return value;
    case "int32":
    case "int64": {
      const limit = schema.type === "int32" ? 2 ** 31 : 2 ** 63;
      if (typeof value !== "number" || !Number.isInteger(value) || value < -limit || value >= limit)
        throw mismatch(value, schema, path, walk);
      return value;
    }
    case "double":
      if (typeof value !== "number") throw mismatch(value, schema, path, walk);
      return value;
    case "intOrString":
      if (typeof value === "string" || (typeof value === "number" && Number.isInteger(value))) return value;
      throw mismatch(value, schema, path, walk);
    case "bytes":
      if (typeof value !== "string") throw mismatch(value, schema, path, walk);
      if (!isBase64(value)) throw new IllegalBase64(value, path);
      return value;
    case "quantity":
      if (typeof value !== "string" && typeof value !== "number") throw new WrongQuantity(value, path);
      if (!isQuantity(String(value))) throw new WrongQuantity(value, path);
      return canonicalQuantity(String(value));
    default:
      return visitTime(value, schema, path, walk);
  }
}

const mismatch = (value: unknown, { type }: ScalarSchema, path: string, { struct }: Walk) =>
  new TypeMismatch(value, struct, path, goNames[type]);

const quantityNeed = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";

function visitTime(value: unknown, schema: ScalarSchema, path: string, walk: Walk): string {
  const micro = schema.type === "microTime";
  const zoned = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
  if (typeof value !== "string" || !zoned.test(value)) throw mismatch(value, schema, path, walk);
  const plain = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z$/.exec(value);
  if (plain && (plain[1] !== undefined) === micro) return value;
  const at = new Date(value);
  if (Number.isNaN(at.getTime())) throw mismatch(value, schema, path, walk);
  const seconds = at.toISOString().slice(0, 19);
  if (!micro) return `${seconds}Z`;
  const fraction = /\.(\d+)/.exec(value)?.[1] ?? "";
  return `${seconds}.${fraction.padEnd(6, "0").slice(0, 6)}Z`;
}

const isBase64 = (text: string) => text.length % 4 === 0 && /^[A-Za-z0-9+/\r\n]*={0,2}$/.test(text);

const goNames: Record<ScalarSchema["type"], string> = {
  string: "string",
  bool: "bool",
  int32: "int32",
  int64: "int64",
  double: "float64",
  intOrString: "intstr.IntOrString",
  bytes: "[]uint8",
  quantity: "resource.Quantity",
  time: "v1.Time",
  microTime: "v1.MicroTime",
};

const nameOf = (schema: StructSchema) => schema.type?.slice(schema.type.lastIndexOf(".") + 1) ?? "";

function typeName(schema: Schema): string {
  if (schema.kind === "scalar") return goNames[schema.type];
  if (schema.kind === "struct") return schema.type?.replace(/^.*\/(v\w+\.)/, "$1") ?? "object";
  return schema.kind === "list" ? `[]${typeName(schema.items)}` : "object";
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (value === null) return "null";
  if (typeof value === "number") return Number.isInteger(value) ? "number" : `number ${value}`;
  return typeof value === "boolean" ? "bool" : typeof value;
}
