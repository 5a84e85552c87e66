import { open, stat } from "node:fs/promises";
import { type Column, type ColumnType, ComponentError, type TableSchema } from "@capstan/components/contract";
import { type Database, orAbsent } from "@capstan/components/tables";
import { quoteName, quoteText } from "@capstan/components/transforms";
import { stageCsv } from "./csv-source.ts";
import { castColumns } from "./types.ts";

export const formats = ["csv", "parquet", "json"] as const;
type Format = (typeof formats)[number];

export interface SourceOptions {
  format: Format | "auto";
  delimiter: string;
  header: boolean;
  types: Record<string, string>;
  nulls: string[];
}

export interface SourceTable extends TableSchema {
  sql: string;
}

/** The file's rows with their final types. The query goes through a temporary table of this database. */
export async function readSource(
  database: Database,
  path: string,
  options: SourceOptions,
  log: (line: string) => void,
): Promise<SourceTable> {
  const format = options.format === "auto" ? await guessFormat(path) : options.format;
  if (format === "csv") {
    const names = await stageCsv(database, path, options);
    return castColumns(database, names, options.types, log);
  }
  const reader = format === "parquet" ? "read_parquet" : "read_json_auto";
  return readTyped(database, `${reader}(${quoteText(path)})`, options.types, path);
}

export async function guessFormat(path: string): Promise<Format> {
  const found = await orAbsent(stat(path));
  if (!found) throw new ComponentError(`there is no file ${path}`);
  if (found.isDirectory()) throw new ComponentError(`${path} is a folder: name the file in it with the parameter path`);
  await using file = await open(path);
  const { buffer, bytesRead } = await file.read(Buffer.alloc(64), 0, 64, 0);
  const start = buffer.toString("latin1", 0, bytesRead);
  if (start.startsWith("PAR1")) return "parquet";
  return /^(\xef\xbb\xbf)?\s*(\{\s*["}]|\[\s*\{)/.test(start) ? "json" : "csv";
}

/** Types of DuckDB that become ours, and what they are cast to. */
function targetOf(type: string): { type: ColumnType; cast: string } | undefined {
  if (/^(U?(TINY|SMALL|BIG)INT|U?INTEGER|U?HUGEINT)$/.test(type)) return { type: "integer", cast: "BIGINT" };
  if (/^(DOUBLE|FLOAT|DECIMAL\(.*\))$/.test(type)) return { type: "number", cast: "DOUBLE" };
  if (/^(TIMESTAMP.*|DATE)$/.test(type)) return { type: "timestamp", cast: "TIMESTAMP" };
  if (/^(VARCHAR|BOOLEAN|UUID|ENUM\(.*\)|TIME.*)$/.test(type)) return { type: "string", cast: "VARCHAR" };
  return undefined;
}

const castOf: Record<ColumnType, string> = {
  integer: "BIGINT",
  number: "DOUBLE",
  timestamp: "TIMESTAMP",
  string: "VARCHAR",
};

async function readTyped(
  database: Database,
  source: string,
  wanted: Record<string, string>,
  path: string,
): Promise<SourceTable> {
  const described = await database.rows(`DESCRIBE SELECT * FROM ${source}`).catch((error: Error) => {
    throw new ComponentError(`${path}: ${error.message.split("\n")[0]}`);
  });
  const columns: Column[] = [];
  const list = described.map((row) => {
    const name = String(row.column_name);
    const target = targetOf(String(row.column_type));
    if (!target)
      throw new ComponentError(
        `column ${JSON.stringify(name)} holds ${row.column_type}: only plain values fit a table`,
      );
    const type = (wanted[name] as ColumnType | undefined) ?? target.type;
    columns.push({ name, type, role: "feature" });
    const cast = wanted[name] === undefined ? target.cast : castOf[type];
    const value = `${quoteName(name)}::${cast}`;
    // A text that is empty, and a number that is none, are missing: the model's inputs cannot tell them apart.
    const missing =
      type === "string" ? `nullif(${value}, '')` : type === "number" ? `nullif(${value}, 'NaN'::DOUBLE)` : value;
    return `${missing} AS ${quoteName(name)}`;
  });
  return { sql: `SELECT ${list.join(", ")} FROM ${source}`, columns };
}
