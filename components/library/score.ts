// Using a model on a table: the preprocessing that the table still lacks, then the engine.
import { ComponentError, isNumeric } from "@capstan/components/contract";
import { type ModelDocument, predict } from "@capstan/components/models";
import { countRows, type Database, loadFloats, type Table } from "@capstan/components/tables";
import { applySteps, type Query, stepsAfter } from "@capstan/components/transforms";

export interface Scored {
  rows: number;
  /** See `predict`. */
  predictions: Float64Array;
}

/** The table as the model was trained to see it: the columns it had, after all steps of the model's chain. */
export function prepareTable(model: ModelDocument, table: Table): Query {
  const missing = stepsAfter(model.chain, table.chain);
  if (!missing)
    throw new ComponentError(
      "the table went through other preprocessing than the model's training rows: connect it where those came from, before or after the same steps",
    );
  const names = new Set(table.columns.map((column) => column.name));
  for (const step of missing) {
    if (!names.has(step.column)) throw new ComponentError(`the model needs a column ${JSON.stringify(step.column)}`);
    if (step.op === "one-hot") for (const name of step.outputs) names.add(name);
    if (step.op === "rename") names.add(step.to);
    if (step.op === "impute" && step.indicator !== undefined) names.add(step.indicator);
  }
  const query = applySteps(table, missing);
  for (const name of model.features) {
    const column = query.columns.find((column) => column.name === name);
    if (!column) throw new ComponentError(`the model needs a column ${JSON.stringify(name)}`);
    if (!isNumeric(column))
      throw new ComponentError(`column ${JSON.stringify(name)} is not of numbers, as the model needs it`);
  }
  return query;
}

export async function scoreTable(database: Database, model: ModelDocument, sql: string): Promise<Scored> {
  const rows = await countRows(database, sql);
  const columns = await loadFloats(database, sql, model.features, rows);
  return { rows, predictions: predict(model, columns, rows) };
}
