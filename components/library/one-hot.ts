import { ComponentError, defineComponent, type Problem } from "@capstan/components/contract";
import type { Database } from "@capstan/components/tables";
import { quoteName, type Step } from "@capstan/components/transforms";
import { chosen, isText, withTables, writeSteps } from "./step.ts";

export const oneHot = defineComponent({
  name: "one-hot",
  version: "1.0.0",
  stage: "features",
  title: { en: "One-hot encode", zh: "独热编码" },
  docs: {
    en: "Turns each text column into one column of 0 and 1 for each of its values.",
    zh: "将文本列的每个取值变为一列 0/1。",
  },
  inputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  outputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  results: { fitted: { en: "The values of each column", zh: "各列的取值" } },
  parameters: {
    columns: {
      type: "columns",
      port: "table",
      of: ["string"],
      default: [],
      title: { en: "Columns", zh: "列" },
      docs: { en: "Columns to encode; none: all features of text.", zh: "要编码的列;留空表示全部文本特征。" },
    },
    limit: {
      type: "integer",
      minimum: 2,
      maximum: 10_000,
      default: 100,
      title: { en: "Most values", zh: "取值上限" },
      docs: { en: "A column with more values is refused.", zh: "取值数超过上限的列会被拒绝。" },
    },
  },
  propagate({ table }, { columns = [] }) {
    if (!table) return { outputs: {}, problems: [] };
    const encoded = chosen(table, columns, isText);
    const problems: Problem[] = encoded
      .filter((column) => column.role === "label")
      .map(({ name }) => ({
        path: "columns",
        message: `column ${JSON.stringify(name)} is the label: leave it as it is`,
      }));
    const left = table.columns.filter((column) => !encoded.includes(column));
    const families = [...(table.families ?? []), ...encoded.map(({ name }) => `${name}=`)];
    return { outputs: { table: { columns: left, families } }, problems };
  },
  run(context) {
    return withTables(context, ["table"], async (database, { table }) => {
      const { columns, limit } = context.parameters;
      const taken = new Set(table.columns.map((column) => column.name));
      const steps: Step[] = [];
      for (const { name } of chosen(table, columns, isText)) {
        const categories = await distinct(database, table.sql, name, limit);
        const outputs = categories.map((category) => `${name}=${category}`);
        const clash = outputs.find((output) => taken.has(output));
        if (clash !== undefined)
          throw new ComponentError(`there is a column ${JSON.stringify(clash)} already: rename it`);
        for (const output of outputs) taken.add(output);
        steps.push({ op: "one-hot", column: name, categories, outputs });
        context.log(`${name}: ${categories.length} values`);
      }
      await writeSteps(database, context.output("table"), table, steps);
      const fitted = steps.flatMap((step) =>
        step.op === "one-hot" ? [{ column: step.column, values: step.categories }] : [],
      );
      await context.emit("fitted", { columns: fitted });
    });
  },
});

/** Ascending by code point, as scikit-learn sorts them. */
async function distinct(database: Database, sql: string, name: string, limit: number): Promise<string[]> {
  const value = quoteName(name);
  const rows = await database.rows(
    `SELECT DISTINCT ${value} AS value FROM (${sql}) WHERE ${value} IS NOT NULL ORDER BY value LIMIT ${limit + 1}`,
  );
  if (rows.length > limit)
    throw new ComponentError(
      `column ${JSON.stringify(name)} has more than ${limit} values: drop it, or raise limit if they mean something`,
    );
  if (rows.length === 0) throw new ComponentError(`column ${JSON.stringify(name)} has no value at all: drop it`);
  return rows.map((row) => String(row.value));
}
