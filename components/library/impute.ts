import {
  type Column,
  ComponentError,
  defineComponent,
  isNumeric,
  type Problem,
  type TableSchema,
} from "@capstan/components/contract";
import type { Database } from "@capstan/components/tables";
import { quoteName, type Step } from "@capstan/components/transforms";
import { chosen, schemaAfter, withTables, writeSteps } from "./step.ts";

const forNumbers = ["mean", "median", "mode", "constant", "none"] as const;
const forText = ["mode", "constant", "none"] as const;
type Strategy = (typeof forNumbers)[number];

export const impute = defineComponent({
  name: "impute",
  version: "1.0.0",
  stage: "features",
  title: { en: "Impute", zh: "缺失值填充" },
  docs: {
    en: "Puts a value in the place of missing ones. What it learned goes into the model too.",
    zh: "用学到的值填充缺失值,并随模型一起导出。",
  },
  inputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  outputs: { table: { type: "table", title: { en: "Table", zh: "数据表" } } },
  results: { fitted: { en: "The value for each column", zh: "各列的填充值" } },
  parameters: {
    columns: {
      type: "columns",
      port: "table",
      of: ["number", "integer", "string"],
      default: [],
      title: { en: "Columns", zh: "列" },
      docs: { en: "Columns to fill; none: all features.", zh: "要填充的列;留空表示全部特征。" },
    },
    numbers: {
      type: "choice",
      values: forNumbers,
      default: "median",
      title: { en: "Numbers", zh: "数值列" },
      docs: { en: "What replaces a missing number.", zh: "缺失数值的填充方式。" },
    },
    text: {
      type: "choice",
      values: forText,
      default: "mode",
      title: { en: "Text", zh: "文本列" },
      docs: { en: "What replaces a missing text.", zh: "缺失文本的填充方式。" },
    },
    strategies: {
      type: "map",
      port: "table",
      values: forNumbers,
      title: { en: "By column", zh: "按列指定" },
      docs: { en: "Columns that differ from the rest: column=strategy.", zh: "与其他列不同的填充方式:列名=方式。" },
    },
    number: {
      type: "number",
      default: 0,
      title: { en: "Constant number", zh: "常数" },
      docs: { en: "For numbers filled with a constant.", zh: "数值列使用常数填充时的值。" },
    },
    constant: {
      type: "string",
      default: "missing",
      title: { en: "Constant text", zh: "常量文本" },
      docs: { en: "For texts filled with a constant.", zh: "文本列使用常量填充时的值。" },
    },
    indicator: {
      type: "boolean",
      default: false,
      title: { en: "Indicator", zh: "缺失标记" },
      docs: {
        en: "Adds a column of 0 and 1 that says where a value was missing.",
        zh: "增加一列 0/1 表示原值是否缺失。",
      },
    },
  },
  propagate({ table }, { columns = [], numbers = "median", text = "mode", strategies = {}, indicator = false }) {
    if (!table) return { outputs: {}, problems: [] };
    const plan = planFills(table, { columns, numbers, text, strategies });
    const problems = planProblems(table, plan, strategies, indicator);
    const steps = plan.map(({ column }) => toStep(table, column, isNumeric(column) ? 0 : "", indicator));
    return { outputs: { table: schemaAfter(table, steps) }, problems };
  },
  run(context) {
    return withTables(context, ["table"], async (database, { table }) => {
      const { number, constant, indicator } = context.parameters;
      const fitted: { column: string; strategy: string; value: number | string }[] = [];
      const steps: Step[] = [];
      for (const { column, strategy } of planFills(table, context.parameters)) {
        const given = isNumeric(column) ? number : constant;
        const value = strategy === "constant" ? given : await fit(database, table.sql, column, strategy);
        fitted.push({ column: column.name, strategy, value });
        steps.push(toStep(table, column, isNumeric(column) ? Math.fround(Number(value)) : value, indicator));
        context.log(`${column.name}: ${strategy} = ${value}`);
      }
      await writeSteps(database, context.output("table"), table, steps);
      await context.emit("fitted", { columns: fitted });
    });
  },
});

interface Plan {
  columns: string[];
  numbers: Strategy;
  text: Strategy;
  strategies: Record<string, string>;
}
interface Fill {
  column: Column;
  strategy: Strategy;
}

function planFills(table: TableSchema, { columns, numbers, text, strategies }: Plan): Fill[] {
  const common = chosen(table, columns, (column) => column.type !== "timestamp");
  return table.columns
    .filter((column) => common.includes(column) || Object.hasOwn(strategies, column.name))
    .map((column) => {
      const usual = isNumeric(column) ? numbers : text;
      return { column, strategy: (strategies[column.name] as Strategy | undefined) ?? usual };
    })
    .filter(({ strategy }) => strategy !== "none");
}

function planProblems(
  table: TableSchema,
  plan: Fill[],
  strategies: Record<string, string>,
  indicator: boolean,
): Problem[] {
  const problems: Problem[] = [];
  for (const { column, strategy } of plan) {
    const path = Object.hasOwn(strategies, column.name) ? "strategies" : "columns";
    const name = JSON.stringify(column.name);
    if (column.type === "timestamp")
      problems.push({ path, message: `column ${name} is a timestamp: it cannot be filled` });
    else if (!isNumeric(column) && (strategy === "mean" || strategy === "median"))
      problems.push({ path, message: `column ${name} is text: it has no ${strategy}` });
    if (indicator && table.columns.some((other) => other.name === indicatorName(column)))
      problems.push({
        path: "indicator",
        message: `there is a column ${JSON.stringify(indicatorName(column))} already`,
      });
  }
  return problems;
}

const indicatorName = (column: Column) => `${column.name}_missing`;

/** Indicators are for features: a label or an id needs none. */
function toStep(_table: TableSchema, column: Column, fill: number | string, indicator: boolean): Step {
  const flag = indicator && column.role === "feature" ? { indicator: indicatorName(column) } : {};
  return { op: "impute", column: column.name, fill, ...flag };
}

/** Ties of the mode: the smallest value, as scikit-learn has it. */
async function fit(database: Database, sql: string, column: Column, strategy: Strategy): Promise<number | string> {
  const name = quoteName(column.name);
  const present = `FROM (${sql}) WHERE ${name} IS NOT NULL`;
  const statement =
    strategy === "mode"
      ? `SELECT ${name} AS value ${present} GROUP BY ${name} ORDER BY count(*) DESC, ${name} LIMIT 1`
      : `SELECT ${strategy === "mean" ? "avg" : "median"}(${name}::DOUBLE) AS value ${present}`;
  const [row] = await database.rows(statement);
  const value = row?.value;
  if (typeof value !== "number" && typeof value !== "string") {
    const message = `column ${JSON.stringify(column.name)} has no value at all to take the ${strategy} of`;
    throw new ComponentError(`${message}: drop it, or fill it with a constant`);
  }
  return value;
}
