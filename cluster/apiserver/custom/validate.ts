// Checks values against a custom kind's schema, worded as kube-openapi's validation.
import type { JSONSchemaProps } from "@capstan/api/generated/apiextensions-v1";
import type { StatusCause } from "@capstan/api/generated/meta-v1";
import { equal } from "@capstan/api/meta";
import { FieldErrors } from "../field-errors.ts";
import { formatProblem } from "./formats.ts";
import { matchesPattern } from "./pattern.ts";

type Fields = Record<string, unknown>;
const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function typeOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value;
}

/**
 * Adds what is wrong with `value` to `errors`. What was there before an update and is the same is not checked again.
 * @param path of the value; empty for the whole object. @param old undefined where there is nothing to compare with.
 */
export function validateValue(
  value: unknown,
  schema: JSONSchemaProps,
  path: string,
  errors: FieldErrors,
  old?: unknown,
): void {
  if (old !== undefined && equal(value, old)) return;
  if (value === null && schema.nullable) return;
  checkType(value, schema, path, errors);
  checkCombinations(value, schema, path, errors);
  if (typeof value === "string") checkString(value, schema, path, errors);
  else if (typeof value === "number") checkNumber(value, schema, path, errors);
  else if (Array.isArray(value)) checkList(value, schema, path, errors, old);
  checkEnum(value, schema, path, errors);
  if (isObject(value)) checkObject(value, schema, path, errors, old);
}

function checkType(value: unknown, schema: JSONSchemaProps, path: string, errors: FieldErrors): void {
  const actual = typeOf(value);
  const { type } = schema;
  const types = schema["x-kubernetes-int-or-string"] ? ["integer", "string"] : type ? [type] : [];
  if (types.length === 0 || types.includes(actual) || (type === "number" && actual === "integer")) return;
  errors.typeInvalid(path, actual, `${path} in body must be of type ${types.join(",")}: ${JSON.stringify(actual)}`);
}

function checkEnum(value: unknown, schema: JSONSchemaProps, path: string, errors: FieldErrors): void {
  if (!schema.enum || schema.enum.some((item) => equal(item, value))) return;
  errors.notSupported(
    path,
    value,
    schema.enum.map((item) => (typeof item === "string" ? item : JSON.stringify(item))),
  );
}

function checkString(value: string, schema: JSONSchemaProps, path: string, errors: FieldErrors): void {
  const { maxLength, minLength, pattern, format } = schema;
  const length = maxLength === undefined && minLength === undefined ? 0 : [...value].length;
  // The first of these is all that is told.
  if (maxLength !== undefined && length > maxLength) errors.tooLong(path, maxLength);
  else if (minLength !== undefined && length < minLength)
    errors.invalid(path, value, `${path} in body should be at least ${minLength} chars long`);
  else if (pattern !== undefined && !matchesPattern(pattern, value))
    errors.invalid(path, value, `${path} in body should match '${pattern}'`);
  if (format && formatProblem(format, value))
    errors.typeInvalid(path, value, `${path} in body must be of type ${format}: ${JSON.stringify(value)}`);
}

function checkNumber(value: number, schema: JSONSchemaProps, path: string, errors: FieldErrors): void {
  const { maximum, minimum, exclusiveMaximum, exclusiveMinimum, multipleOf } = schema;
  const refuse = (must: string) => errors.invalid(path, value, `${path} in body should be ${must}`);
  if (multipleOf && Math.abs(value / multipleOf - Math.round(value / multipleOf)) > 1e-9)
    refuse(`a multiple of ${multipleOf}`);
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum))
    refuse(`less than ${exclusiveMaximum ? "" : "or equal to "}${maximum}`);
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum))
    refuse(`greater than ${exclusiveMinimum ? "" : "or equal to "}${minimum}`);
}

function checkList(value: unknown[], schema: JSONSchemaProps, path: string, errors: FieldErrors, old: unknown): void {
  if (schema.maxItems !== undefined && value.length > schema.maxItems)
    errors.tooMany(path, value.length, schema.maxItems);
  if (schema.minItems !== undefined && value.length < schema.minItems) {
    errors.invalid(path, value.length, `${path} in body should have at least ${schema.minItems} items`);
  }
  if (schema.uniqueItems || schema["x-kubernetes-list-type"] === "set")
    checkUnique(value, path, errors, (item) => item);
  const keys = schema["x-kubernetes-list-map-keys"];
  if (schema["x-kubernetes-list-type"] === "map" && keys) {
    const keyOf = (item: unknown) => (isObject(item) ? Object.fromEntries(keys.map((key) => [key, item[key]])) : item);
    checkUnique(value, path, errors, keyOf);
  }
  const items = schema.items as JSONSchemaProps | undefined;
  if (!items) return;
  for (const [i, item] of value.entries())
    validateValue(item, items, `${path}[${i}]`, errors, oldItem(old, item, schema));
}

/** Items of a keyed list are compared with their like; those of other lists with nothing. */
function oldItem(old: unknown, item: unknown, schema: JSONSchemaProps): unknown {
  const keys = schema["x-kubernetes-list-map-keys"];
  if (!Array.isArray(old) || schema["x-kubernetes-list-type"] !== "map" || !keys || !isObject(item)) return undefined;
  return old.find((candidate) => isObject(candidate) && keys.every((key) => candidate[key] === item[key]));
}

function checkUnique(value: unknown[], path: string, errors: FieldErrors, keyOf: (item: unknown) => unknown): void {
  const seen = new Set<string>();
  for (const [i, item] of value.entries()) {
    const key = JSON.stringify(keyOf(item)) ?? "";
    if (seen.has(key)) errors.duplicate(`${path}[${i}]`, keyOf(item));
    seen.add(key);
  }
}

function checkObject(value: Fields, schema: JSONSchemaProps, path: string, errors: FieldErrors, old: unknown): void {
  const count = Object.keys(value).length;
  if (schema.maxProperties !== undefined && count > schema.maxProperties)
    errors.tooMany(path, count, schema.maxProperties);
  if (schema.minProperties !== undefined && count < schema.minProperties) {
    errors.invalid(path, count, `${path} in body should have at least ${schema.minProperties} properties`);
  }
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const { properties, additionalProperties } = schema;
  for (const [name, item] of Object.entries(value)) {
    const child = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
    const before = isObject(old) && Object.hasOwn(old, name) ? old[name] : undefined;
    if (child) validateValue(item, child, at(name), errors, before);
    else if (typeof additionalProperties === "object" && additionalProperties !== null) {
      validateValue(item, additionalProperties as JSONSchemaProps, at(name), errors, before);
    }
  }
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) errors.required(at(name));
}

/** What is wrong with a value by one of several schemas; the fewer parts are wrong, the better it fits. */
function failures(value: unknown, schema: JSONSchemaProps, path: string): StatusCause[] {
  const errors = new FieldErrors();
  validateValue(value, schema, path, errors);
  return errors.causes;
}

/** What several schemas say together names no field. */
const whole = "<nil>";

function checkCombinations(value: unknown, schema: JSONSchemaProps, path: string, errors: FieldErrors): void {
  const { anyOf = [], oneOf = [], allOf = [], not } = schema;
  const refuse = (must: string) => errors.invalid(whole, "", `${JSON.stringify(path)} must ${must}`);
  const tried = (parts: JSONSchemaProps[]) => parts.map((part) => failures(value, part, path));
  const any = tried(anyOf);
  if (any.length > 0 && any.every((found) => found.length > 0)) {
    refuse("validate at least one schema (anyOf)");
    errors.causes.push(...best(any));
  }
  const one = tried(oneOf);
  const count = one.filter((found) => found.length === 0).length;
  if (one.length > 0 && count !== 1) {
    refuse(
      `validate one and only one schema (oneOf). Found ${count === 0 ? "none valid" : `${count} valid alternatives`}`,
    );
    if (count === 0) errors.causes.push(...best(one));
  }
  const all = tried(allOf).filter((found) => found.length > 0);
  errors.causes.push(...all.flat());
  if (all.length > 0)
    refuse(`validate all the schemas (allOf)${all.length === allOf.length ? ". None validated" : ""}`);
  if (not && failures(value, not, path).length === 0) refuse("not validate the schema (not)");
}

const best = (tries: StatusCause[][]): StatusCause[] =>
  tries.reduce((least, found) => (found.length < least.length ? found : least));
