// What most components do alike: open the input tables, check them, write a table that went through more steps.
import { type Column, isNumeric, type RunContext, type TableSchema, withRole } from "@capstan/components/contract";
import { type Database, openDatabase, openTable, type Table, writeTable } from "@capstan/components/tables";
import { applySteps, columnsAfter, type Step } from "@capstan/components/transforms";

/** Opens the tables of these ports, checks parameters against them, and closes the database in the end. */
export async function withTables<Port extends string>(
  context: Pick<RunContext, "scratch" | "signal" | "input" | "check">,
  ports: readonly Port[],
  work: (database: Database, tables: Record<Port, Table>) => Promise<void>,
): Promise<void> {
  using database = await openDatabase({ scratch: context.scratch, signal: context.signal });
  const tables: Partial<Record<Port, Table>> = {};
  for (const port of ports) tables[port] = await openTable(database, context.input(port));
  context.check(tables);
  await work(database, tables as Record<Port, Table>);
}

/** Writes the table after fitted steps, which join its chain. */
export async function writeSteps(database: Database, path: string, table: Table, steps: Step[]): Promise<void> {
  const { sql, columns } = applySteps(table, steps);
  const chain = { source: table.chain.source, steps: [...table.chain.steps, ...steps] };
  await writeTable(database, path, sql, { columns, chain, profile: table.profile });
}

/** The schema after steps of which only the effect on columns is known yet. */
export function schemaAfter(schema: TableSchema, steps: Step[]): TableSchema {
  return { ...schema, columns: steps.reduce(columnsAfter, schema.columns) };
}

/** The named columns, or when none is named the features that fit. */
export function chosen(schema: TableSchema, names: readonly string[], fits: (column: Column) => boolean): Column[] {
  if (names.length > 0) return schema.columns.filter((column) => names.includes(column.name));
  return withRole(schema, "feature").filter(fits);
}

/** Columns that earlier steps made of others: flags, which need no scaling. */
export function flagsOf(table: Pick<Table, "chain">): Set<string> {
  const flags = new Set<string>();
  for (const step of table.chain.steps) {
    if (step.op === "one-hot") for (const name of step.outputs) flags.add(name);
    if (step.op === "impute" && step.indicator !== undefined) flags.add(step.indicator);
  }
  return flags;
}

export const isText = (column: Column): boolean => column.type === "string";
export const isNumber = isNumeric;
