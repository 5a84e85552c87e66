// What a definition may say in its schemas. Source: apiextensions' pkg/apis/apiextensions/validation/validation.go.
import type { JSONSchemaProps } from "@capstan/api/generated/apiextensions-v1";
import type { FieldErrors } from "../../field-errors.ts";
import { readStructure, SchemaError } from "../structure.ts";
import { checkDefaults } from "./defaults.ts";
import { checkSchemaRules } from "./expressions.ts";
import { checkStructural, isBeyond, unsupported } from "./structural.ts";

/** @param hasStatus where there is a status subresource, the root may say less. */
export function validateSchema(
  schema: JSONSchemaProps,
  { field, hasStatus }: { field: string; hasStatus: boolean },
  errors: FieldErrors,
): void {
  if (hasStatus && schema.type !== "object")
    errors.invalid(
      `${field}.type`,
      schema.type ?? "",
      `only "object" is allowed as the type at the root of the schema if the status subresource is enabled`,
    );
  if (schema.nullable) errors.forbidden(`${field}.nullable`, "nullable cannot be true at the root");
  const before = errors.causes.length;
  const beyond = isBeyond(schema);
  if (!beyond) checkStructural(schema, field, errors);
  const isStructural = !beyond && errors.causes.length === before;
  try {
    const node = isStructural ? readStructure(schema, field) : undefined;
    if (node) checkDefaults(node, field, errors);
    const valid = errors.causes.length === before;
    checkPart(schema, { field, root: true, inMeta: false, defaults: undefined }, errors);
    if (node && valid) checkSchemaRules(node, field, errors);
  } catch (thrown) {
    if (!(thrown instanceof SchemaError)) throw thrown;
    errors.invalid(thrown.field, "", thrown.message);
  }
}

interface Place {
  field: string;
  root: boolean;
  /** Inside of what every object has: apiVersion, kind and metadata. */
  inMeta: boolean;
  /** Why there may be no default here. */
  defaults: string | undefined;
}

const types = ["array", "boolean", "integer", "number", "object", "string"];
const ownFields = new Set(["metadata", "kind", "apiVersion"]);

function checkPart(schema: JSONSchemaProps, place: Place, errors: FieldErrors): void {
  const { field } = place;
  checkSupported(schema, place, errors);
  if (schema.uniqueItems)
    errors.forbidden(
      `${field}.uniqueItems`,
      "uniqueItems cannot be set to true since the runtime complexity becomes quadratic",
    );
  const below = { ...place, root: false };
  const more = schema.additionalProperties as JSONSchemaProps | boolean | undefined;
  const properties = Object.entries(schema.properties ?? {});
  if (more !== undefined && more !== true && properties.length > 0)
    errors.forbidden(`${field}.additionalProperties`, "additionalProperties and properties are mutual exclusive");
  if (typeof more === "object") {
    const defaults = place.inMeta ? "inside additionalProperties applying to object metadata" : place.defaults;
    checkPart(more, { ...below, defaults, field: `${field}.additionalProperties` }, errors);
  }
  for (const [name, child] of properties) {
    const at = { ...below, field: `${field}.properties[${name}]` };
    if ((place.root || schema["x-kubernetes-embedded-resource"]) && ownFields.has(name)) {
      at.inMeta = true;
      if (place.root) at.defaults = `in top-level ${name}`;
    }
    checkPart(child, at, errors);
  }
  if (schema.not) checkPart(schema.not, { ...below, field: `${field}.not` }, errors);
  for (const name of ["allOf", "oneOf", "anyOf"] as const)
    for (const [i, part] of (schema[name] ?? []).entries())
      checkPart(part, { ...below, field: `${field}.${name}[${i}]` }, errors);
  const items = schema.items as JSONSchemaProps | JSONSchemaProps[] | undefined;
  if (items && !Array.isArray(items)) checkPart(items, { ...below, field: `${field}.items` }, errors);
  if (schema["x-kubernetes-preserve-unknown-fields"] === false)
    errors.invalid(`${field}.x-kubernetes-preserve-unknown-fields`, false, "must be true or undefined");
  checkMapType(schema, field, errors);
  checkListType(schema, field, errors);
}

function checkSupported(schema: JSONSchemaProps, { field, inMeta, defaults }: Place, errors: FieldErrors): void {
  if (schema.type && !types.includes(schema.type)) errors.notSupported(`${field}.type`, schema.type, types);
  if (schema.default !== undefined && defaults) errors.forbidden(`${field}.default`, `must not be set ${defaults}`);
  const named = ["id", "additionalItems", "patternProperties", "definitions", "dependencies", "$ref"] as const;
  for (const name of named.filter((one) => unsupported.includes(one)))
    if (schema[name] !== undefined) errors.forbidden(`${field}.${name}`, `${name} is not supported`);
  if (schema.type === "null")
    errors.forbidden(`${field}.type`, "type cannot be set to null, use nullable as an alternative");
  if (Array.isArray(schema.items)) errors.forbidden(`${field}.items`, "items must be a schema object and not an array");
  if (inMeta && schema["x-kubernetes-embedded-resource"])
    errors.forbidden(`${field}.x-kubernetes-embedded-resource`, "must not be used inside of resource meta");
}

function checkMapType({ type, "x-kubernetes-map-type": mapType }: JSONSchemaProps, field: string, errors: FieldErrors) {
  if (mapType === undefined) return;
  const must = "must be object if x-kubernetes-map-type is specified";
  if (!type) errors.required(`${field}.type`, must);
  else if (type !== "object") errors.invalid(`${field}.type`, type, must);
  if (mapType !== "atomic" && mapType !== "granular")
    errors.notSupported(`${field}.x-kubernetes-map-type`, mapType, ["atomic", "granular"]);
}

const listTypes = ["atomic", "set", "map"];

function checkListType(schema: JSONSchemaProps, field: string, errors: FieldErrors): void {
  const { type, "x-kubernetes-list-type": listType, "x-kubernetes-list-map-keys": keys = [] } = schema;
  const items = Array.isArray(schema.items) ? undefined : (schema.items as JSONSchemaProps | undefined);
  const at = `${field}.x-kubernetes-list-type`;
  if (listType !== undefined && type !== "array") {
    const must = "must be array if x-kubernetes-list-type is specified";
    if (!type) errors.required(`${field}.type`, must);
    else errors.invalid(`${field}.type`, type, must);
  } else if (listType === "set" && items) checkSetItems(items, field, errors);
  if (listType !== undefined && !listTypes.includes(listType)) errors.notSupported(at, listType, listTypes);
  if (keys.length > 0) {
    const must = "must be map if x-kubernetes-list-map-keys is non-empty";
    if (listType === undefined) errors.required(at, must);
    else if (listType !== "map") errors.invalid(at, listType, must);
  }
  if (listType === "map") checkKeyedList(keys, items, field, errors);
  if ((listType === "set" || listType === "map") && items) checkNullable(schema, items, field, errors);
}

function checkSetItems(items: JSONSchemaProps, field: string, errors: FieldErrors): void {
  const { type, "x-kubernetes-list-type": listType, "x-kubernetes-map-type": mapType } = items;
  const must = "must be atomic as item of a list with x-kubernetes-list-type=set";
  if (type === "array" && listType !== undefined && listType !== "atomic")
    errors.invalid(`${field}.items.x-kubernetes-list-type`, listType, must);
  if (type === "object" && mapType !== "atomic")
    errors.invalid(`${field}.items.x-kubernetes-map-type`, listType ?? null, must);
}

function checkKeyedList(
  keys: readonly string[],
  items: JSONSchemaProps | undefined,
  field: string,
  errors: FieldErrors,
): void {
  const at = `${field}.x-kubernetes-list-map-keys`;
  if (keys.length === 0) errors.required(at, "must not be empty if x-kubernetes-list-type is map");
  if (!items) {
    errors.required(`${field}.items`, "must have a schema if x-kubernetes-list-type is map");
    return;
  }
  if (items.type !== "object") {
    errors.invalid(
      `${field}.items.type`,
      items.type ?? "",
      "must be object if parent array's x-kubernetes-list-type is map",
    );
    return;
  }
  const seen = new Set<string>();
  for (const key of keys) {
    const property = items.properties?.[key];
    if (!property) errors.invalid(at, keys, "entries must all be names of item properties");
    else if (property.type === "array" || property.type === "object")
      errors.invalid(
        `${field}.items.properties[${key}].type`,
        items.type,
        "must be a scalar type if parent array's x-kubernetes-list-type is map",
      );
    if (seen.has(key)) errors.invalid(at, keys, "must not contain duplicate entries");
    seen.add(key);
  }
}

function checkNullable(schema: JSONSchemaProps, items: JSONSchemaProps, field: string, errors: FieldErrors): void {
  const listType = schema["x-kubernetes-list-type"];
  if (items.nullable)
    errors.forbidden(`${field}.items.nullable`, `cannot be nullable when x-kubernetes-list-type is ${listType}`);
  if (listType !== "map") return;
  for (const key of schema["x-kubernetes-list-map-keys"] ?? []) {
    const property = items.properties?.[key];
    if (!property) continue;
    const at = `${field}.items.properties[${key}]`;
    if (!items.required?.includes(key) && property.default === undefined)
      errors.required(
        `${at}.default`,
        "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property",
      );
    if (property.nullable)
      errors.forbidden(`${at}.nullable`, "this property is in x-kubernetes-list-map-keys, so it cannot be nullable");
  }
}
