import { type Column, ComponentError, defineComponent } from "@capstan/components/contract";
import type { Database } from "@capstan/components/tables";
import { quoteName, type Step } from "@capstan/components/transforms";
import { chosen, flagsOf, isNumber, schemaAfter, withTables, writeSteps } from "./step.ts";

const methods = ["standard", "min-max", "robust", "log"] as const;
type Method = (typeof methods)[number];

export const scale = defineComponent({
  name: "scale",
  version: "1.0.0",
  stage: "features",
  title: { en: "Scale", zh: "数值缩放" },
  docs: {
    en: "Brings numbers to a common scale. Missing ones stay missing.",
    zh: "将数值缩放到统一尺度,缺失值保持缺失。",
  },
  inputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  outputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  results: { fitted: { en: "Offset and divisor of each column", zh: "各列的偏移与除数" } },
  parameters: {
    columns: {
      type: "columns",
      port: "table",
      of: ["number", "integer"],
      default: [],
      title: { en: "Columns", zh: "列" },
      docs: {
        en: "Columns to scale; none: all features of numbers that are not flags of 0 and 1.",
        zh: "要缩放的列;留空表示全部数值特征(不含 0/1 标记列)。",
      },
    },
    method: {
      type: "choice",
      values: methods,
      default: "standard",
      title: { en: "Method", zh: "方法" },
      docs: {
        en: "standard: mean 0, deviation 1; min-max: 0 to 1; robust: by median and quartiles; log: sign(x)·ln(1+|x|).",
        zh: "standard:均值 0、标准差 1;min-max:0 到 1;robust:按中位数与四分位距;log:sign(x)·ln(1+|x|)。",
      },
    },
  },
  propagate({ table }, { columns = [] }) {
    if (!table) return { outputs: {}, problems: [] };
    const steps = chosen(table, columns, isNumber).map(({ name }): Step => ({ op: "log", column: name }));
    return { outputs: { table: schemaAfter(table, steps) }, problems: [] };
  },
  run(context) {
    return withTables(context, ["table"], async (database, { table }) => {
      const { columns, method } = context.parameters;
      const flags = flagsOf(table);
      const all = chosen(table, columns, (column) => isNumber(column) && !flags.has(column.name));
      const fits = method === "log" ? [] : await fit(database, table.sql, all, method);
      const steps = all.map(({ name }, i): Step => {
        const { offset, divisor } = fits[i] ?? { offset: 0, divisor: 1 };
        if (method === "log") return { op: "log", column: name };
        return { op: "scale", column: name, offset: Math.fround(offset), factor: Math.fround(1 / divisor) };
      });
      await writeSteps(database, context.output("table"), table, steps);
      context.log(`${all.length} columns by ${method}`);
      await context.emit("fitted", { method, columns: all.map(({ name }, i) => ({ column: name, ...fits[i] })) });
    });
  },
});

interface Fit {
  offset: number;
  divisor: number;
}

/** As scikit-learn: deviation of the population, linear quantiles, and 1 in place of a divisor of 0. */
async function fit(database: Database, sql: string, columns: Column[], method: Method): Promise<Fit[]> {
  if (columns.length === 0) return [];
  const parts = columns.flatMap(({ name }, i) => {
    const value = `${quoteName(name)}::DOUBLE`;
    return [`${offsetSql(method, value)} AS offset${i}`, `${divisorSql(method, value)} AS divisor${i}`];
  });
  const [row = {}] = await database.rows(`SELECT ${parts.join(", ")} FROM (${sql})`);
  return columns.map(({ name }, i) => {
    const offset = row[`offset${i}`];
    if (typeof offset !== "number")
      throw new ComponentError(`column ${JSON.stringify(name)} has no value at all: drop it`);
    return { offset, divisor: Number(row[`divisor${i}`]) || 1 };
  });
}

function offsetSql(method: Method, value: string): string {
  if (method === "standard") return `avg(${value})`;
  return method === "min-max" ? `min(${value})` : `median(${value})`;
}

function divisorSql(method: Method, value: string): string {
  if (method === "standard") return `stddev_pop(${value})`;
  if (method === "min-max") return `max(${value}) - min(${value})`;
  return `quantile_cont(${value}, 0.75) - quantile_cont(${value}, 0.25)`;
}
