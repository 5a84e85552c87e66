import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { likeliest } from "@capstan/components/models";
import { pointLimit, reportClassification, reportRegression, rocCurve } from "./index.ts";

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/sklearn.json"), "utf8")).judge;

function same(actual: number | undefined, expected: number, what: string): void {
  assert.ok(Math.abs((actual as number) - expected) <= 1e-9, `${what}: ${actual} is not ${expected}`);
}

test("a classification's report is scikit-learn's to 1e-9", () => {
  const probabilities = Float64Array.from(recorded.probabilities.flat());
  const answers = {
    classes: ["a", "b", "c"],
    actual: recorded.actual,
    predicted: likeliest(probabilities, 3),
    probabilities,
  };
  const report = reportClassification(answers);
  same(report.accuracy, recorded.accuracy, "accuracy");
  same(report.macroF1, recorded.macroF1, "macro F1");
  same(report.logLoss, recorded.logLoss, "log loss");
  assert.deepEqual(report.confusion, recorded.confusion);
  report.classes.forEach((one, k) => {
    for (const name of ["precision", "recall", "f1", "support"] as const)
      same(one[name], recorded[name][k], `${name} of ${one.label}`);
    same(report.roc[k]?.auc, recorded.auc[k], `AUC of ${one.label}`);
  });
});

test("of two classes the second one's AUC counts", () => {
  const { probabilities, actual, auc } = recorded.binary;
  const flat = Float64Array.from(probabilities.flat());
  const report = reportClassification({
    classes: ["n", "y"],
    actual,
    predicted: likeliest(flat, 2),
    probabilities: flat,
  });
  same(report.auc, auc, "AUC");
});

test("a class nobody has, or nobody claims, counts 0 and has no curve", () => {
  const probabilities = Float64Array.from([0.9, 0.1, 0, 0.8, 0.2, 0]);
  const report = reportClassification({ classes: ["a", "b", "c"], actual: [0, 1], predicted: [0, 0], probabilities });
  assert.deepEqual(report.classes[2], { label: "c", precision: 0, recall: 0, f1: 0, support: 0 });
  assert.equal(report.roc[2]?.auc, undefined);
  assert.equal(report.auc, undefined);
});

test("curves of many rows stay small and keep their ends", () => {
  const rows = 20_000;
  const scores = Float64Array.from({ length: rows }, (_, i) => (i * 7919) % rows);
  const actual = Array.from(scores, (score, i) => Number(score + (i % 7) * 900 > rows / 2));
  const { points, auc } = rocCurve("x", scores, actual, 1);
  assert.ok(points.length <= pointLimit && points.length > pointLimit / 3, `${points.length} points`);
  assert.deepEqual(
    [points[0], points.at(-1)],
    [
      [0, 0],
      [1, 1],
    ],
  );
  assert.ok((auc as number) > 0.9);
});

test("numbers are judged by squares, sizes and what they explain", () => {
  assert.deepEqual(reportRegression([1, 2, 3], [1, 2, 6]), {
    task: "regression",
    rows: 3,
    rmse: Math.sqrt(3),
    mae: 1,
    r2: 1 - 9 / 2,
  });
  assert.equal("r2" in reportRegression([2, 2], [1, 3]), false);
  assert.throws(() => reportRegression([], []), RangeError);
});
