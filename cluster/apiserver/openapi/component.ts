import { builtinSchema, type ScalarType, type Schema, type StructSchema } from "@capstan/api/schema";

export type Document = Record<string, unknown>;

/** Upstream's name of a built-in type, such as io.k8s.api.core.v1.Pod. */
export function componentName(type: string): string {
  const [group = "", rest = ""] = type.split("/");
  if (group === "meta") return `io.k8s.apimachinery.pkg.apis.meta.${rest}`;
  if (group === "apiextensions") return `io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.${rest}`;
  if (group === "apiregistration") return `io.k8s.kube-aggregator.pkg.apis.apiregistration.${rest}`;
  return `io.k8s.api.${group}.${rest}`;
}

/** `example.com` and kind → com.example.v1.Widget, as upstream names custom kinds. */
export function customComponentName(group: string, version: string, kind: string): string {
  return [...group.split(".").reverse(), version, kind].join(".");
}

const scalars: Record<ScalarType, Document> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  double: { type: "number", format: "double" },
  bytes: { type: "string", format: "byte" },
  quantity: { type: "string" },
  intOrString: { type: "string", format: "int-or-string" },
  time: { type: "string", format: "date-time" },
  microTime: { type: "string", format: "date-time" },
};

/** Writes schemas; `need` hears of every built-in type that is referred to. */
export interface Writer {
  /** `#/components/schemas/` or `#/definitions/`. */
  refs: string;
  need(type: string): void;
}

export function writeSchema(schema: Schema, writer: Writer): Document {
  switch (schema.kind) {
    case "struct":
      if (!schema.type) return { type: "object" };
      writer.need(schema.type);
      return { $ref: writer.refs + componentName(schema.type) };
    case "map":
      return {
        type: "object",
        additionalProperties: writeSchema(schema.values, writer),
        ...(schema.atomic ? { "x-kubernetes-map-type": "atomic" } : {}),
      };
    case "list":
      return {
        type: "array",
        items: writeSchema(schema.items, writer),
        "x-kubernetes-list-type": schema.listType,
        ...(schema.listType === "map" ? { "x-kubernetes-list-map-keys": schema.keys } : {}),
        ...(schema.patchMergeKey ? { "x-kubernetes-patch-merge-key": schema.patchMergeKey } : {}),
        ...(schema.patchStrategy
          ? {
              "x-kubernetes-patch-strategy": schema.retainKeys
                ? `${schema.patchStrategy},retainKeys`
                : schema.patchStrategy,
            }
          : {}),
      };
    case "scalar":
      return scalars[schema.type];
    default:
      return schema.object ? { type: "object" } : {};
  }
}

/** The definition of a built-in type. */
export function writeType(type: string, writer: Writer): Document {
  const schema: StructSchema = builtinSchema(type);
  const properties: Document = {};
  for (const name of schema.names()) properties[name] = writeSchema(schema.field(name) as Schema, writer);
  return {
    type: "object",
    properties,
    ...(schema.required.length > 0 ? { required: schema.required } : {}),
    ...(schema.atomic ? { "x-kubernetes-map-type": "atomic" } : {}),
  };
}
