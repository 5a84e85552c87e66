import type { StatusCause } from "@capstan/api/generated/meta-v1";
import { apiVersionOf, type KubeObject, StatusError } from "@capstan/api/meta";
import type { Kind } from "../kind.ts";
import { timeNow } from "../metadata.ts";
import { FieldSet } from "./field-set.ts";
import { formatManagers, isSameManager, type Manager, parseManagers } from "./managers.ts";
import { withoutOwnerless } from "./record.ts";
import { compare, fieldsOf, merge, removeFields } from "./typed.ts";

export interface ApplyRequest {
  manager: string;
  subresource: string;
  force: boolean;
  /** The apiVersion that the client speaks, where it is not the object's. */
  speaks?: string;
}

/**
 * Merges an applied configuration into the present state (undefined: there is none): takes fields that the manager
 * applied before and no longer names away, and records the managers. Throws Conflict with a cause for each field that
 * somebody else manages with another value, unless forced. Source: structured-merge-diff's merge.Updater.
 */
export function applyFields(kind: Kind, live: KubeObject | undefined, given: KubeObject, by: ApplyRequest): KubeObject {
  const own = ownPart(kind, given, by.subresource);
  return applyPart(kind, live, own, by);
}

/** Without what the endpoint resets: nobody owns that through it. */
function ownPart(kind: Kind, applied: KubeObject, subresource: string): KubeObject {
  const { status, ...rest } = applied as KubeObject & { status?: unknown };
  if (subresource === "" && kind.statusSubresource) return rest;
  if (subresource !== "status") return applied;
  const { apiVersion, kind: name, metadata } = rest;
  return { apiVersion, kind: name, metadata, ...(status === undefined ? {} : { status }) } as KubeObject;
}

function applyPart(kind: Kind, live: KubeObject | undefined, applied: KubeObject, by: ApplyRequest): KubeObject {
  const { schema } = kind;
  const config = withoutOwnerless(applied, "applied");
  const wanted = fieldsOf(config, schema);
  const managers = live ? presentManagers(kind, live) : [];
  const self = { manager: by.manager, operation: "Apply" as const, subresource: by.subresource };
  const own = managers.find((manager) => isSameManager(manager, self));
  const others = managers.filter((manager) => manager !== own);
  const merged = live ? (merge(live, applied, schema) as KubeObject) : structuredClone(applied);
  if (live) merged.metadata = { ...merged.metadata, ...identityOf(live, applied) };
  const { added, modified } = compare(withoutOwnerless(live), withoutOwnerless(merged), schema);
  const changed = added.union(modified);
  takeOver(others, changed, by.force, by.speaks ?? "");
  const result = own ? dropUnnamed(merged, own.fields, wanted, others, kind) : merged;
  // Who changes nothing is given no time. Source: apimachinery's managedFieldsUpdater.
  const changes = !changed.isEmpty() || result !== merged;
  const time = by.subresource === "scale" ? undefined : changes ? timeNow() : own?.time;
  const next: Manager = { ...self, apiVersion: apiVersionOf(kind), time, fields: wanted };
  const formatted = formatManagers([...others, next]);
  if (formatted.length > 0) result.metadata.managedFields = formatted;
  else delete result.metadata.managedFields;
  return result;
}

const identity = [
  "name",
  "namespace",
  "uid",
  "resourceVersion",
  "generation",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

/** A uid that the client names is checked later. */
function identityOf(live: KubeObject, applied: KubeObject): Partial<KubeObject["metadata"]> {
  return Object.fromEntries(
    identity.flatMap((field) => {
      const value = (field === "uid" && applied.metadata.uid) || live.metadata[field];
      return value === undefined ? [] : [[field, value]];
    }),
  );
}

/** What was there before anybody applied belongs to one updater. */
function presentManagers(kind: Kind, live: KubeObject): Manager[] {
  const managers = parseManagers(live.metadata.managedFields);
  if (managers.length > 0) return managers;
  const fields = fieldsOf(withoutOwnerless(live, "applied"), kind.schema);
  return [
    {
      manager: "before-first-apply",
      operation: "Update",
      apiVersion: apiVersionOf(kind),
      subresource: "",
      time: timeNow(),
      fields,
    },
  ];
}

function takeOver(others: Manager[], changed: FieldSet, force: boolean, speaks: string): void {
  const conflicts = new Map<string, string[]>();
  for (const other of others) {
    const lost = other.fields.intersection(changed);
    if (lost.isEmpty()) continue;
    if (force) other.fields = other.fields.difference(lost);
    else conflicts.set(describe(other, speaks), lost.paths());
  }
  if (conflicts.size === 0) return;
  const causes = [...conflicts].flatMap(([manager, fields]) =>
    fields.map(
      (field): StatusCause => ({ reason: "FieldManagerConflict", message: `conflict with ${manager}`, field }),
    ),
  );
  throw new StatusError("Conflict", conflictMessage(conflicts, causes.length), { causes });
}

function conflictMessage(conflicts: ReadonlyMap<string, string[]>, count: number): string {
  const parts = [...conflicts].map(([manager, fields]) =>
    fields.length === 1
      ? `conflict with ${manager}: ${fields[0]}`
      : `conflicts with ${manager}:\n${fields.map((field) => `- ${field}`).join("\n")}`,
  );
  return `Apply failed with ${count} conflict${count === 1 ? "" : "s"}: ${parts.join("\n")}`;
}

function describe({ manager, operation, apiVersion, subresource }: Manager, speaks: string): string {
  const quoted = JSON.stringify(manager);
  if (operation === "Apply") return quoted;
  const part = subresource ? ` with subresource ${JSON.stringify(subresource)}` : "";
  return `${quoted}${part} using ${speaks || apiVersion}`;
}

/** Takes away what the manager applied before, names no longer, and nobody else manages. */
function dropUnnamed(
  merged: KubeObject,
  before: FieldSet,
  wanted: FieldSet,
  others: Manager[],
  kind: Kind,
): KubeObject {
  const kept = others.reduce((all, { fields }) => all.union(fields), wanted);
  const gone = withoutAncestors(before.difference(wanted).difference(kept), kept);
  if (gone.isEmpty()) return merged;
  return removeFields(merged, gone, kind.schema) as KubeObject;
}

/** An item or container stays while somebody manages a field in it. */
function withoutAncestors(gone: FieldSet, kept: FieldSet): FieldSet {
  const result = new FieldSet();
  for (const element of gone.members)
    if (!kept.children.has(element) && !kept.members.has(element)) result.members.add(element);
  for (const [element, child] of gone.children) {
    if (kept.members.has(element) && !kept.children.has(element)) {
      result.children.set(element, child);
      continue;
    }
    const inner = withoutAncestors(child, kept.children.get(element) ?? new FieldSet());
    if (!inner.isEmpty()) result.children.set(element, inner);
  }
  return result;
}
