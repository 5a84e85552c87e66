// A custom kind's OpenAPI schema, read once into a tree. Source: apiextensions' structural schemas.
import type { JSONSchemaProps } from "@capstan/api/generated/apiextensions-v1";

export interface Node {
  type: string;
  nullable: boolean;
  intOrString: boolean;
  /** Fields that the schema does not name are kept. */
  open: boolean;
  /** An object of its own, with apiVersion, kind and metadata. */
  embedded: boolean;
  properties: ReadonlyMap<string, Node>;
  required: readonly string[];
  /** Of the values of a map; `true` allows anything. */
  additional: Node | true | undefined;
  items: Node | undefined;
  default: unknown;
  /** Whether a default stands anywhere in this tree. */
  defaults: boolean;
  listType: "atomic" | "set" | "map";
  listMapKeys: readonly string[];
  mapType: "granular" | "atomic";
  /** The schema's own value rules: enum, pattern, limits, allOf … */
  source: JSONSchemaProps;
}

/** Schemas nest no deeper than this. */
const depthLimit = 100;

export class SchemaError extends Error {
  readonly field: string;
  constructor(field: string, message: string) {
    super(message);
    this.name = "SchemaError";
    this.field = field;
  }
}

/** @param field path of the schema, for errors. Throws SchemaError for what is not structural. */
export function readStructure(source: JSONSchemaProps, field: string, depth = 0): Node {
  if (depth > depthLimit) throw new SchemaError(field, `must not nest deeper than ${depthLimit} levels`);
  const properties = new Map<string, Node>();
  for (const [name, child] of Object.entries(source.properties ?? {})) {
    properties.set(name, readStructure(child, `${field}.properties[${name}]`, depth + 1));
  }
  const items = source.items as JSONSchemaProps | undefined;
  if (Array.isArray(items)) throw new SchemaError(`${field}.items`, "must be a schema object and not an array");
  const more = source.additionalProperties as JSONSchemaProps | boolean | undefined;
  const additional =
    typeof more === "object"
      ? readStructure(more, `${field}.additionalProperties`, depth + 1)
      : more === true
        ? true
        : undefined;
  const itemNode = items ? readStructure(items, `${field}.items`, depth + 1) : undefined;
  const intOrString = source["x-kubernetes-int-or-string"] ?? false;
  const open = source["x-kubernetes-preserve-unknown-fields"] ?? false;
  if (!source.type && !intOrString && !open && depth > 0)
    throw new SchemaError(`${field}.type`, "must not be empty for specified object fields");
  const children = [
    ...properties.values(),
    ...(itemNode ? [itemNode] : []),
    ...(typeof additional === "object" ? [additional] : []),
  ];
  return {
    type: source.type ?? "",
    nullable: source.nullable ?? false,
    intOrString,
    open,
    embedded: source["x-kubernetes-embedded-resource"] ?? false,
    properties,
    required: source.required ?? [],
    additional,
    items: itemNode,
    default: source.default,
    defaults: source.default !== undefined || children.some((child) => child.defaults),
    listType: listTypeOf(source),
    listMapKeys: source["x-kubernetes-list-map-keys"] ?? [],
    mapType: source["x-kubernetes-map-type"] === "atomic" ? "atomic" : "granular",
    source,
  };
}

function listTypeOf(source: JSONSchemaProps): Node["listType"] {
  const type = source["x-kubernetes-list-type"];
  return type === "set" || type === "map" ? type : "atomic";
}
