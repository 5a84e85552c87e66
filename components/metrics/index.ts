// What predictions are worth: the numbers and curves of an evaluation.
export { type Answers, type ClassificationReport, type ClassMetrics, reportClassification } from "./classification.ts";
export { type RegressionReport, reportRegression } from "./regression.ts";
export { pointLimit, type RocCurve, rocCurve } from "./roc.ts";
