import facts from "../generated/types.json" with { type: "json" };

/** One field of a message. `message` is the type key of nested messages. */
export interface FieldEntry {
  kind: "field";
  name: string;
  scalar?: string;
  message?: string;
  many?: "list" | "map";
  /** A zero on the wire is a set zero. */
  pointer: boolean;
}
/** A Go-embedded struct: a message whose fields belong to the object around it. */
export interface EmbedEntry {
  kind: "embed";
  table: Table;
}
/** What each field number of a message means. */
export type Table = Map<number, FieldEntry | EmbedEntry>;

interface FieldFact {
  type: string;
  many?: "list" | "map";
  number?: number;
  pointer?: boolean;
  via?: number[];
}
interface TypeFact {
  fields: Record<string, FieldFact>;
  kinds?: { group: string; version: string; kind: string }[];
}
const types = facts as unknown as Record<string, TypeFact>;
const scalars = new Set(
  "string int32 int64 double bool bytes quantity intOrString time microTime raw fieldsV1 list:string".split(" "),
);

/** Fields whose JSON is free, and the message that carries each. Source: apiextensions/v1 generated.proto. */
const freeFields: Record<string, string> = {
  additionalItems: "schemaOrBool",
  additionalProperties: "schemaOrBool",
  items: "schemaOrArray",
  dependencies: "schemaOrStrings",
  default: "json",
  enum: "json",
  example: "json",
};

const tables = new Map<string, Table>();

/** The table of a message type. Throws when the facts do not describe it whole: guessing would lose data. */
export function tableOf(type: string): Table {
  let table = tables.get(type);
  if (!table) {
    table = buildTable(type);
    tables.set(type, table);
  }
  return table;
}

function buildTable(type: string): Table {
  const fact = Object.hasOwn(types, type) ? types[type] : undefined;
  if (!fact) throw new Error(`no protobuf schema for ${type}`);
  const table: Table = new Map();
  for (const [name, field] of Object.entries(fact.fields)) {
    if (field.number === undefined) continue;
    let within = table;
    for (const number of field.via ?? []) {
      const embed = within.get(number) ?? { kind: "embed", table: new Map() };
      if (embed.kind !== "embed") throw new Error(`${type}: number ${number} is both a field and an embedded message`);
      within.set(number, embed);
      within = embed.table;
    }
    within.set(field.number, buildField(type, name, field));
  }
  return table;
}

function buildField(type: string, name: string, { type: of, many, pointer = false }: FieldFact): FieldEntry {
  const entry = { kind: "field" as const, name, many, pointer };
  if (scalars.has(of)) return { ...entry, scalar: of };
  if (of === "any") {
    const scalar = type === "apiextensions/v1.JSONSchemaProps" ? freeFields[name] : undefined;
    if (!scalar) throw new Error(`no protobuf schema for the free field ${type}.${name}`);
    return { ...entry, scalar };
  }
  if (!Object.hasOwn(types, of)) throw new Error(`no protobuf schema for ${of}, the type of ${type}.${name}`);
  return { ...entry, message: of };
}

/** Kinds that every group has. Source: metav1.AddToGroupVersion. */
const everywhere: Record<string, string> = {
  DeleteOptions: "meta/v1.DeleteOptions",
};

let byKind: Map<string, string> | undefined;

/** The message type of a kind, such as `apps/v1` `Deployment`. */
export function messageOf(apiVersion: string, kind: string): string | undefined {
  byKind ??= new Map(
    Object.entries(types).flatMap(([key, { kinds = [] }]) =>
      kinds.map((k): [string, string] => [`${k.group ? `${k.group}/` : ""}${k.version} ${k.kind}`, key]),
    ),
  );
  return byKind.get(`${apiVersion} ${kind}`) ?? (Object.hasOwn(everywhere, kind) ? everywhere[kind] : undefined);
}
