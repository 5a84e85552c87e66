// What makes a schema structural. Source: apiextensions' pkg/apiserver/schema/{validation,complete}.go.
import type { JSONSchemaProps } from "@capstan/api/generated/apiextensions-v1";
import { equal } from "@capstan/api/meta";
import type { FieldErrors } from "../../field-errors.ts";
import { compilePattern } from "../pattern.ts";

type Level = "root" | "item" | "field";

const propertiesOf = ({ properties }: JSONSchemaProps) => Object.entries(properties ?? {});
const schemaOf = (value: JSONSchemaProps | boolean | undefined) => (typeof value === "object" ? value : undefined);
const itemsOf = ({ items }: JSONSchemaProps) =>
  Array.isArray(items) ? undefined : (items as JSONSchemaProps | undefined);

/** Parts that no schema of a custom kind may have; what is structural is not asked where one is there. */
export const unsupported = [
  "id",
  "$schema",
  "$ref",
  "patternProperties",
  "dependencies",
  "additionalItems",
  "definitions",
] as const;

/** Whether a schema has anywhere what cannot be structural at all. */
export function isBeyond(schema: JSONSchemaProps | undefined): boolean {
  if (!schema) return false;
  if (unsupported.some((name) => schema[name] !== undefined)) return true;
  if (Array.isArray(schema.items)) return true;
  const below = [
    ...propertiesOf(schema).map(([, child]) => child),
    itemsOf(schema),
    schemaOf(schema.additionalProperties as JSONSchemaProps | boolean | undefined),
    schema.not,
    ...(schema.allOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
  ];
  return below.some(isBeyond);
}

/** Errors come in the order of their text. */
export function checkStructural(schema: JSONSchemaProps, field: string, errors: FieldErrors): void {
  const found = errors.collect((own) => {
    checkInvariants(schema, "root", field, own);
    checkCompleteness(schema, schema, field, field, own);
  });
  const text = (cause: { field?: string; message?: string }) => `${cause.field}: ${cause.message}`;
  errors.causes.push(...found.sort((a, b) => (text(a) < text(b) ? -1 : 1)));
}

const levelNames: Record<Level, string> = {
  root: "at the root",
  item: "for specified array items",
  field: "for specified object fields",
};

function checkInvariants(schema: JSONSchemaProps, level: Level, field: string, errors: FieldErrors): void {
  const items = itemsOf(schema);
  if (schema.type === "array" && !items) errors.required(`${field}.items`, "must be specified");
  if (items) checkInvariants(items, "item", `${field}.items`, errors);
  for (const [name, child] of propertiesOf(schema))
    checkInvariants(child, "field", `${field}.properties[${name}]`, errors);
  const more = schema.additionalProperties as JSONSchemaProps | boolean | undefined;
  if (more !== undefined) {
    if (level === "root") errors.forbidden(`${field}.additionalProperties`, "must not be used at the root");
    const values = schemaOf(more);
    if (values) checkInvariants(values, "field", `${field}.additionalProperties`, errors);
  }
  checkExtensions(schema, field, errors);
  const anyOf = isIntOrString(schema.anyOf);
  checkValues(schema, { anyOf, firstAllOf: isIntOrString(schema.allOf?.[0]?.anyOf) }, field, errors);
  checkType(schema, level, field, errors);
  if (level === "root" || schema["x-kubernetes-embedded-resource"]) checkIdentity(schema, field, errors);
  if (level === "root") checkRootMetadata(schema, field, errors);
}

const intOrString = [{ type: "integer" }, { type: "string" }];
const isIntOrString = (list: JSONSchemaProps[] | undefined) => list !== undefined && equal(list, intOrString);

function checkExtensions(schema: JSONSchemaProps, field: string, errors: FieldErrors): void {
  if (!schema["x-kubernetes-int-or-string"]) return;
  for (const name of ["x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"] as const) {
    if (schema[name]) errors.invalid(`${field}.${name}`, true, "must be false if x-kubernetes-int-or-string is true");
  }
}

function checkType(schema: JSONSchemaProps, level: Level, field: string, errors: FieldErrors): void {
  const { type = "" } = schema;
  const at = `${field}.type`;
  const open = schema["x-kubernetes-preserve-unknown-fields"] ?? false;
  if (schema["x-kubernetes-embedded-resource"]) {
    const must = "must be object if x-kubernetes-embedded-resource is true";
    if (type === "") errors.required(at, must);
    else if (type !== "object") errors.invalid(at, type, must);
    if (schema.additionalProperties !== undefined)
      errors.forbidden(`${field}.additionalProperties`, "must not be used if x-kubernetes-embedded-resource is set");
    if (!open && propertiesOf(schema).length === 0)
      errors.required(
        `${field}.properties`,
        "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields",
      );
  } else if (type === "" && !schema["x-kubernetes-int-or-string"] && !open)
    errors.required(at, `must not be empty ${levelNames[level]}`);
  if (level === "root" && type !== "" && type !== "object") errors.invalid(at, type, "must be object at the root");
}

function checkIdentity({ properties = {} }: JSONSchemaProps, field: string, errors: FieldErrors): void {
  for (const name of ["kind", "apiVersion"]) {
    const own = properties[name];
    if (own && own.type !== "string")
      errors.invalid(`${field}.properties[${name}].type`, own.type ?? "", "must be string");
  }
  const { metadata } = properties;
  if (metadata && metadata.type !== "object")
    errors.invalid(`${field}.properties[metadata].type`, metadata.type ?? "", "must be object");
}

function checkRootMetadata({ properties = {} }: JSONSchemaProps, field: string, errors: FieldErrors): void {
  const { metadata } = properties;
  if (!metadata) return;
  const { type: _type, default: _default, properties: own = {}, ...rest } = metadata;
  const names = Object.keys(own);
  if (Object.keys(rest).length === 0 && names.every((name) => name === "name" || name === "generateName")) return;
  errors.forbidden(
    `${field}.properties[metadata]`,
    "must not specify anything other than name and generateName, but metadata is implicitly specified",
  );
}

interface Skips {
  anyOf: boolean;
  firstAllOf: boolean;
}
const none: Skips = { anyOf: false, firstAllOf: false };

function checkValues(schema: JSONSchemaProps, skip: Skips, field: string, errors: FieldErrors): void {
  const { anyOf = [], allOf = [], oneOf = [], not, pattern } = schema;
  if (!skip.anyOf) for (const [i, part] of anyOf.entries()) checkNested(part, none, `${field}.anyOf[${i}]`, errors);
  for (const [i, part] of allOf.entries())
    checkNested(part, { anyOf: skip.firstAllOf && i === 0, firstAllOf: false }, `${field}.allOf[${i}]`, errors);
  for (const [i, part] of oneOf.entries()) checkNested(part, none, `${field}.oneOf[${i}]`, errors);
  if (not) checkNested(not, none, `${field}.not`, errors);
  if (pattern && !compilePattern(pattern))
    errors.invalid(
      `${field}.pattern`,
      pattern,
      `must be a valid regular expression, but isn't: error parsing regexp: ${patternProblem(pattern)}`,
    );
}

/** The commonest mistake, as Go names it. */
const patternProblem = (pattern: string) =>
  pattern.split("(").length > pattern.split(")").length ? `missing closing ): \`${pattern}\`` : `\`${pattern}\``;

/** What stands in a condition may bound values, and nothing else. */
const emptyNested = ["type", "title", "description"] as const;
const falseNested = [
  "nullable",
  "x-kubernetes-preserve-unknown-fields",
  "x-kubernetes-embedded-resource",
  "x-kubernetes-int-or-string",
] as const;

function checkNested(schema: JSONSchemaProps, skip: Skips, field: string, errors: FieldErrors): void {
  checkValues(schema, skip, field, errors);
  const items = itemsOf(schema);
  if (items) checkNested(items, none, `${field}.items`, errors);
  for (const [name, child] of propertiesOf(schema)) checkNested(child, none, `${field}.properties[${name}]`, errors);
  const refuse = (name: string, must: string) =>
    errors.forbidden(`${field}.${name}`, `must be ${must} to be structural`);
  for (const name of emptyNested) if (schema[name]) refuse(name, "empty");
  for (const name of falseNested) if (schema[name]) refuse(name, "false");
  if (schema.additionalProperties !== undefined) refuse("additionalProperties", "undefined");
  if (schema.default !== undefined) refuse("default", "undefined");
  if (schema["x-kubernetes-list-map-keys"]?.length) refuse("x-kubernetes-list-map-keys", "empty");
  if (schema["x-kubernetes-list-type"] !== undefined) refuse("x-kubernetes-list-type", "undefined");
  if (schema["x-kubernetes-map-type"] !== undefined) refuse("x-kubernetes-map-type", "undefined");
  if (schema["x-kubernetes-validations"]?.length) refuse("x-kubernetes-validations", "empty");
  if (schema.properties?.metadata)
    errors.forbidden(`${field}.properties[metadata]`, "must not be specified in a nested context");
}

/** What a condition speaks of must be there outside of it too. */
function checkCompleteness(
  condition: JSONSchemaProps,
  schema: JSONSchemaProps | undefined,
  at: string,
  from: string,
  errors: FieldErrors,
): void {
  const nested: [JSONSchemaProps, string][] = [
    ...(condition.not ? [[condition.not, `${from}.not`] as [JSONSchemaProps, string]] : []),
    ...(["allOf", "anyOf", "oneOf"] as const).flatMap((name) =>
      (condition[name] ?? []).map((part, i): [JSONSchemaProps, string] => [part, `${from}.${name}[${i}]`]),
    ),
  ];
  for (const [part, path] of nested) checkPart(part, schema, at, path, errors);
}

function checkPart(
  part: JSONSchemaProps,
  schema: JSONSchemaProps | undefined,
  at: string,
  from: string,
  errors: FieldErrors,
): void {
  if (!schema) {
    errors.required(at, `because it is defined in ${from}`);
    return;
  }
  checkCompleteness(part, schema, at, from, errors);
  const items = itemsOf(part);
  if (items) checkPart(items, itemsOf(schema), `${at}.items`, `${from}.items`, errors);
  for (const [name, child] of propertiesOf(part)) {
    const path = `properties[${name}]`;
    checkPart(child, schema.properties?.[name], `${at}.${path}`, `${from}.${path}`, errors);
  }
}
