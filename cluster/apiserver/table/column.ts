import type { KubeObject } from "@capstan/api/meta";
import { since } from "./age.ts";

/** A column of `kubectl get`: `priority` above 0 shows only with `-o wide`. */
export interface Column<T> {
  name: string;
  type: "string" | "integer" | "number" | "boolean" | "date";
  format?: string;
  description?: string;
  priority?: number;
  /** The cell; undefined shows as `<none>`. */
  cell(object: T): unknown;
}

/** A column of texts by name; cells that are numbers stay so, as upstream leaves them. */
export function text<T>(name: string, cell: (object: T) => string | number | boolean | undefined): Column<T> {
  return { name, type: "string", cell };
}

export function count<T>(name: string, cell: (object: T) => number | undefined): Column<T> {
  return { name, type: "integer", cell: (object) => cell(object) ?? 0 };
}

/** Shown with `-o wide` alone. */
export function wide<T>(name: string, cell: (object: T) => string | undefined): Column<T> {
  return { name, type: "string", priority: 1, cell };
}

export const nameColumn: Column<KubeObject> = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
  cell: (object) => object.metadata.name,
};

export const ageColumn: Column<KubeObject> = {
  name: "Age",
  type: "string",
  description: "Time since the object was created.",
  cell: (object) => since(object.metadata.creationTimestamp),
};
