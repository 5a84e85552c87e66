/** A column of `kubectl get`: `priority` above 0 shows only with `-o wide`. */
export interface Column<T> {
  name: string;
  type: "string" | "integer" | "number" | "boolean" | "date";
  format?: string;
  description?: string;
  priority?: number;
  /** The cell; dates as RFC 3339 are shown as ages. */
  cell(object: T): unknown;
}
