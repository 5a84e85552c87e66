// The served kinds of a CustomResourceDefinition.
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
} from "@capstan/api/generated/apiextensions-v1";
import { apiVersionOf, type KubeObject } from "@capstan/api/meta";
import { builtinSchema, type Schema, type StructSchema } from "@capstan/api/schema";
import { compareVersions } from "../discovery/index.ts";
import type { Kind, Rules } from "../kind.ts";
import { columnsOf } from "./columns.ts";
import { validateEmbedded } from "./embedded.ts";
import { findAll, parsePath } from "./json-path.ts";
import { fillDefaults, prune } from "./prune.ts";
import { checkRules, hasRules } from "./rules.ts";
import { type Node, readStructure } from "./structure.ts";
import { validateValue } from "./validate.ts";

const verbs = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"];

/** One kind for each served version. Throws SchemaError. @param converter where a webhook converts between versions. */
export function customKinds(definition: CustomResourceDefinition, converter?: Kind["converter"]): Kind[] {
  const { spec } = definition;
  const storage = spec.versions.find((version) => version.storage);
  return spec.versions
    .filter(({ served }) => served)
    .map((version) => ({
      ...kindOf(definition, version, storage?.name ?? version.name),
      ...(spec.versions.length > 1 ? { mixed: true as const } : {}),
      ...(converter ? { converter } : {}),
    }));
}

function kindOf(definition: CustomResourceDefinition, version: CustomResourceDefinitionVersion, storage: string): Kind {
  const { group, names, scope } = definition.spec;
  const source = version.schema?.openAPIV3Schema ?? {};
  const node = readStructure(source, "spec.validation.openAPIV3Schema");
  const ruled = hasRules(node);
  const { status, scale } = version.subresources ?? {};
  const subresources = [...(status ? ["status"] : []), ...(scale ? ["scale"] : [])];
  const plural = names.plural;
  return {
    group,
    version: version.name,
    resource: plural,
    kind: names.kind,
    namespaced: scope === "Namespaced",
    singular: names.singular || names.kind.toLowerCase(),
    shortNames: names.shortNames ?? [],
    categories: names.categories ?? [],
    listKind: names.listKind || `${names.kind}List`,
    verbs,
    subresources,
    statusSubresource: status !== undefined,
    ...(scale
      ? {
          scale: {
            spec: scale.specReplicasPath,
            status: scale.statusReplicasPath,
            ...(scale.labelSelectorPath ? { selector: scale.labelSelectorPath } : {}),
          },
        }
      : {}),
    schema: wholeSchema(node),
    rules: rulesOf(version, node),
    prefix: `${group}/${plural}/`,
    storedVersion: apiVersionOf({ group, version: storage }),
    ...(version.deprecated
      ? { deprecation: version.deprecationWarning ?? deprecationOf(definition, version.name) }
      : {}),
    custom: {
      prune: (object) => prune(object, node),
      validate(object, old, errors) {
        validateValue(ownPart(object), withoutIdentity(source), "", errors, old && ownPart(old));
        validateEmbedded(object, node, "", errors);
        if (!ruled) return [];
        if (!errors.causes.some(({ reason }) => blocking.has(reason ?? "")))
          return checkRules(identified(object), old && identified(old), node, errors);
        errors.invalid("<nil>", null, notChecked);
        return [];
      },
      openapi: source as Record<string, unknown>,
    },
  };
}

function ownPart(object: KubeObject): Record<string, unknown> {
  const { apiVersion: _version, kind: _kind, metadata: _metadata, ...rest } = object;
  return rest;
}

/** Errors after which rules are not asked. Source: apiextensions' hasBlockingErr. */
const blocking = new Set(
  ["NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid"].map((reason) => `FieldValue${reason}`),
);
const notChecked =
  "some validation rules were not checked because the object was invalid; correct the existing errors to complete validation";

/** Source: apiextensions' defaultDeprecationWarning. */
function deprecationOf({ spec: { group, names, versions } }: CustomResourceDefinition, version: string): string {
  const newer = versions
    .filter(({ name, served, deprecated }) => served && !deprecated && compareVersions(name, version) < 0)
    .map(({ name }) => name)
    .sort(compareVersions);
  const use = newer[0] ? `; use ${group}/${newer[0]} ${names.kind}` : "";
  return `${group}/${version} ${names.kind} is deprecated${use}`;
}

/** What rules see of the metadata: the name alone. */
function identified(object: KubeObject): Record<string, unknown> {
  const { name, generateName } = object.metadata;
  return { ...object, metadata: { name, ...(generateName ? { generateName } : {}) } };
}

/** Identity and metadata are checked as those of every kind. */
const stripped = new WeakMap<JSONSchemaProps, JSONSchemaProps>();
function withoutIdentity(source: JSONSchemaProps): JSONSchemaProps {
  let result = stripped.get(source);
  if (!result) {
    const { apiVersion: _a, kind: _k, metadata: _m, ...properties } = source.properties ?? {};
    const required = (source.required ?? []).filter((name) => !["apiVersion", "kind", "metadata"].includes(name));
    result = { ...source, properties, required };
    stripped.set(source, result);
  }
  return result;
}

function rulesOf(version: CustomResourceDefinitionVersion, node: Node): Rules {
  const fields: Record<string, (object: KubeObject) => string> = {};
  for (const { jsonPath } of version.selectableFields ?? []) {
    const steps = parsePath(jsonPath);
    fields[jsonPath.replace(/^\./, "")] = (object) => {
      const [value] = findAll(object, steps);
      return value === undefined || value === null ? "" : String(value);
    };
  }
  return {
    defaults: (object) => fillDefaults(object, node),
    columns: columnsOf(version.additionalPrinterColumns),
    fields,
  };
}

const metadata = builtinSchema("meta/v1.ObjectMeta");
const text: Schema = { kind: "scalar", type: "string" };

/** The schema of a whole object, for patches and server-side apply. */
function wholeSchema(node: Node): StructSchema {
  const own = schemaOf(node) as Schema;
  const inner = own.kind === "struct" ? own : undefined;
  return {
    kind: "struct",
    names: () => [...new Set(["apiVersion", "kind", "metadata", ...(inner?.names() ?? [])])],
    field(name) {
      if (name === "metadata") return metadata;
      return name === "apiVersion" || name === "kind" ? text : inner?.field(name);
    },
    required: [],
    omitsEmpty: () => false,
    zeroOf: () => undefined,
    held: [],
    numbers: [],
    nulls: [],
    atomic: false,
    open: inner?.open ?? true,
  };
}

function schemaOf(node: Node): Schema {
  if (node.intOrString) return { kind: "scalar", type: "intOrString" };
  if (node.type === "array") {
    const items: Schema = node.items ? schemaOf(node.items) : { kind: "any" };
    const keyDefaults: Record<string, unknown> = {};
    for (const key of node.listMapKeys) {
      const value = node.items?.properties.get(key)?.default;
      if (value !== undefined) keyDefaults[key] = value;
    }
    return { kind: "list", items, listType: node.listType, keys: node.listMapKeys, keyDefaults };
  }
  if (node.type !== "object" && node.type !== "") return { kind: "scalar", type: scalarOf(node) };
  const atomic = node.mapType === "atomic";
  if (typeof node.additional === "object") return { kind: "map", values: schemaOf(node.additional), atomic };
  if (node.properties.size === 0) return { kind: "any" };
  return structOf(node, atomic);
}

function scalarOf(node: Node): "string" | "int64" | "double" | "bool" {
  if (node.type === "integer") return "int64";
  return node.type === "number" ? "double" : node.type === "boolean" ? "bool" : "string";
}

function structOf(node: Node, atomic: boolean): StructSchema {
  const resolved = new Map<string, Schema>();
  return {
    kind: "struct",
    names: () => [...node.properties.keys(), ...(node.embedded ? ["apiVersion", "kind", "metadata"] : [])],
    field(name) {
      if (node.embedded && name === "metadata") return metadata;
      if (node.embedded && (name === "apiVersion" || name === "kind")) return text;
      const child = node.properties.get(name);
      if (!child) return undefined;
      let schema = resolved.get(name);
      if (!schema) {
        schema = schemaOf(child);
        resolved.set(name, schema);
      }
      return schema;
    },
    required: node.required,
    omitsEmpty: () => false,
    zeroOf: () => undefined,
    held: [],
    numbers: [],
    nulls: [],
    atomic,
    open: node.open,
  };
}
