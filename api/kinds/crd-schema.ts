// Small words for writing the structural schemas of custom resources.
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  JSONSchemaProps,
} from "../generated/apiextensions-v1.ts";
import type { Resource } from "../meta/index.ts";

export const text: JSONSchemaProps = { type: "string" };
export const integer: JSONSchemaProps = { type: "integer", format: "int32" };
export const int64: JSONSchemaProps = { type: "integer", format: "int64" };
export const flag: JSONSchemaProps = { type: "boolean" };
export const time: JSONSchemaProps = { type: "string", format: "date-time" };
export const texts: JSONSchemaProps = { type: "array", items: { type: "string" } };
export const textMap: JSONSchemaProps = { type: "object", additionalProperties: { type: "string" } };
export const quantity: JSONSchemaProps = {
  "x-kubernetes-int-or-string": true,
  anyOf: [{ type: "integer" }, { type: "string" }],
};
/** Any object: its inside is checked by whoever reads it. */
export const open: JSONSchemaProps = { type: "object", "x-kubernetes-preserve-unknown-fields": true };
export const openList: JSONSchemaProps = { type: "array", items: open };

export function object(
  properties: Record<string, JSONSchemaProps>,
  required?: string[],
  description?: string,
): JSONSchemaProps {
  return {
    type: "object",
    properties,
    ...(required && required.length > 0 ? { required } : {}),
    ...(description ? { description } : {}),
  };
}

/** The same with words for `kubectl explain`. */
export function about(description: string, schema: JSONSchemaProps): JSONSchemaProps {
  return { ...schema, description };
}

export function list(items: JSONSchemaProps, more: JSONSchemaProps = {}): JSONSchemaProps {
  return { type: "array", items, ...more };
}

/** A list whose items are told apart by these fields, so that two appliers can own different items. */
export function keyed(items: JSONSchemaProps, ...keys: string[]): JSONSchemaProps {
  return { type: "array", items, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys };
}

export function oneOf(...values: string[]): JSONSchemaProps {
  return { type: "string", enum: values };
}

export const conditions: JSONSchemaProps = keyed(
  object(
    {
      type: text,
      status: oneOf("True", "False", "Unknown"),
      reason: text,
      message: text,
      severity: text,
      observedGeneration: int64,
      lastTransitionTime: time,
    },
    ["type", "status"],
  ),
  "type",
);

export const ageColumn: CustomResourceColumnDefinition = {
  name: "Age",
  type: "date",
  jsonPath: ".metadata.creationTimestamp",
};

export function column(name: string, jsonPath: string, more: { type?: string; priority?: number } = {}) {
  return { name, type: "string", jsonPath, ...more };
}

export interface DefinitionOptions {
  /** CEL rules of the whole object, which see `self.metadata.name`. */
  rules?: { rule: string; message: string }[];
  resource: Resource;
  spec: JSONSchemaProps;
  status?: JSONSchemaProps;
  columns: CustomResourceColumnDefinition[];
  description: string;
  shortNames?: string[];
  categories?: string[];
  annotations?: Record<string, string>;
}

/** The definition of a kind with one served and stored version. */
export function definitionOf(options: DefinitionOptions): CustomResourceDefinition {
  const { resource, status } = options;
  const properties = { apiVersion: text, kind: text, metadata: { type: "object" }, spec: options.spec };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: {
      name: `${resource.resource}.${resource.group}`,
      ...(options.annotations ? { annotations: options.annotations } : {}),
    },
    spec: {
      group: resource.group,
      scope: resource.namespaced ? "Namespaced" : "Cluster",
      names: {
        plural: resource.resource,
        singular: resource.kind.toLowerCase(),
        kind: resource.kind,
        listKind: `${resource.kind}List`,
        ...(options.shortNames ? { shortNames: options.shortNames } : {}),
        ...(options.categories ? { categories: options.categories } : {}),
      },
      versions: [
        {
          name: resource.version,
          served: true,
          storage: true,
          additionalPrinterColumns: options.columns,
          ...(status ? { subresources: { status: {} } } : {}),
          schema: {
            openAPIV3Schema: {
              type: "object",
              description: options.description,
              required: ["spec"],
              ...(options.rules ? { "x-kubernetes-validations": options.rules } : {}),
              properties: status ? { ...properties, status } : properties,
            },
          },
        },
      ],
    },
  };
}
