// The table that goes from component to component: one Parquet file that carries its schema and its history.
import { type Column, ComponentError, type TableSchema } from "@capstan/components/contract";
import { type Chain, quoteName, quoteText } from "@capstan/components/transforms";
import type { Database } from "./database.ts";

/** What was seen of a column when it was read, for the forms of those who call a model. */
export interface ColumnProfile {
  minimum?: number;
  maximum?: number;
  example?: string | number;
}

/** Stands as JSON in the Parquet file's key-value metadata, under `metadataKey`. */
export interface TableMeta extends TableSchema {
  version: 1;
  chain: Chain;
  profile: Record<string, ColumnProfile>;
}

export interface Table extends TableMeta {
  /** SELECT of all columns. */
  sql: string;
  /** As a source in FROM, where `file_row_number` counts the rows from 0. */
  source: string;
}

const metadataKey = "capstan";

export async function openTable(database: Database, path: string): Promise<Table> {
  const meta = await readMeta(database, path);
  const source = `read_parquet(${quoteText(path)}, file_row_number = true)`;
  return { ...meta, sql: `SELECT ${namesOf(meta.columns)} FROM ${source}`, source };
}

async function readMeta(database: Database, path: string): Promise<TableMeta> {
  const sql = `SELECT decode(value) AS value FROM parquet_kv_metadata(${quoteText(path)}) WHERE decode(key) = '${metadataKey}'`;
  const found = await database.rows(sql).catch((error: Error) => {
    throw new ComponentError(`${path} is not a table that a component wrote: ${error.message.split("\n")[0]}`);
  });
  const text = found[0]?.value;
  if (typeof text !== "string")
    throw new ComponentError(`${path} is a Parquet file without a schema: read it with read-file`);
  const meta = JSON.parse(text) as TableMeta;
  if (meta.version !== 1)
    throw new ComponentError(`${path} was written by a newer release (table version ${meta.version})`);
  return meta;
}

export function namesOf(columns: Column[]): string {
  return columns.map((column) => quoteName(column.name)).join(", ");
}

export async function writeTable(
  database: Database,
  path: string,
  sql: string,
  { columns, chain, profile }: Omit<TableMeta, "version">,
): Promise<void> {
  if (columns.length === 0) throw new ComponentError("no column is left");
  const meta: TableMeta = { version: 1, columns, chain, profile };
  const options = `FORMAT parquet, COMPRESSION snappy, KV_METADATA {${metadataKey}: ${quoteText(JSON.stringify(meta))}}`;
  await database.run(`COPY (SELECT ${namesOf(columns)} FROM (${sql})) TO ${quoteText(path)} (${options})`);
}

export async function countRows(database: Database, sql: string): Promise<number> {
  const [row] = await database.rows(`SELECT count(*) AS rows FROM (${sql})`);
  return Number(row?.rows);
}

/** Columns as float32, NaN where missing, in memory that threads can share. Refuses infinite values by name: no model here learns from them. */
export async function loadFloats(
  database: Database,
  sql: string,
  names: readonly string[],
  rows: number,
): Promise<Float32Array[]> {
  const columns = names.map(() => new Float32Array(new SharedArrayBuffer(4 * rows)));
  const list = names.map((name) => `${quoteName(name)}::FLOAT`).join(", ");
  await database.numbers(`SELECT ${list} FROM (${sql})`, (value, row, column) => {
    if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY)
      throw new ComponentError(`column ${JSON.stringify(names[column])}, row ${row + 1}: the value is infinite`);
    (columns[column] as Float32Array)[row] = value;
  });
  return columns;
}

/** Index of each row's value in `values`, NaN for others and for NULL. */
export async function loadIndexes(
  database: Database,
  sql: string,
  name: string,
  values: readonly string[],
  rows: number,
): Promise<Float32Array> {
  const indexes = new Float32Array(rows);
  const list = `[${values.map(quoteText).join(", ")}]::VARCHAR[]`;
  const select = `SELECT list_position(${list}, ${quoteName(name)}::VARCHAR) AS at FROM (${sql})`;
  await database.numbers(select, (value, row) => {
    indexes[row] = value >= 1 ? value - 1 : Number.NaN;
  });
  return indexes;
}
