// Boosting on the inputs of testing/peers/sklearn/record.py: not the same trees, but as good ones.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { reportClassification, reportRegression } from "@capstan/components/metrics";
import { type GbdtModel, likeliest, predict } from "@capstan/components/models";
import { gbdtDefaults, type Target, trainGbdt } from "./index.ts";

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/sklearn.json"), "utf8")).boosting;
const rows = 4000;
const cut = 3000;

/** Uniform numbers of a linear congruential generator (Numerical Recipes). */
function uniform(seed: number, count: number): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  });
}

const u = uniform(7, rows * 6);
const at = (row: number, column: number) => u[row * 6 + column] as number;
const columns = [0, 1, 2, 3].map((f) =>
  Float32Array.from({ length: rows }, (_, row) => (at(row, f) < 0.05 ? Number.NaN : at(row, f) * 4 - 2)),
);
const filled = (row: number, f: number) => {
  const value = columns[f]?.[row] as number;
  return Number.isNaN(value) ? 1 : value;
};
const z = (row: number) => 1.5 * filled(row, 0) + Math.sin(3 * filled(row, 1)) + filled(row, 2) * filled(row, 3);
const labelsOf = (make: (row: number) => number) => Float32Array.from({ length: rows }, (_, row) => make(row));
const labels = {
  binary: labelsOf((row) => Number(at(row, 4) < 1 / (1 + Math.exp(-z(row))))),
  softmax: labelsOf((row) => Math.min(2, Math.max(0, Math.floor(z(row) + 1.5 + (at(row, 4) - 0.5))))),
  squared: labelsOf((row) => z(row) + 0.2 * (at(row, 4) - 0.5)),
};

async function heldOut(target: Target, classes: string[]) {
  const seen = columns.map((column) => column.subarray(0, cut));
  const { ensemble } = await trainGbdt(seen, { ...target, labels: target.labels.subarray(0, cut) }, gbdtDefaults);
  const task = classes.length > 0 ? "classification" : "regression";
  const model = { kind: "gbdt", task, classes, ensemble } as unknown as GbdtModel;
  const rest = columns.map((column) => column.subarray(cut));
  return predict(model, rest, rows - cut);
}

for (const [objective, outputs] of [
  ["binary", 1],
  ["softmax", 3],
] as const) {
  test(`${objective} boosting is as good as scikit-learn's HistGradientBoosting on the same rows`, async () => {
    const classes = ["a", "b", "c"].slice(0, Math.max(2, outputs));
    const probabilities = await heldOut({ objective, outputs, labels: labels[objective] }, classes);
    const predicted = likeliest(probabilities, classes.length);
    const report = reportClassification({ classes, actual: labels[objective].subarray(cut), predicted, probabilities });
    const { accuracy, auc, logLoss } = recorded[objective];
    assert.ok(Math.abs(report.accuracy - accuracy) <= 0.015, `accuracy ${report.accuracy}, recorded ${accuracy}`);
    assert.ok(Math.abs((report.auc as number) - auc) <= 0.01, `AUC ${report.auc}, recorded ${auc}`);
    assert.ok(Math.abs(report.logLoss - logLoss) <= 0.03, `log loss ${report.logLoss}, recorded ${logLoss}`);
  });
}

test("regression is as good as scikit-learn's on the same rows", async () => {
  const predicted = await heldOut({ objective: "squared", outputs: 1, labels: labels.squared }, []);
  const { rmse } = reportRegression(labels.squared.subarray(cut), predicted);
  assert.ok(Math.abs(rmse - recorded.squared.rmse) <= 0.05 * recorded.squared.rmse, `RMSE ${rmse}`);
});
