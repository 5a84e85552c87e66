// Checks values against a custom kind's schema, worded as kube-openapi's validation.
import type { JSONSchemaProps } from "@capstan/api/generated/apiextensions-v1";
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
  if (!checkType(value, schema, path, errors)) return;
  checkEnum(value, schema, path, errors);
  if (typeof value === "string") checkString(value, schema, path, errors);
  else if (typeof value === "number") checkNumber(value, schema, path, errors);
  else if (Array.isArray(value)) checkList(value, schema, path, errors, old);
  else if (isObject(value)) checkObject(value, schema, path, errors, old);
  checkCombinations(value, schema, path, errors);
}

const shown = (path: string) => (path === "" ? "<nil>" : path);

function checkType(value: unknown, schema: JSONSchemaProps, path: string, errors: FieldErrors): boolean {
  const actual = typeOf(value);
  if (schema["x-kubernetes-int-or-string"]) {
    if (actual === "integer" || actual === "string") return true;
    errors.typeInvalid(
      path,
      actual,
      `${shown(path)} in body must be of type integer or string: ${JSON.stringify(actual)}`,
    );
    return false;
  }
  const { type } = schema;
  if (!type || type === actual || (type === "number" && actual === "integer")) return true;
  errors.typeInvalid(path, actual, `${shown(path)} in body must be of type ${type}: ${JSON.stringify(actual)}`);
  return false;
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
  const length = schema.maxLength === undefined && schema.minLength === undefined ? 0 : [...value].length;
  if (schema.maxLength !== undefined && length > schema.maxLength) errors.tooLong(path, schema.maxLength);
  if (schema.minLength !== undefined && length < schema.minLength) {
    errors.invalid(path, value, `${path} in body should be at least ${schema.minLength} chars long`);
  }
  if (schema.pattern !== undefined && !matchesPattern(schema.pattern, value)) {
    errors.invalid(path, value, `${path} in body should match '${schema.pattern}'`);
  }
  const problem = schema.format ? formatProblem(schema.format, value) : undefined;
  if (problem)
    errors.invalid(path, value, `${path} in body must be of type ${schema.format}: ${JSON.stringify(value)}`);
}

function checkNumber(value: number, schema: JSONSchemaProps, path: string, errors: FieldErrors): void {
  const { maximum, minimum, exclusiveMaximum, exclusiveMinimum, multipleOf, format } = schema;
  if (maximum !== undefined && (exclusiveMaximum ? value >= maximum : value > maximum)) {
    errors.invalid(
      path,
      value,
      `${path} in body should be less than ${exclusiveMaximum ? "" : "or equal to "}${maximum}`,
    );
  }
  if (minimum !== undefined && (exclusiveMinimum ? value <= minimum : value < minimum)) {
    errors.invalid(
      path,
      value,
      `${path} in body should be greater than ${exclusiveMinimum ? "" : "or equal to "}${minimum}`,
    );
  }
  if (multipleOf && Math.abs(value / multipleOf - Math.round(value / multipleOf)) > 1e-9) {
    errors.invalid(path, value, `${path} in body should be a multiple of ${multipleOf}`);
  }
  if (format === "int32" && (value < -(2 ** 31) || value >= 2 ** 31)) {
    errors.invalid(path, value, `${path} in body must be of type int32: ${value}`);
  }
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
    const keyOf = (item: unknown) => keys.map((key) => (isObject(item) ? item[key] : undefined));
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
    if (seen.has(key)) errors.duplicate(`${path}[${i}]`, item);
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
  for (const name of schema.required ?? []) if (!Object.hasOwn(value, name)) errors.required(at(name));
  const { properties, additionalProperties } = schema;
  for (const [name, item] of Object.entries(value)) {
    const child = properties && Object.hasOwn(properties, name) ? properties[name] : undefined;
    const before = isObject(old) && Object.hasOwn(old, name) ? old[name] : undefined;
    if (child) validateValue(item, child, at(name), errors, before);
    else if (typeof additionalProperties === "object" && additionalProperties !== null) {
      validateValue(item, additionalProperties as JSONSchemaProps, at(name), errors, before);
    }
  }
}

function passes(value: unknown, schema: JSONSchemaProps, path: string): boolean {
  const errors = new FieldErrors();
  validateValue(value, schema, path, errors);
  return errors.causes.length === 0;
}

function checkCombinations(value: unknown, schema: JSONSchemaProps, path: string, errors: FieldErrors): void {
  for (const part of schema.allOf ?? []) validateValue(value, part, path, errors);
  if (schema.anyOf?.length && !schema.anyOf.some((part) => passes(value, part, path))) {
    errors.invalid(path, value, `${shown(path)} in body must validate at least one schema (anyOf)`);
  }
  if (schema.oneOf?.length) {
    const count = schema.oneOf.filter((part) => passes(value, part, path)).length;
    if (count !== 1)
      errors.invalid(
        path,
        value,
        `${shown(path)} in body must validate one and only one schema (oneOf). Found ${count === 0 ? "none valid" : `${count} valid alternatives`}`,
      );
  }
  if (schema.not && passes(value, schema.not, path)) {
    errors.invalid(path, value, `${shown(path)} in body must not validate the schema (not)`);
  }
}
