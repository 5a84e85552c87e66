// Rules for CustomResourceDefinition objects. Source: apiextensions' pkg/registry/customresourcedefinition and its validation.
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
} from "@capstan/api/generated/apiextensions-v1";
import type { Rules } from "../kind.ts";
import { timeNow } from "../metadata.ts";
import { validateDefinition } from "./definition/spec.ts";

export const cleanupFinalizer = "customresourcecleanup.apiextensions.k8s.io";

/** @param conflictOf why another kind keeps these names from being served. */
export function definitionRules(
  conflictOf: (definition: CustomResourceDefinition) => string | undefined,
): Rules<CustomResourceDefinition> {
  return {
    defaults(definition) {
      definition.spec ??= {} as CustomResourceDefinition["spec"];
      const { spec } = definition;
      spec.conversion ??= { strategy: "None" };
      if (!spec.names?.kind) return;
      spec.names.singular ||= spec.names.kind.toLowerCase();
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
      validateDefinition(definition, errors, old);
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
