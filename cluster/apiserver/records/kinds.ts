import {
  type ArchivedLabel,
  ArchivedLabels,
  type ArchivedWorkflow,
  ArchivedWorkflows,
  type Lineage,
  Lineages,
  type SemaphoreLimit,
  SemaphoreLimits,
} from "@capstan/api/kinds/records";
import type { Resource } from "@capstan/api/meta";
import type { Schema, StructSchema } from "@capstan/api/schema";
import type { Kind } from "../kind.ts";
import { type Column, count, nameColumn, text, wide } from "../table/column.ts";

function struct(names: string[]): StructSchema {
  const any: Schema = { kind: "any" };
  return {
    kind: "struct",
    field: (name) => (names.includes(name) ? any : undefined),
    names: () => names,
    required: [],
    omitsEmpty: () => false,
    zeroOf: () => undefined,
    held: [],
    numbers: [],
    nulls: [],
    atomic: false,
    open: false,
  };
}

interface Facts {
  fields: string[];
  verbs: string[];
  columns: Column<never>[];
}

function kindOf(resource: Resource, { fields, verbs, columns }: Facts): Kind {
  return {
    ...resource,
    singular: resource.kind.toLowerCase(),
    shortNames: [],
    categories: [],
    listKind: `${resource.kind}List`,
    verbs,
    subresources: [],
    statusSubresource: false,
    schema: struct(fields),
    rules: { columns },
    prefix: `${resource.group}/${resource.resource}/`,
    storedVersion: `${resource.group}/${resource.version}`,
  };
}

const name = nameColumn as unknown as Column<never>;
const columnsOf = <T>(...columns: Column<T>[]) => [name, ...(columns as unknown as Column<never>[])];

export const archivedWorkflows = kindOf(ArchivedWorkflows, {
  fields: ["summary", "workflow"],
  verbs: ["delete", "deletecollection", "get", "list"],
  columns: columnsOf<ArchivedWorkflow>(
    text("workflow", ({ summary }) => summary.workflow),
    text("phase", ({ summary }) => summary.phase),
    text("started", ({ summary }) => summary.startedAt),
    text("finished", ({ summary }) => summary.finishedAt),
    wide("template", ({ summary }) => summary.template),
    wide("message", ({ summary }) => summary.message),
  ),
});

export const archivedLabels = kindOf(ArchivedLabels, {
  fields: ["values"],
  verbs: ["list"],
  columns: columnsOf<ArchivedLabel>(text("values", ({ values }) => values?.join(","))),
});

export const lineages = kindOf(Lineages, {
  fields: ["step"],
  verbs: ["deletecollection", "list"],
  columns: columnsOf<Lineage>(
    text("workflow", ({ step }) => step.workflow),
    text("step", ({ step }) => step.name),
    text("template", ({ step }) => step.template),
    count("read", ({ step }) => step.inputs.length),
    count("made", ({ step }) => step.outputs.length),
  ),
});

export const semaphoreLimits = kindOf(SemaphoreLimits, {
  fields: ["spec"],
  verbs: ["create", "delete", "get", "list", "update"],
  columns: columnsOf<SemaphoreLimit>(count("limit", ({ spec }) => spec.limit)),
});
