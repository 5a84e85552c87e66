// One description of a kind's fields for patches, server-side apply, type checks and OpenAPI, whether built in or custom.
import facts from "../generated/types.json" with { type: "json" };

/** Scalar types as api/generated/types.json names them. */
export type ScalarType =
  | "string"
  | "int32"
  | "int64"
  | "double"
  | "bool"
  | "bytes"
  | "quantity"
  | "intOrString"
  | "time"
  | "microTime";

export interface StructSchema {
  kind: "struct";
  /** Key in the table of facts; absent for custom kinds. */
  type?: string;
  field(name: string): Schema | undefined;
  names(): string[];
  required: readonly string[];
  /** Whether an empty value of the field is the same as none, as for Go's omitempty without a pointer. */
  omitsEmpty(name: string): boolean;
  /** What Go's empty value of the struct holds: a struct (which is always written), an empty list or map, or a scalar. */
  zeroOf(name: string): "struct" | "container" | "scalar" | undefined;
  /** The fields of zeroOf "struct". */
  held: readonly string[];
  /** Required numbers and booleans with their zeroes, which Go always writes. */
  numbers: readonly (readonly [name: string, zero: 0 | false])[];
  /** Times that Go holds by value and required lists: it writes them as null where there is none. */
  nulls: readonly string[];
  /** Replaced whole by server-side apply. */
  atomic: boolean;
  /** Fields that the schema does not name are kept. */
  open: boolean;
}
export interface MapSchema {
  kind: "map";
  values: Schema;
  atomic: boolean;
}
export interface ListSchema {
  kind: "list";
  items: Schema;
  listType: "atomic" | "set" | "map";
  /** Of a list that is a map. */
  keys: readonly string[];
  /** What an absent key counts as, by key. */
  keyDefaults: Readonly<Record<string, unknown>>;
  patchStrategy?: "merge" | "replace";
  patchMergeKey?: string;
  /** Strategic merge clears the fields that a patch's `$retainKeys` does not name. */
  retainKeys?: boolean;
}
export interface ScalarSchema {
  kind: "scalar";
  type: ScalarType;
}
/** Any JSON. `object` when it must at least be an object. */
export interface AnySchema {
  kind: "any";
  object?: boolean;
  /** One value to server-side apply, whatever is in it. */
  atomic?: boolean;
  /** An object of its own with apiVersion, kind and metadata. */
  embedded?: boolean;
}
export type Schema = StructSchema | MapSchema | ListSchema | ScalarSchema | AnySchema;

interface FieldFact {
  type: string;
  many?: "list" | "map";
  required?: boolean;
  default?: unknown;
  patchMergeKey?: string;
  patchStrategy?: string;
  listType?: string;
  listMapKeys?: string[];
  mapType?: string;
  pointer?: boolean;
  number?: number;
}
interface TypeFact {
  fields: Record<string, FieldFact>;
  mapType?: string;
  kinds?: { group: string; version: string; kind: string }[];
}
const types = facts as unknown as Record<string, TypeFact>;
const known = new Map<string, StructSchema>();

/** The schema of a built-in type such as `core/v1.Pod`. Throws when upstream has no such type. */
export function builtinSchema(type: string): StructSchema {
  const cached = known.get(type);
  if (cached) return cached;
  const fact = Object.hasOwn(types, type) ? types[type] : undefined;
  if (!fact) throw new Error(`api/generated/types.json has no type ${type}`);
  const resolved = new Map<string, Schema>();
  const schema: StructSchema = {
    kind: "struct",
    type,
    names: () => Object.keys(fact.fields),
    required: Object.entries(fact.fields).flatMap(([name, field]) => (field.required ? [name] : [])),
    atomic: fact.mapType === "atomic",
    open: false,
    held: Object.keys(fact.fields).filter((name) => zeroOf(fact.fields[name]) === "struct"),
    nulls: Object.entries(fact.fields).flatMap(([name, field]) =>
      (isHeldTime(field) || zeroOf(field) === "container") && name !== "creationTimestamp" ? [name] : [],
    ),
    numbers: Object.entries(fact.fields).flatMap(([name, field]) => {
      if (zeroOf(field) !== "scalar" || field.type === "string") return [];
      return [[name, field.type === "bool" ? false : 0] as const];
    }),
    zeroOf: (name) => zeroOf(Object.hasOwn(fact.fields, name) ? fact.fields[name] : undefined),
    omitsEmpty(name) {
      const field = Object.hasOwn(fact.fields, name) ? fact.fields[name] : undefined;
      return field !== undefined && !field.required && !field.pointer;
    },
    field(name) {
      if (!Object.hasOwn(fact.fields, name)) return undefined;
      let field = resolved.get(name);
      if (!field) {
        field = fieldSchema(fact.fields[name] as FieldFact);
        resolved.set(name, field);
      }
      return field;
    },
  };
  known.set(type, schema);
  return schema;
}

const isHeldTime = ({ type, many, pointer, number }: FieldFact) =>
  (type === "time" || type === "microTime") && !many && !pointer && number !== undefined;

function zeroOf(field: FieldFact | undefined): ReturnType<StructSchema["zeroOf"]> {
  // Without a number nothing is known of the Go field.
  if (!field || field.pointer || field.number === undefined) return undefined;
  if (field.many) return field.required ? "container" : undefined;
  if (Object.hasOwn(types, field.type)) return "struct";
  return field.required && ["string", "int32", "int64", "bool"].includes(field.type) ? "scalar" : undefined;
}

/** Every built-in type's key. */
export const builtinTypes = (): string[] => Object.keys(types);

/** The type key of a built-in kind. */
export function typeOfKind(group: string, version: string, kind: string): string | undefined {
  byKind ??= new Map(
    Object.entries(types).flatMap(([key, { kinds = [] }]) =>
      kinds.map((k): [string, string] => [`${k.group}/${k.version}/${k.kind}`, key]),
    ),
  );
  return byKind.get(`${group}/${version}/${kind}`);
}
let byKind: Map<string, string> | undefined;

const anything: AnySchema = { kind: "any" };

function fieldSchema(fact: FieldFact): Schema {
  const one = elementSchema(fact.type);
  if (fact.many === "map") return { kind: "map", values: one, atomic: fact.mapType === "atomic" };
  if (fact.many !== "list") {
    return fact.mapType === "atomic" && one.kind === "struct" ? { ...one, atomic: true } : one;
  }
  const strategies = fact.patchStrategy?.split(",") ?? [];
  return {
    kind: "list",
    items: one,
    listType: fact.listType === "map" || fact.listType === "set" ? fact.listType : "atomic",
    keys: fact.listMapKeys ?? [],
    keyDefaults: keyDefaults(fact),
    ...(strategies.includes("merge") ? { patchStrategy: "merge" as const } : {}),
    ...(strategies.includes("retainKeys") ? { retainKeys: true } : {}),
    ...(fact.patchMergeKey ? { patchMergeKey: fact.patchMergeKey } : {}),
  };
}

/** Ports are keyed by number and protocol, and a protocol left out is TCP. Source: upstream's OpenAPI default for `protocol`. */
function keyDefaults(fact: FieldFact): Record<string, unknown> {
  return fact.listMapKeys?.includes("protocol") ? { protocol: "TCP" } : {};
}

function elementSchema(type: string): Schema {
  if (Object.hasOwn(types, type)) return builtinSchema(type);
  if (type === "any") return anything;
  if (type === "raw") return { kind: "any", object: true, embedded: true, atomic: true };
  if (type === "fieldsV1") return { kind: "any", object: true };
  if (type === "list:string") {
    const items: Schema = { kind: "scalar", type: "string" };
    return { kind: "list", items, listType: "atomic", keys: [], keyDefaults: {} };
  }
  return { kind: "scalar", type: type as ScalarType };
}
