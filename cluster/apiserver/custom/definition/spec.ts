// What a definition must say. Source: apiextensions' pkg/apis/apiextensions/validation/validation.go.
import type {
  CustomResourceColumnDefinition,
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
  JSONSchemaProps,
  SelectableField,
} from "@capstan/api/generated/apiextensions-v1";
import { equal } from "@capstan/api/meta";
import type { FieldErrors } from "../../field-errors.ts";
import { isSubdomain, subdomainDetail } from "../../metadata.ts";
import { validateConversion, validateStoredVersions } from "./conversion.ts";
import { validateSchema } from "./schema.ts";
import { isBeyond } from "./structural.ts";

type Spec = CustomResourceDefinition["spec"];

const label = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const labelDetail =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')";

/** Adds what is wrong with a name; nothing when it is a DNS-1035 label. */
function checkLabel(text: string, field: string, errors: FieldErrors, prefix = "", shown = text): void {
  if (text.length > 63) errors.invalid(field, shown, `${prefix}must be no more than 63 characters`);
  else if (!label.test(text)) errors.invalid(field, shown, prefix + labelDetail);
}

export function validateDefinition(
  definition: CustomResourceDefinition,
  errors: FieldErrors,
  old?: CustomResourceDefinition,
): void {
  const { metadata, spec, status } = definition;
  const required = `${spec.names?.plural ?? ""}.${spec.group ?? ""}`;
  if (!old && metadata.name !== required)
    errors.invalid("metadata.name", metadata.name, `must be spec.names.plural+"."+spec.group`);
  if (!old) checkApproval(definition, errors);
  validateSpec(spec, errors, old);
  if (old) validateChange(spec, old, errors);
  if (status) validateStoredVersions(definition, errors);
  if (spec.preserveUnknownFields && !old?.spec.preserveUnknownFields)
    errors.invalid(
      "spec.preserveUnknownFields",
      true,
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
    );
}

const approval = "api-approved.kubernetes.io";

/** Kubernetes' own groups are for definitions that its community has looked at, or that say that it has not. */
function checkApproval({ metadata, spec }: CustomResourceDefinition, errors: FieldErrors): void {
  if (!/(^|\.)(k8s|kubernetes)\.io$/.test(spec.group ?? "")) return;
  const given = metadata.annotations?.[approval] ?? "";
  const at = `metadata.annotations[${approval}]`;
  const needed = `protected groups must have approval annotation "${approval}"`;
  const see = "see https://github.com/kubernetes/enhancements/pull/1111";
  if (given === "") errors.required(at, `${needed}, ${see}`);
  else if (!given.startsWith("unapproved") && !/^[a-z][a-z0-9+.-]*:\/\/./i.test(given)) {
    errors.invalid(at, given, `${needed} with either a URL or a reason starting with "unapproved", ${see}`);
  }
}

function validateSpec(spec: Spec, errors: FieldErrors, old?: CustomResourceDefinition): void {
  if (!spec.group) errors.required("spec.group");
  else if (!isSubdomain(spec.group)) errors.invalid("spec.group", spec.group, subdomainDetail);
  else if (!spec.group.includes("."))
    errors.invalid("spec.group", spec.group, "should be a domain with at least one dot");
  const scopes = ["Cluster", "Namespaced"];
  if (!spec.scope) errors.required("spec.scope");
  else if (!scopes.includes(spec.scope)) errors.notSupported("spec.scope", spec.scope, scopes);
  const versions = spec.versions ?? [];
  for (const [i, { schema }] of versions.entries())
    if (!schema?.openAPIV3Schema) errors.required(`spec.versions[${i}].schema.openAPIV3Schema`);
  const common = commonParts(versions);
  validateVersions(versions, common, errors);
  validateNames(spec.names, errors);
  const [first] = versions;
  if (first) validateParts(onlyCommon(first, common), "spec", "validation", errors, versions);
  validateConversion(spec.conversion, errors, old);
}

/** What all versions say alike is said once, of the definition. */
type Part = "schema" | "subresources" | "additionalPrinterColumns" | "selectableFields";
const parts: Part[] = ["schema", "subresources", "additionalPrinterColumns", "selectableFields"];

function commonParts(versions: readonly CustomResourceDefinitionVersion[]): Set<Part> {
  const [first] = versions;
  return new Set(parts.filter((part) => versions.every((version) => equal(version[part], first?.[part]))));
}

const onlyCommon = (version: CustomResourceDefinitionVersion, common: Set<Part>): CustomResourceDefinitionVersion =>
  ({
    ...version,
    ...Object.fromEntries(parts.filter((part) => !common.has(part)).map((part) => [part, undefined])),
  }) as CustomResourceDefinitionVersion;

function validateVersions(
  versions: readonly CustomResourceDefinitionVersion[],
  common: Set<Part>,
  errors: FieldErrors,
): void {
  const names = new Set<string>();
  for (const [i, version] of versions.entries()) {
    const at = `spec.versions[${i}]`;
    names.add(version.name);
    checkLabel(version.name ?? "", `${at}.name`, errors);
    checkDeprecation(version, at, errors);
    const own = Object.fromEntries(parts.filter((part) => common.has(part)).map((part) => [part, undefined]));
    validateParts({ ...version, ...own } as CustomResourceDefinitionVersion, at, "schema", errors, [version]);
  }
  const shown = () => versions.map((version) => shownVersion(version, common));
  if (names.size < versions.length) errors.invalid("spec.versions", shown(), "must contain unique version names");
  if (versions.filter(({ storage }) => storage).length !== 1)
    errors.invalid("spec.versions", shown(), "must have exactly one version marked as storage version");
  // The first version is the definition's own as well.
  const [first] = versions;
  if (first?.name) checkLabel(first.name, "spec.version", errors);
}

/** A version as errors quote it. */
const shownVersion = (version: CustomResourceDefinitionVersion, common: Set<Part>) => ({
  Name: version.name,
  Served: version.served,
  Storage: version.storage,
  Deprecated: version.deprecated ?? false,
  DeprecationWarning: version.deprecationWarning ?? null,
  Schema: common.has("schema") ? null : (version.schema ?? null),
  Subresources: common.has("subresources") ? null : (version.subresources ?? null),
  AdditionalPrinterColumns: common.has("additionalPrinterColumns") ? null : (version.additionalPrinterColumns ?? null),
  SelectableFields: common.has("selectableFields") ? null : (version.selectableFields ?? null),
});

function checkDeprecation(version: CustomResourceDefinitionVersion, at: string, errors: FieldErrors): void {
  const { deprecated, deprecationWarning: warning } = version;
  if (warning === undefined) return;
  const field = `${at}.deprecationWarning`;
  if (!deprecated) {
    errors.invalid(field, warning, "can only be set for deprecated versions");
    return;
  }
  if (warning.length > 256) errors.invalid(field, warning, "must be <= 256 characters long");
  if (warning === "") errors.invalid(field, warning, "must not be an empty string");
  const odd = warning.search(/[^\P{C}]|[^\P{Z} ]/u);
  if (odd >= 0)
    errors.invalid(
      field,
      warning,
      `must only contain printable UTF-8 characters; non-printable character found at index ${odd}`,
    );
}

/** @param of the versions whose status matters to the schema. */
function validateParts(
  version: CustomResourceDefinitionVersion,
  at: string,
  schemaField: "schema" | "validation",
  errors: FieldErrors,
  of: readonly CustomResourceDefinitionVersion[],
): void {
  const schema = version.schema?.openAPIV3Schema;
  if (schema) {
    const hasStatus = of.some(({ subresources }) => subresources?.status !== undefined);
    validateSchema(schema, { field: `${at}.${schemaField}.openAPIV3Schema`, hasStatus }, errors);
  }
  validateScale(version.subresources, `${at}.subresources`, errors);
  for (const [i, column] of (version.additionalPrinterColumns ?? []).entries())
    validateColumn(column, `${at}.additionalPrinterColumns[${i}]`, errors);
  const fields = version.selectableFields ?? [];
  if (fields.length > 0)
    validateSelectableFields(fields, of[0]?.schema?.openAPIV3Schema, `${at}.selectableFields`, errors);
}

function validateScale(
  subresources: CustomResourceDefinitionVersion["subresources"],
  at: string,
  errors: FieldErrors,
): void {
  const { scale } = subresources ?? {};
  if (!scale) return;
  const check = (name: keyof typeof scale, roots: string[], where: string) => {
    const path = scale[name];
    const field = `${at}.scale.${name}`;
    if (!path) {
      if (name !== "labelSelectorPath") errors.required(field);
    } else if (!path.startsWith(".")) errors.invalid(field, path, "must be a simple json path starting with .");
    else if (!roots.some((root) => path.startsWith(root)))
      errors.invalid(field, path, `should be a json path under ${where}`);
  };
  check("specReplicasPath", [".spec."], ".spec");
  check("statusReplicasPath", [".status."], ".status");
  check("labelSelectorPath", [".spec.", ".status."], "either .spec or .status");
}

const columnTypes = ["boolean", "date", "integer", "number", "string"];
const columnFormats = ["byte", "date", "date-time", "double", "float", "int32", "int64", "password"];

function validateColumn(column: CustomResourceColumnDefinition, at: string, errors: FieldErrors): void {
  const { name, type, format, jsonPath } = column;
  if (!name) errors.required(`${at}.name`);
  const must = `must be one of ${columnTypes.join(",")}`;
  if (!type) errors.required(`${at}.type`, must);
  else if (!columnTypes.includes(type)) errors.invalid(`${at}.type`, type, must);
  if (format && !columnFormats.includes(format))
    errors.invalid(`${at}.format`, format, `must be one of ${columnFormats.join(",")}`);
  if (!jsonPath) errors.required(`${at}.JSONPath`);
  else if (!jsonPath.startsWith("."))
    errors.invalid(`${at}.JSONPath`, jsonPath, "must be a simple json path starting with .");
}

/** Selectable fields of one version. Source: MaxSelectableFields. */
const selectableLimit = 8;
const selectableTypes = new Set(["string", "boolean", "integer"]);

function validateSelectableFields(
  fields: readonly SelectableField[],
  schema: JSONSchemaProps | undefined,
  at: string,
  errors: FieldErrors,
): void {
  if (!schema) {
    errors.invalid(at, "", "may only be set when validations.schema is included");
    return;
  }
  if (isBeyond(schema)) return;
  const seen = new Set<string>();
  for (const [i, { jsonPath }] of fields.entries()) {
    const field = `${at}[${i}].jsonPath`;
    if (!jsonPath) {
      errors.required(field);
      continue;
    }
    const found = selected(jsonPath, schema);
    if (typeof found === "string") {
      errors.invalid(field, jsonPath, `is an invalid path: ${found}`);
      continue;
    }
    if (/^\.metadata(\.|$)/.test(jsonPath)) errors.invalid(field, jsonPath, "must not point to fields in metadata");
    if (!selectableTypes.has(found.type ?? ""))
      errors.invalid(
        field,
        jsonPath,
        "must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.",
      );
    if (seen.has(jsonPath)) errors.duplicate(field, jsonPath);
    seen.add(jsonPath);
  }
  if (seen.size > selectableLimit) errors.tooMany(at, seen.size, selectableLimit);
}

/** The schema that a path leads to, or what is wrong with the path. */
function selected(path: string, schema: JSONSchemaProps): JSONSchemaProps | string {
  if (path.includes("[")) return "array notation is not allowed";
  if (!path.startsWith(".")) return `expected [ or . but got: ${path.split(".")[0]}`;
  let at: JSONSchemaProps | undefined = schema;
  for (const name of path.slice(1).split(".")) at = at?.properties?.[name];
  return at ?? "does not refer to a valid field";
}

function validateNames(given: CustomResourceDefinitionNames | undefined, errors: FieldErrors): void {
  const names: Partial<CustomResourceDefinitionNames> = given ?? {};
  for (const field of ["plural", "singular", "kind", "listKind"] as const)
    if (!names[field]) errors.required(`spec.names.${field}`);
  const { plural, singular, kind, listKind, shortNames = [], categories = [] } = names;
  if (plural) checkLabel(plural, "spec.names.plural", errors);
  if (singular) checkLabel(singular, "spec.names.singular", errors);
  const mixed = "may have mixed case, but should otherwise match: ";
  if (kind) checkLabel(kind.toLowerCase(), "spec.names.kind", errors, mixed, kind);
  if (listKind) checkLabel(listKind.toLowerCase(), "spec.names.listKind", errors, mixed, listKind);
  for (const [i, name] of shortNames.entries()) checkLabel(name, `spec.names.shortNames[${i}]`, errors);
  if (kind && kind === listKind)
    errors.invalid("spec.names.listKind", listKind, "kind and listKind may not be the same");
  for (const [i, name] of categories.entries()) checkLabel(name, `spec.names.categories[${i}]`, errors);
}

function validateChange(next: Spec, { spec: before, status }: CustomResourceDefinition, errors: FieldErrors): void {
  const changed = (field: string, value: unknown, was: unknown) => {
    if (!equal(value, was)) errors.invalid(field, value, "field is immutable");
  };
  if (status?.conditions?.some(({ type, status: is }) => type === "Established" && is === "True")) {
    changed("spec.scope", next.scope, before.scope);
    changed("spec.names.kind", next.names?.kind, before.names.kind);
  }
  changed("spec.group", next.group, before.group);
  changed("spec.names.plural", next.names?.plural, before.names.plural);
}
