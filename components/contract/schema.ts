/** What a value of a column is. Truth values are strings ("true", "false"), so that they can be missing and be classes. */
export const columnTypes = ["string", "number", "integer", "timestamp"] as const;
export type ColumnType = (typeof columnTypes)[number];

/** What a column is for: a model learns `label` from the features; `id` and `weight` are carried along. */
export const columnRoles = ["feature", "label", "id", "weight"] as const;
export type ColumnRole = (typeof columnRoles)[number];

export interface Column {
  name: string;
  type: ColumnType;
  role: ColumnRole;
  /** Before a run: the type is a guess from the first rows, and text may follow. */
  uncertain?: true;
}

/** The columns that pass through a port; of a model port, the columns that the model was trained on. */
export interface TableSchema {
  columns: Column[];
  /** Before a run: beginnings of the names of further columns, of numbers, that the data decides about. */
  families?: string[];
}

export function columnOf(schema: TableSchema, name: string): Column | undefined {
  return schema.columns.find((column) => column.name === name);
}

export function withRole(schema: TableSchema, role: ColumnRole): Column[] {
  return schema.columns.filter((column) => column.role === role);
}

/** Numbers of both kinds: what a model or a scaler can take as it is. */
export function isNumeric(column: Column): boolean {
  return column.type === "number" || column.type === "integer";
}
