import { type Column, ComponentError, defineComponent } from "@capstan/components/contract";
import { fitLogistic } from "@capstan/components/engine";
import type { LinearModel } from "@capstan/components/models";
import { withTables } from "./step.ts";
import { loadTraining } from "./train/load.ts";
import { featuresOf, featuresParameter, labelOf, labelParameter, trainingProblems } from "./train/parameters.ts";
import { saveModel } from "./train/save.ts";

export const logistic = defineComponent({
  name: "logistic",
  version: "1.0.0",
  stage: "train",
  title: { en: "Logistic regression", zh: "逻辑回归" },
  docs: {
    en: "Learns to tell classes apart by weighted sums of the features. Missing numbers must be imputed before.",
    zh: "用特征加权和训练分类模型;缺失值需先填充。",
  },
  inputs: { table: { type: "table", title: { en: "Training rows", zh: "训练集" } } },
  outputs: { model: { type: "model", title: { en: "Model", zh: "模型" } } },
  results: { training: { en: "How the training went, and the coefficients", zh: "训练过程与系数" } },
  parameters: {
    label: labelParameter,
    features: featuresParameter,
    c: {
      type: "number",
      minimum: 0,
      maximum: 1e9,
      exclusiveMinimum: true,
      default: 1,
      title: { en: "C", zh: "C" },
      docs: { en: "Inverse of the L2 penalty: smaller is simpler.", zh: "L2 正则强度的倒数,越小模型越简单。" },
    },
    iterations: {
      type: "integer",
      minimum: 1,
      maximum: 100_000,
      default: 500,
      title: { en: "Iterations", zh: "迭代次数" },
      docs: { en: "Most steps of the solver.", zh: "求解器的最大步数。" },
    },
    tolerance: {
      type: "number",
      minimum: 0,
      maximum: 1,
      exclusiveMinimum: true,
      default: 1e-7,
      title: { en: "Tolerance", zh: "收敛阈值" },
      docs: { en: "The solver ends when no part of the gradient is larger.", zh: "梯度各分量均不大于该值时停止。" },
    },
  },
  propagate({ table }, { label = "", features = [] }) {
    if (!table) return { outputs: {}, problems: [] };
    const problems = trainingProblems(table, { label, features });
    const target = labelOf(table, { label, features });
    return { outputs: target ? { model: { columns: [{ ...target, role: "label" }] } } : {}, problems };
  },
  run(context) {
    return withTables(context, ["table"], async (database, { table }) => {
      const { parameters, log, signal } = context;
      const label = labelOf(table, parameters) as Column;
      const features = featuresOf(table, parameters);
      const data = await loadTraining(database, table, { label, features, objective: "classification" }, log);
      refuseMissing(data.columns, features);
      log(`${data.rows} rows, ${features.length} features, ${data.classes.length} classes`);
      const fit = await fitLogistic(data.columns, data.target, { ...parameters, signal });
      if (!fit.converged) log(`not converged after ${fit.iterations} iterations: scale the features, or allow more`);
      const model: LinearModel = {
        version: 1,
        kind: "logistic",
        task: "classification",
        label,
        classes: data.classes,
        features: features.map(({ name }) => name),
        chain: table.chain,
        profile: table.profile,
        trained: { rows: data.rows, rounds: fit.iterations },
        coefficients: fit.coefficients,
        intercepts: fit.intercepts,
      };
      await saveModel(context.output("model"), model);
      log(`${fit.iterations} iterations`);
      const { coefficients, intercepts, trained, classes } = model;
      await context.emit("training", { ...trained, classes, features: model.features, coefficients, intercepts });
    });
  },
});

function refuseMissing(columns: Float32Array[], features: Column[]): void {
  columns.forEach((column, f) => {
    const row = column.findIndex(Number.isNaN);
    if (row < 0) return;
    const name = JSON.stringify(features[f]?.name);
    throw new ComponentError(
      `column ${name}, row ${row + 1}: the value is missing. Put the component impute before this one`,
    );
  });
}
