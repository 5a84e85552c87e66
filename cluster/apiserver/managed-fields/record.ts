import type { KubeObject } from "@capstan/api/meta";
import { apiVersionOf } from "@capstan/api/meta";
import type { Kind } from "../kind.ts";
import { timeNow } from "../metadata.ts";
import { FieldSet } from "./field-set.ts";
import { formatManagers, isSameManager, type Manager, parseManagers } from "./managers.ts";
import { newFields } from "./new-fields.ts";
import { compare } from "./typed.ts";

/** Fields that belong to nobody. Source: apiserver's stripMetaManager. */
export const ownerless = new FieldSet();
for (const field of ["apiVersion", "kind"]) ownerless.insert([`f:${field}`]);
for (const field of [
  "name",
  "namespace",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
  "selfLink",
  "uid",
  "generation",
  "managedFields",
  "resourceVersion",
]) {
  ownerless.insert(["f:metadata", `f:${field}`]);
}

export interface Recorder {
  manager: string;
  subresource: string;
}

/** Whether a client asks to forget all managers: a list of one empty entry. */
const isReset = (object: KubeObject): boolean => {
  const entries = object.metadata.managedFields;
  return entries?.length === 1 && !entries[0]?.manager && !entries[0]?.operation;
};

/** Records who changed `old` into `object`: sets the object's managedFields. */
export function recordUpdate(kind: Kind, object: KubeObject, old: KubeObject | undefined, by: Recorder): void {
  if (isReset(object)) {
    delete object.metadata.managedFields;
    return;
  }
  const entries = object.metadata.managedFields?.length ? object.metadata.managedFields : old?.metadata.managedFields;
  if (!old && !entries) {
    recordCreate(kind, object, by);
    return;
  }
  // Who is not tracked stays so, until somebody applies. Source: apiserver's skipNonAppliedManager.
  if (!entries?.length) {
    delete object.metadata.managedFields;
    return;
  }
  const { added, modified, removed } = compare(withoutOwnerless(old), withoutOwnerless(object), kind.schema);
  const touched = added.union(modified);
  if (touched.isEmpty() && removed.isEmpty()) {
    object.metadata.managedFields = entries;
    return;
  }
  const managers = parseManagers(entries);
  const self = { ...by, operation: "Update" as const };
  let own = managers.find((manager) => isSameManager(manager, self));
  const others = managers.filter((manager) => manager !== own);
  for (const other of others) other.fields = other.fields.difference(touched).difference(removed);
  own ??= { ...self, apiVersion: apiVersionOf(kind), time: undefined, fields: new FieldSet() };
  const fields = own.fields.difference(removed).union(touched);
  // A Scale's managers carry no time. Source: apimachinery's ScaleHandler.
  if (by.subresource === "scale") own.time = undefined;
  else if (!fields.equals(own.fields)) own.time = timeNow();
  Object.assign(own, { fields, apiVersion: apiVersionOf(kind) } satisfies Partial<Manager>);
  const formatted = formatManagers([...others, own]);
  if (formatted.length > 0) object.metadata.managedFields = formatted;
  else delete object.metadata.managedFields;
}

/** As recordUpdate without anything before: the creator owns all there is. */
function recordCreate(kind: Kind, object: KubeObject, { manager, subresource }: Recorder): void {
  const fields = newFields(withoutOwnerless(object), kind.schema);
  if (Object.keys(fields).length === 0) return;
  object.metadata.managedFields = [
    {
      manager,
      operation: "Update",
      apiVersion: apiVersionOf(kind),
      time: timeNow(),
      fieldsType: "FieldsV1",
      fieldsV1: fields,
      ...(subresource ? { subresource } : {}),
    },
  ];
}

/** @param form "applied" leaves out metadata of which nothing is left; every whole object has some. */
export function withoutOwnerless(
  object: KubeObject | undefined,
  form: "whole" | "applied" = "whole",
): Record<string, unknown> {
  if (!object) return { metadata: {} };
  const { apiVersion: _version, kind: _kind, metadata, ...rest } = object;
  const {
    name: _name,
    namespace: _namespace,
    creationTimestamp: _created,
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    selfLink: _link,
    uid: _uid,
    generation: _generation,
    managedFields: _managed,
    resourceVersion: _revision,
    ...kept
  } = metadata;
  return form === "applied" && Object.keys(kept).length === 0 ? rest : { metadata: kept, ...rest };
}
