import type { KubeObject } from "@capstan/api/meta";
import type { Kind } from "../kind.ts";
import { type Column, nameColumn } from "./column.ts";

interface ColumnDefinition {
  name: string;
  type: string;
  format: string;
  description: string;
  priority: number;
}
export interface Table {
  kind: "Table";
  apiVersion: string;
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  columnDefinitions: ColumnDefinition[];
  rows: { cells: unknown[]; object?: unknown; conditions?: unknown[] }[];
}

const creationColumn: Column<KubeObject> = {
  name: "Created At",
  type: "date",
  description: "Time at which the object was created, by the server's clock.",
  cell: (object) => object.metadata.creationTimestamp ?? null,
};
/** What kinds without columns of their own show. */
const plain = [nameColumn, creationColumn];

/** A Table of objects. Source: apimachinery's metav1.Table. */
export function tableOf(
  kind: Kind,
  objects: KubeObject[],
  include: "None" | "Metadata" | "Object",
  version: string,
): Table {
  const columns: Column<KubeObject>[] = kind.rules.columns ?? plain;
  return {
    kind: "Table",
    apiVersion: `meta.k8s.io/${version}`,
    metadata: objects.length === 1 ? { resourceVersion: objects[0]?.metadata.resourceVersion ?? "" } : {},
    columnDefinitions: columns.map(({ name, type, format = "", description = name, priority = 0 }) => {
      return { name, type, format, description, priority };
    }),
    rows: objects.map((object) => {
      const cells = columns.map(
        (column) => column.cell(object) ?? (kind.custom || column.type !== "string" ? null : "<none>"),
      );
      if (include === "None") return { cells, object: null };
      const { metadata } = object;
      if (include === "Object") return { cells, object };
      return { cells, object: { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${version}`, metadata } };
    }),
  };
}
