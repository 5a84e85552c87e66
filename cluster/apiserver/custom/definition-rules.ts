// Rules for CustomResourceDefinition objects. Source: apiextensions' pkg/registry/customresourcedefinition and its validation.
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
} from "@capstan/api/generated/apiextensions-v1";
import { equal } from "@capstan/api/meta";
import type { FieldErrors } from "../field-errors.ts";
import type { Rules } from "../kind.ts";
import { isDnsLabel, isSubdomain, labelDetail, subdomainDetail, timeNow } from "../metadata.ts";
import { validateConversion, validateStoredVersions } from "./conversion-rules.ts";
import { checkSchemaRules } from "./definition-expressions.ts";
import { parsePath } from "./json-path.ts";
import { readStructure, SchemaError } from "./structure.ts";

export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/** @param conflictOf why another kind keeps these names from being served. */
export function definitionRules(
  conflictOf: (definition: CustomResourceDefinition) => string | undefined,
): Rules<CustomResourceDefinition> {
  return {
    defaults({ spec }) {
      if (!spec) return;
      spec.conversion ??= { strategy: "None" };
      if (!spec.names) return;
      spec.names.singular ||= spec.names.kind?.toLowerCase();
      spec.names.listKind ||= `${spec.names.kind}List`;
    },
    prepare(definition, old, { subresource }) {
      if (!definition.spec?.names || !Array.isArray(definition.spec.versions)) return;
      if (!old) {
        delete definition.status;
        definition.metadata.finalizers = [...new Set([...(definition.metadata.finalizers ?? []), cleanupFinalizer])];
      }
      if (subresource !== "status") definition.status = statusOf(definition, conflictOf(definition));
    },
    validate(definition, errors, old) {
      validateDefinition(definition, errors);
      if (old) validateChange(definition, old, errors);
    },
  };
}

/** The status that belongs to a definition: names accepted, served, versions ever stored. */
export function statusOf(
  definition: CustomResourceDefinition,
  conflict: string | undefined,
): CustomResourceDefinition["status"] {
  const before = definition.status;
  const conditions = [...(before?.conditions ?? [])];
  const set = (type: string, status: string, reason: string, message: string) => {
    const at = conditions.findIndex((condition) => condition.type === type);
    const present = conditions[at];
    if (present && present.status === status && present.reason === reason) return;
    const next: CustomResourceDefinitionCondition = { type, status, reason, message, lastTransitionTime: timeNow() };
    if (at < 0) conditions.push(next);
    else conditions[at] = next;
  };
  const established = conditions.some(({ type, status }) => type === "Established" && status === "True");
  if (conflict) set("NamesAccepted", "False", "MultipleNamesConflict", conflict);
  else set("NamesAccepted", "True", "NoConflicts", "no conflicts found");
  if (!conflict) set("Established", "True", "InitialNamesAccepted", "the initial names have been accepted");
  else if (!established) set("Established", "False", "NotAccepted", "not all names are accepted");
  if (definition.metadata.deletionTimestamp) {
    set("Terminating", "True", "InstanceDeletionInProgress", "CustomResource deletion is in progress");
  }
  const storage = definition.spec.versions.find((version) => version.storage)?.name;
  const stored = new Set([...(before?.storedVersions ?? []), ...(storage ? [storage] : [])]);
  const acceptedNames = conflict && before?.acceptedNames ? before.acceptedNames : definition.spec.names;
  return { acceptedNames: structuredClone(acceptedNames), conditions, storedVersions: [...stored] };
}

function validateDefinition({ metadata, spec }: CustomResourceDefinition, errors: FieldErrors): void {
  if (!spec) {
    errors.required("spec");
    return;
  }
  if (!spec.group) errors.required("spec.group");
  else if (!isSubdomain(spec.group)) errors.invalid("spec.group", spec.group, subdomainDetail);
  else if (!spec.group.includes("."))
    errors.invalid("spec.group", spec.group, "should be a domain with at least one dot");
  if (spec.scope !== "Namespaced" && spec.scope !== "Cluster") {
    if (spec.scope) errors.notSupported("spec.scope", spec.scope, ["Cluster", "Namespaced"]);
    else errors.required("spec.scope");
  }
  const { names } = spec;
  if (!names) {
    errors.required("spec.names");
    return;
  }
  validateNames(names, errors);
  if (names.plural && metadata.name !== `${names.plural}.${spec.group}`) {
    errors.invalid("metadata.name", metadata.name, `must be spec.names.plural+"."+spec.group`);
  }
  validateVersions(spec.versions ?? [], errors);
  if (spec.preserveUnknownFields) {
    errors.invalid(
      "spec.preserveUnknownFields",
      true,
      "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead",
    );
  }
  validateConversion(spec.conversion, errors);
}

function validateNames(names: CustomResourceDefinitionNames, errors: FieldErrors): void {
  for (const field of ["plural", "kind"] as const) {
    const value = names[field];
    if (!value) errors.required(`spec.names.${field}`);
    else if (!isDnsLabel(value.toLowerCase())) errors.invalid(`spec.names.${field}`, value, labelDetail);
  }
  for (const [i, name] of (names.shortNames ?? []).entries()) {
    if (!isDnsLabel(name)) errors.invalid(`spec.names.shortNames[${i}]`, name, labelDetail);
  }
}

function validateVersions(versions: CustomResourceDefinition["spec"]["versions"], errors: FieldErrors): void {
  if (versions.length === 0) errors.required("spec.versions", "must have at least one version");
  const names = new Set<string>();
  for (const [i, version] of versions.entries()) {
    const at = `spec.versions[${i}]`;
    if (!version.name || !isDnsLabel(version.name)) errors.invalid(`${at}.name`, version.name ?? "", labelDetail);
    if (names.has(version.name)) errors.duplicate(`${at}.name`, version.name);
    names.add(version.name);
    const schema = version.schema?.openAPIV3Schema;
    if (!schema) errors.required(`${at}.schema.openAPIV3Schema`, "schemas are required");
    else validateSchema(schema, `${at}.schema.openAPIV3Schema`, errors);
    for (const [j, column] of (version.additionalPrinterColumns ?? []).entries()) {
      checkPath(column.jsonPath, `${at}.additionalPrinterColumns[${j}].jsonPath`, errors);
    }
    for (const [j, field] of (version.selectableFields ?? []).entries()) {
      checkPath(field.jsonPath, `${at}.selectableFields[${j}].jsonPath`, errors);
    }
  }
  const stored = versions.filter(({ storage }) => storage).length;
  if (versions.length > 0 && stored !== 1) {
    errors.invalid(
      "spec.versions",
      versions.map(({ name }) => name),
      "must have exactly one version marked as storage version",
    );
  }
}

function validateSchema(schema: Parameters<typeof readStructure>[0], field: string, errors: FieldErrors): void {
  if (schema.type !== "object" && !schema["x-kubernetes-preserve-unknown-fields"]) {
    if (schema.type) errors.invalid(`${field}.type`, schema.type, "must be object at the root");
    else errors.required(`${field}.type`, "must not be empty at the root");
  }
  try {
    checkSchemaRules(readStructure(schema, field), field, errors);
  } catch (thrown) {
    if (!(thrown instanceof SchemaError)) throw thrown;
    errors.invalid(thrown.field, "", thrown.message);
  }
}

function checkPath(path: string, field: string, errors: FieldErrors): void {
  if (!path) {
    errors.required(field);
    return;
  }
  try {
    parsePath(path);
  } catch (thrown) {
    errors.invalid(field, path, thrown instanceof Error ? thrown.message : String(thrown));
  }
}

function validateChange(
  definition: CustomResourceDefinition,
  old: CustomResourceDefinition,
  errors: FieldErrors,
): void {
  const [next, before] = [definition.spec, old.spec];
  if (next?.group !== before.group) errors.invalid("spec.group", next?.group, "field is immutable");
  if (!next?.names) return;
  if (next.scope !== before.scope) errors.invalid("spec.scope", next.scope, "field is immutable");
  if (next.names.kind !== before.names.kind) errors.invalid("spec.names.kind", next.names.kind, "field is immutable");
  if (!equal(next.names.plural, before.names.plural))
    errors.invalid("spec.names.plural", next.names.plural, "field is immutable");
  validateStoredVersions(definition, errors);
}
