import { writeFile } from "node:fs/promises";
import {
  ComponentError,
  defineComponent,
  type Problem,
  type TableSchema,
  withRole,
} from "@capstan/components/contract";
import { reportClassification, reportRegression } from "@capstan/components/metrics";
import { likeliest, type ModelDocument, readModel } from "@capstan/components/models";
import { countRows, type Database, loadFloats, loadIndexes } from "@capstan/components/tables";
import { quoteName } from "@capstan/components/transforms";
import { prepareTable, scoreTable } from "./score.ts";
import { withTables } from "./step.ts";

export const evaluate = defineComponent({
  name: "evaluate",
  version: "1.0.0",
  stage: "judge",
  title: { en: "Evaluate", zh: "模型评估" },
  docs: {
    en: "Compares a model's answers with the labels of rows that it did not learn from.",
    zh: "在未参与训练的数据上对比模型预测与真实标签。",
  },
  inputs: {
    model: { type: "model", title: { en: "Model", zh: "模型" } },
    table: { type: "table", title: { en: "Test rows", zh: "测试集" } },
  },
  outputs: { report: { type: "report", title: { en: "Report", zh: "评估报告" } } },
  results: { report: { en: "Accuracy, F1, confusion matrix, ROC", zh: "准确率、F1、混淆矩阵、ROC" } },
  parameters: {},
  propagate({ model, table }) {
    return { outputs: {}, problems: labelProblems(model, table) };
  },
  run(context) {
    return withTables(context, ["table"], async (database, { table }) => {
      const model = await readModel(context.input("model"));
      context.check({ table, model: { columns: [model.label] } });
      const query = prepareTable(model, table);
      const sql = `SELECT * FROM (${query.sql}) WHERE ${quoteName(model.label.name)} IS NOT NULL`;
      await announceUnlabelled(database, query.sql, sql, context.log);
      const report = await judge(database, model, sql);
      context.log(headline(report));
      await writeFile(context.output("report"), JSON.stringify(report));
      await context.emit("report", report);
    });
  },
});

function labelProblems(model: TableSchema | undefined, table: TableSchema | undefined): Problem[] {
  const label = model && withRole(model, "label")[0];
  if (!label || !table || table.columns.some((column) => column.name === label.name)) return [];
  return [
    { path: "inputs.table", message: `the table has no column ${JSON.stringify(label.name)}, the model's label` },
  ];
}

async function announceUnlabelled(database: Database, all: string, labelled: string, log: (line: string) => void) {
  const [rows, kept] = [await countRows(database, all), await countRows(database, labelled)];
  if (kept === 0) throw new ComponentError("no row has a label: nothing can be compared");
  if (kept < rows) log(`${rows - kept} rows without a label are left out`);
}

async function judge(database: Database, model: ModelDocument, sql: string) {
  const { rows, predictions } = await scoreTable(database, model, sql);
  if (model.task === "regression") {
    const [actual] = await loadFloats(database, sql, [model.label.name], rows);
    return reportRegression(actual as Float32Array, predictions);
  }
  const { classes, label } = model;
  const actual = await loadIndexes(database, sql, label.name, classes, rows);
  const strange = actual.findIndex(Number.isNaN);
  if (strange >= 0)
    throw new ComponentError(
      `row ${strange + 1} with a label: its ${JSON.stringify(label.name)} is none of the classes ${classes.join(", ")}`,
    );
  return reportClassification({
    classes,
    actual,
    predicted: likeliest(predictions, classes.length),
    probabilities: predictions,
  });
}

function headline(report: Awaited<ReturnType<typeof judge>>): string {
  if (report.task === "regression")
    return `${report.rows} rows: RMSE ${report.rmse.toPrecision(5)}, MAE ${report.mae.toPrecision(5)}`;
  const auc = report.auc === undefined ? "" : `, AUC ${report.auc.toFixed(4)}`;
  return `${report.rows} rows: accuracy ${report.accuracy.toFixed(4)}, macro F1 ${report.macroF1.toFixed(4)}${auc}`;
}
