import { availableParallelism } from "node:os";
import { type Column, ComponentError, defineComponent, type ParameterValues } from "@capstan/components/contract";
import { featureImportance, type GbdtOptions, gbdtDefaults, type Trained, trainGbdt } from "@capstan/components/engine";
import type { GbdtModel } from "@capstan/components/models";
import type { Table } from "@capstan/components/tables";
import { gbdtParameters } from "./gbdt-parameters.ts";
import { withTables } from "./step.ts";
import { loadTraining, type TrainingData } from "./train/load.ts";
import { featuresOf, labelOf, trainingProblems } from "./train/parameters.ts";
import { saveModel } from "./train/save.ts";

/** Below this many rows one thread is as fast as several. */
const threadsFrom = 100_000;
/** Most leaves of a whole model: beyond, its ONNX graph is too large to serve. */
const leafLimit = 2_000_000;

export const gbdt = defineComponent({
  name: "gbdt",
  version: "1.0.0",
  stage: "train",
  title: { en: "Gradient boosting", zh: "梯度提升树" },
  docs: {
    en: "Learns to tell classes apart or to predict a number, by boosted trees. Missing numbers may stay.",
    zh: "用梯度提升树训练分类或回归模型,允许数值缺失。",
  },
  inputs: { table: { type: "table", title: { en: "Training rows", zh: "训练集" } } },
  outputs: { model: { type: "model", title: { en: "Model", zh: "模型" } } },
  results: { training: { en: "How the training went, and which features count", zh: "训练过程与特征重要性" } },
  parameters: gbdtParameters,
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
      const data = await loadTraining(database, table, { label, features, objective: parameters.objective }, log);
      const options = optionsOf(parameters, data);
      log(
        `${data.rows} rows, ${features.length} features, ${data.classes.length || "no"} classes, ${options.threads} threads`,
      );
      const every = Math.max(1, Math.round(options.rounds / 10));
      const trained = await trainGbdt(data.columns, data.target, {
        ...options,
        signal,
        onRound({ round, validationLoss }) {
          if (round % every !== 0) return;
          log(
            `round ${round} of ${options.rounds}${validationLoss === undefined ? "" : `, validation loss ${validationLoss.toFixed(5)}`}`,
          );
        },
      });
      const model = documentOf(table, label, features, data, trained);
      await saveModel(context.output("model"), model);
      log(`${trained.ensemble.trees.length} trees`);
      await context.emit("training", summaryOf(model));
    });
  },
});

function optionsOf(parameters: ParameterValues<typeof gbdtParameters>, { rows, target }: TrainingData): GbdtOptions {
  const { rounds, learningRate, leaves, depth, minData, l2, bins, subsample, earlyStopping, validation, seed } =
    parameters;
  if (rounds * leaves * target.outputs > leafLimit)
    throw new ComponentError(`rounds × leaves × classes is more than ${leafLimit} (limit leaves): lower one of them`);
  const threads = parameters.threads > 0 ? parameters.threads : Math.min(4, availableParallelism());
  return {
    ...gbdtDefaults,
    rounds,
    learningRate,
    maxLeaves: leaves,
    maxDepth: depth,
    minData,
    l2,
    maxBins: bins,
    subsample,
    earlyStopping,
    validation,
    seed,
    threads: rows >= threadsFrom ? threads : 1,
  };
}

function documentOf(table: Table, label: Column, features: Column[], data: TrainingData, trained: Trained): GbdtModel {
  return {
    version: 1,
    kind: "gbdt",
    task: data.task,
    label,
    classes: data.classes,
    features: features.map(({ name }) => name),
    chain: table.chain,
    profile: table.profile,
    trained: { rows: data.rows, rounds: trained.rounds, validationLoss: trained.validationLoss },
    ensemble: trained.ensemble,
    importance: featureImportance(trained.ensemble, features.length),
  };
}

function summaryOf({ features, importance, trained, classes }: GbdtModel) {
  const ranked = features
    .map((name, i) => ({ name, share: importance[i] as number }))
    .sort((a, b) => b.share - a.share)
    .slice(0, 50);
  return { ...trained, classes, importance: ranked };
}
