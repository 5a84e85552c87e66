// From text to types: a column has the narrowest type that all its values have.
import { type Column, type ColumnType, ComponentError } from "@capstan/components/contract";
import type { Database, Value } from "@capstan/components/tables";
import { quoteName } from "@capstan/components/transforms";
import type { SourceTable } from "./source.ts";

/** The temporary table that holds the file as text. */
export const stagedTable = "capstan_staged";

/** Share of numbers from which a column of text looks like a mistake in a few rows. */
const suspicious = 0.9;

export async function castColumns(
  database: Database,
  names: string[],
  wanted: Record<string, string>,
  log: (line: string) => void,
): Promise<SourceTable> {
  const counts = await countTypes(database, names);
  const columns: Column[] = [];
  for (const [i, name] of names.entries()) {
    const count = (what: string) => Number(counts[`${what}${i}`] ?? 0);
    const type = (wanted[name] as ColumnType | undefined) ?? guessType(count);
    if (wanted[name] !== undefined) await verify(database, name, type);
    else if (type === "string" && count("number") >= suspicious * count("present") && count("padded") === 0)
      await warn(database, name, log);
    columns.push({ name, type, role: "feature" });
  }
  const list = columns.map((column) => `${castText(column)} AS ${quoteName(column.name)}`);
  return { sql: `SELECT ${list.join(", ")} FROM ${stagedTable}`, columns };
}

async function countTypes(database: Database, names: string[]): Promise<Record<string, Value>> {
  const parts = names.flatMap((name, i) => {
    const value = quoteName(name);
    return [
      `count(${value}) AS present${i}`,
      `count(*) FILTER (regexp_full_match(${value}, '[+-]?(0|[1-9][0-9]{0,17})')) AS integer${i}`,
      `count(${numberText(value)}) AS number${i}`,
      // Codes such as 00123 are text: as numbers they would lose their zeros.
      `count(*) FILTER (regexp_full_match(${value}, '[+-]?0[0-9]+')) AS padded${i}`,
      `count(try_cast(${value} AS TIMESTAMP)) AS timestamp${i}`,
    ];
  });
  const [row = {}] = await database.rows(`SELECT ${parts.join(", ")} FROM ${stagedTable}`);
  return row;
}

const numberText = (value: string) => `nullif(try_cast(${value} AS DOUBLE), 'NaN'::DOUBLE)`;

function guessType(count: (what: string) => number): ColumnType {
  const present = count("present");
  if (present === 0) return "string";
  if (count("integer") === present) return "integer";
  if (count("number") === present && count("padded") === 0) return "number";
  return count("timestamp") === present ? "timestamp" : "string";
}

function castText({ name, type }: Column): string {
  const value = quoteName(name);
  if (type === "string") return value;
  if (type === "number") return numberText(value);
  return `try_cast(${value} AS ${type === "integer" ? "BIGINT" : "TIMESTAMP"})`;
}

async function verify(database: Database, name: string, type: ColumnType): Promise<void> {
  const [bad] = await firstMisfit(database, name, castText({ name, type, role: "feature" }));
  if (!bad) return;
  const where = `data row ${bad.row}`;
  throw new ComponentError(
    `column ${JSON.stringify(name)}, ${where}: ${JSON.stringify(bad.value)} is not of type ${type}. Correct it, add it to nulls, or take another type`,
  );
}

async function warn(database: Database, name: string, log: (line: string) => void): Promise<void> {
  const [bad] = await firstMisfit(database, name, numberText(quoteName(name)));
  if (bad)
    log(
      `column ${JSON.stringify(name)} is read as text: data row ${bad.row} has ${JSON.stringify(bad.value)}, most others numbers`,
    );
}

function firstMisfit(database: Database, name: string, cast: string): Promise<Record<string, Value>[]> {
  const value = quoteName(name);
  return database.rows(`SELECT rowid + 1 AS row, ${value} AS value FROM ${stagedTable}
    WHERE ${value} IS NOT NULL AND ${cast} IS NULL ORDER BY rowid LIMIT 1`);
}
