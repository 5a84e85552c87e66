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
  const { added, modified, removed } = compare(withoutOwnerless(old), withoutOwnerless(object), kind.schema);
  const touched = added.union(modified);
  if (touched.isEmpty() && removed.isEmpty()) {
    if (entries) object.metadata.managedFields = entries;
    return;
  }
  const managers = parseManagers(entries);
  const self = { ...by, operation: "Update" as const };
  let own = managers.find((manager) => isSameManager(manager, self));
  const others = managers.filter((manager) => manager !== own);
  for (const other of others) other.fields = other.fields.difference(touched).difference(removed);
  own ??= { ...self, apiVersion: apiVersionOf(kind), time: undefined, fields: new FieldSet() };
  const fields = own.fields.difference(removed).union(touched);
  if (!fields.equals(own.fields)) own.time = timeNow();
  Object.assign(own, { fields, apiVersion: apiVersionOf(kind) } satisfies Partial<Manager>);
  object.metadata.managedFields = formatManagers([...others, own]);
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

export function withoutOwnerless(object: KubeObject | undefined): Record<string, unknown> {
  if (!object) return {};
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
  return Object.keys(kept).length > 0 ? { metadata: kept, ...rest } : rest;
}
