import { type Column, ComponentError, isNumeric, withRole } from "@capstan/components/contract";
import type { Target } from "@capstan/components/engine";
import { countRows, type Database, loadFloats, loadIndexes, type Table } from "@capstan/components/tables";
import { quoteName } from "@capstan/components/transforms";

/** Most classes of a label. */
export const classLimit = 100;
/** Most values of all features together: each takes up to eight bytes while a model is trained. */
export const cellLimit = 200_000_000;
/** From this many distinct whole numbers on, a label is taken for a quantity. */
const quantityFrom = 20;

export interface TrainingData {
  columns: Float32Array[];
  target: Target;
  classes: string[];
  rows: number;
  task: "classification" | "regression";
}

/** Rows without a label are left out, with a line that says how many. */
export async function loadTraining(
  database: Database,
  table: Table,
  { label, features, objective }: { label: Column; features: Column[]; objective: "auto" | TrainingData["task"] },
  log: (line: string) => void,
): Promise<TrainingData> {
  const labelled = `SELECT * FROM (${table.sql}) WHERE ${quoteName(label.name)} IS NOT NULL`;
  const [all, rows] = [await countRows(database, table.sql), await countRows(database, labelled)];
  if (rows < all) log(`${all - rows} rows without a label are left out`);
  if (rows < 2) throw new ComponentError(`${rows} rows with a label: nothing can be learned from so few`);
  if (rows * features.length > cellLimit)
    throw new ComponentError(
      `${rows} rows × ${features.length} features are more than ${cellLimit} values (limit cells): take a sample`,
    );
  const task = objective === "auto" ? await guessTask(database, labelled, label) : objective;
  const columns = await loadFloats(
    database,
    labelled,
    features.map(({ name }) => name),
    rows,
  );
  const weights = await loadWeights(database, table, labelled, rows);
  const classes = task === "classification" ? await classesOf(database, labelled, label) : [];
  const labels =
    task === "classification"
      ? await loadIndexes(database, labelled, label.name, classes, rows)
      : await loadQuantities(database, labelled, label, rows);
  const target: Target = { ...shapeOf(task, classes), labels, ...(weights ? { weights } : {}) };
  return { columns, target, classes, rows, task };
}

function shapeOf(task: TrainingData["task"], classes: string[]): Pick<Target, "objective" | "outputs"> {
  if (task === "regression") return { objective: "squared", outputs: 1 };
  return classes.length === 2 ? { objective: "binary", outputs: 1 } : { objective: "softmax", outputs: classes.length };
}

async function guessTask(database: Database, sql: string, label: Column): Promise<TrainingData["task"]> {
  if (!isNumeric(label)) return "classification";
  if (label.type === "number") return "regression";
  const [row] = await database.rows(`SELECT count(DISTINCT ${quoteName(label.name)}) AS values FROM (${sql})`);
  return Number(row?.values) >= quantityFrom ? "regression" : "classification";
}

/** Ascending: text by code point, numbers by size. */
export async function classesOf(database: Database, sql: string, label: Column): Promise<string[]> {
  const name = quoteName(label.name);
  const rows = await database.rows(
    `SELECT ${name}::VARCHAR AS value FROM (${sql}) GROUP BY ${name} ORDER BY ${name} LIMIT ${classLimit + 1}`,
  );
  const column = `the label ${JSON.stringify(label.name)}`;
  if (rows.length > classLimit)
    throw new ComponentError(
      `${column} has more than ${classLimit} values (limit classes): is it an identifier, or a quantity?`,
    );
  if (rows.length < 2) throw new ComponentError(`${column} has one value only: there is nothing to tell apart`);
  return rows.map((row) => String(row.value));
}

async function loadQuantities(database: Database, sql: string, label: Column, rows: number): Promise<Float32Array> {
  if (!isNumeric(label))
    throw new ComponentError(
      `the label ${JSON.stringify(label.name)} is of type ${label.type}: regression needs numbers`,
    );
  const [values] = await loadFloats(database, sql, [label.name], rows);
  return values as Float32Array;
}

async function loadWeights(database: Database, table: Table, sql: string, rows: number) {
  const [column] = withRole(table, "weight");
  if (!column) return undefined;
  const [weights] = await loadFloats(database, sql, [column.name], rows);
  const bad = weights?.findIndex((weight) => !(weight >= 0)) ?? -1;
  if (bad >= 0)
    throw new ComponentError(`weight ${JSON.stringify(column.name)}: row ${bad + 1} has none, or a negative one`);
  return weights;
}
