import type { ManagedFieldsEntry } from "@capstan/api/generated/meta-v1";
import { FieldSet, type FieldsV1 } from "./field-set.ts";

/** One manager's fields. */
export interface Manager {
  manager: string;
  operation: "Apply" | "Update";
  apiVersion: string;
  subresource: string;
  time: string | undefined;
  fields: FieldSet;
}

/** Entries of updaters beyond this are joined into one. Source: apiserver's DefaultMaxUpdateManagers. */
const updaterLimit = 10;
const ancient = "ancient-changes";

export function parseManagers(entries: readonly ManagedFieldsEntry[] | undefined): Manager[] {
  return (entries ?? []).flatMap((entry) => {
    if (entry.operation !== "Apply" && entry.operation !== "Update") return [];
    return {
      manager: entry.manager ?? "",
      operation: entry.operation,
      apiVersion: entry.apiVersion ?? "",
      subresource: entry.subresource ?? "",
      time: entry.time,
      fields: FieldSet.parse(entry.fieldsV1 as FieldsV1 | undefined),
    };
  });
}

/** Appliers first, then by time and name. Source: apimachinery's sortEncodedManagedFields. */
function order(a: Manager, b: Manager): number {
  if (a.operation !== b.operation) return a.operation < b.operation ? -1 : 1;
  for (const field of ["time", "manager", "apiVersion", "subresource"] as const) {
    const [x, y] = [a[field] ?? "", b[field] ?? ""];
    if (x !== y) return x < y ? -1 : 1;
  }
  return 0;
}

/** As metadata.managedFields holds them; managers of nothing are left out. */
export function formatManagers(managers: readonly Manager[]): ManagedFieldsEntry[] {
  const kept = joinOldest(managers.filter(({ fields }) => !fields.isEmpty())).sort(order);
  return kept.map(({ manager, operation, apiVersion, subresource, time, fields }) => ({
    manager,
    operation,
    apiVersion,
    ...(time ? { time } : {}),
    fieldsType: "FieldsV1",
    fieldsV1: fields.format(),
    ...(subresource ? { subresource } : {}),
  }));
}

function joinOldest(managers: Manager[]): Manager[] {
  const updaters = managers.filter(({ operation }) => operation === "Update");
  if (updaters.length <= updaterLimit) return managers;
  const oldest = [...updaters]
    .sort((a, b) => (a.time ?? "").localeCompare(b.time ?? ""))
    .slice(0, updaters.length - updaterLimit + 1);
  const joined: Manager = {
    manager: ancient,
    operation: "Update",
    apiVersion: oldest[0]?.apiVersion ?? "",
    subresource: "",
    time: oldest.at(-1)?.time,
    fields: oldest.reduce((all, { fields }) => all.union(fields), new FieldSet()),
  };
  return [joined, ...managers.filter((manager) => !oldest.includes(manager))];
}

export function isSameManager(a: Manager, b: Pick<Manager, "manager" | "operation" | "subresource">): boolean {
  return a.manager === b.manager && a.operation === b.operation && a.subresource === b.subresource;
}
