import { type Column, isNumeric } from "@capstan/components/contract";
import type { ColumnProfile, Database } from "@capstan/components/tables";
import { quoteName } from "@capstan/components/transforms";

/** Longest example text that is kept. */
const exampleLimit = 200;

/** Range of each column of numbers, and an example for each: from the first row where nothing is missing, if any. */
export async function profileColumns(
  database: Database,
  sql: string,
  columns: Column[],
): Promise<Record<string, ColumnProfile>> {
  const numbers = columns.filter(isNumeric);
  const ranges = numbers.flatMap(({ name }, i) => [
    `min(${quoteName(name)})::DOUBLE AS low${i}`,
    `max(${quoteName(name)})::DOUBLE AS high${i}`,
  ]);
  const [range = {}] = ranges.length > 0 ? await database.rows(`SELECT ${ranges.join(", ")} FROM (${sql})`) : [];
  const examples = await exampleRow(database, sql, columns);
  const profile: Record<string, ColumnProfile> = {};
  for (const { name } of columns) {
    const i = numbers.findIndex((column) => column.name === name);
    const entry: ColumnProfile = {};
    const [low, high, example] = [range[`low${i}`], range[`high${i}`], examples[name]];
    if (typeof low === "number" && Number.isFinite(low)) entry.minimum = low;
    if (typeof high === "number" && Number.isFinite(high)) entry.maximum = high;
    if (typeof example === "number" && Number.isFinite(example)) entry.example = example;
    if (typeof example === "string" && example.length <= exampleLimit) entry.example = example;
    profile[name] = entry;
  }
  return profile;
}

async function exampleRow(database: Database, sql: string, columns: Column[]) {
  const whole = columns.map(({ name }) => `${quoteName(name)} IS NOT NULL`).join(" AND ");
  const [full] = await database.rows(`SELECT * FROM (${sql}) WHERE ${whole} LIMIT 1`);
  if (full) return full;
  const any = columns.map(({ name }) => `any_value(${quoteName(name)}) AS ${quoteName(name)}`);
  const [some = {}] = await database.rows(`SELECT ${any.join(", ")} FROM (${sql})`);
  return some;
}
