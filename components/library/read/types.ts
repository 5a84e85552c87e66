// From text to types: a column has the narrowest type that all its values have.
import { type Column, type ColumnType, ComponentError } from "@capstan/components/contract";
import type { Database, Value } from "@capstan/components/tables";
import { quoteName } from "@capstan/components/transforms";
import type { SourceTable } from "./source.ts";

/** The temporary table that holds the file as text. */
export const stagedTable = "capstan_staged";

/** Share of numbers from which a column of text looks like a mistake in a few rows. */
const suspicious = 0.9;
/** Rows that are looked at before all are. */
const firstRows = 1000;

export async function castColumns(
  database: Database,
  names: string[],
  wanted: Record<string, string>,
  log: (line: string) => void,
): Promise<SourceTable> {
  const open = names.filter((name) => wanted[name] === undefined);
  const guesses = await guessTypes(database, open);
  const columns: Column[] = [];
  for (const name of names) {
    const type = (wanted[name] as ColumnType | undefined) ?? guesses.get(name)?.type ?? "string";
    if (wanted[name] !== undefined) await verify(database, name, type);
    else if (guesses.get(name)?.almostNumbers) await warn(database, name, log);
    columns.push({ name, type, role: "feature" });
  }
  const list = columns.map((column) => `${castText(column)} AS ${quoteName(column.name)}`);
  return { sql: `SELECT ${list.join(", ")} FROM ${stagedTable}`, columns };
}

interface Guess {
  type: ColumnType;
  /** Text that is almost all numbers: probably a few bad rows. */
  almostNumbers?: boolean;
}

/** Looks at a few rows first: most columns of text are known from these, and all rows are counted for the others only. */
async function guessTypes(database: Database, names: string[]): Promise<Map<string, Guess>> {
  const few = await countFits(database, names, "number", `(SELECT * FROM ${stagedTable} LIMIT ${firstRows})`);
  const hopeful = names.filter((_, i) => (few[i]?.fits ?? 0) >= suspicious * (few[i]?.present ?? 0));
  const [numbers, integers] = [
    await countFits(database, hopeful, "number", stagedTable),
    await countFits(database, hopeful, "integer", stagedTable),
  ];
  const guesses = new Map<string, Guess>();
  hopeful.forEach((name, i) => {
    const { present = 0, fits = 0 } = numbers[i] ?? {};
    if (present === 0) guesses.set(name, { type: "string" });
    else if (integers[i]?.fits === present) guesses.set(name, { type: "integer" });
    else if (fits === present) guesses.set(name, { type: "number" });
    else if (fits >= suspicious * present) guesses.set(name, { type: "string", almostNumbers: true });
  });
  const rest = names.filter((name) => !guesses.has(name));
  const times = await countFits(database, rest, "timestamp", stagedTable);
  rest.forEach((name, i) => {
    const { present = 0, fits = 0 } = times[i] ?? {};
    guesses.set(name, { type: present > 0 && fits === present ? "timestamp" : "string" });
  });
  return guesses;
}

async function countFits(database: Database, names: string[], type: keyof typeof fit, from: string) {
  if (names.length === 0) return [];
  const parts = names.flatMap((name, i) => {
    const value = quoteName(name);
    return [`count(${value}) AS present${i}`, `count(*) FILTER (${fit[type](value)}) AS fits${i}`];
  });
  const [row = {}] = await database.rows(`SELECT ${parts.join(", ")} FROM ${from}`);
  return names.map((_, i) => ({ present: Number(row[`present${i}`]), fits: Number(row[`fits${i}`]) }));
}

const numberText = (value: string) => `nullif(try_cast(${value} AS DOUBLE), 'NaN'::DOUBLE)`;

const fit = {
  /** Codes such as 00123 are text: as numbers they would lose their zeros. */
  number: (value: string) =>
    `${numberText(value)} IS NOT NULL AND NOT (${value}[1] = '0' AND ${value}[2] BETWEEN '0' AND '9')`,
  integer: (value: string) => `try_cast(${value} AS BIGINT)::VARCHAR = ${value}`,
  timestamp: (value: string) => `try_cast(${value} AS TIMESTAMP) IS NOT NULL`,
};

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
