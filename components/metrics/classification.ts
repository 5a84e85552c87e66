import { pointLimit, type RocCurve, rocCurve } from "./roc.ts";

export interface ClassMetrics {
  label: string;
  precision: number;
  recall: number;
  f1: number;
  /** Rows of this class. */
  support: number;
}

/** What a classifier's answers are worth. Also the output parameter `report` of the component evaluate. */
export interface ClassificationReport {
  task: "classification";
  rows: number;
  accuracy: number;
  macroF1: number;
  /** Mean of natural logarithms, probabilities clipped to float64's epsilon. */
  logLoss: number;
  /** Of the second class where there are two, else the mean over the classes; absent where a class has no rows. */
  auc?: number;
  classes: ClassMetrics[];
  /** Rows are the actual classes, columns the predicted ones. */
  confusion: number[][];
  /** Of each class against the rest. */
  roc: RocCurve[];
}

export interface Answers {
  classes: readonly string[];
  /** Index of the actual class, by row. */
  actual: ArrayLike<number>;
  /** Index of the predicted class, by row. */
  predicted: ArrayLike<number>;
  /** Row-major, a column for each class. */
  probabilities: Float64Array;
}

/** @throws RangeError when there are no rows. */
export function reportClassification(answers: Answers): ClassificationReport {
  const { classes, actual, predicted } = answers;
  const rows = actual.length;
  if (rows === 0) throw new RangeError("no rows to evaluate");
  const confusion = classes.map(() => new Array<number>(classes.length).fill(0));
  let right = 0;
  for (let i = 0; i < rows; i++) {
    const row = confusion[actual[i] as number] as number[];
    const at = predicted[i] as number;
    row[at] = (row[at] ?? 0) + 1;
    if (actual[i] === at) right++;
  }
  const each = classes.map((label, k) => classMetrics(label, k, confusion));
  const limit = Math.max(10, Math.min(pointLimit, Math.floor(1000 / classes.length)));
  const roc = classes.map((label, k) => rocCurve(label, columnOf(answers, k), actual, k, limit));
  return {
    task: "classification",
    rows,
    accuracy: right / rows,
    macroF1: mean(each.map(({ f1 }) => f1)),
    logLoss: logLoss(answers),
    ...summaryAuc(roc),
    classes: each,
    confusion,
    roc,
  };
}

/** A share of nothing is 0, as in scikit-learn's zero_division=0. */
function classMetrics(label: string, k: number, confusion: number[][]): ClassMetrics {
  const hits = confusion[k]?.[k] ?? 0;
  const support = confusion[k]?.reduce((sum, count) => sum + count, 0) ?? 0;
  const claimed = confusion.reduce((sum, row) => sum + (row[k] ?? 0), 0);
  const precision = claimed === 0 ? 0 : hits / claimed;
  const recall = support === 0 ? 0 : hits / support;
  const f1 = support + claimed === 0 ? 0 : (2 * hits) / (support + claimed);
  return { label, precision, recall, f1, support };
}

function logLoss({ classes, actual, probabilities }: Answers): number {
  let sum = 0;
  for (let i = 0; i < actual.length; i++) {
    const p = probabilities[i * classes.length + (actual[i] as number)] as number;
    sum -= Math.log(Math.min(1 - Number.EPSILON, Math.max(Number.EPSILON, p)));
  }
  return sum / actual.length;
}

function columnOf({ classes, actual, probabilities }: Answers, k: number): Float64Array {
  return Float64Array.from({ length: actual.length }, (_, i) => probabilities[i * classes.length + k] as number);
}

function summaryAuc(roc: RocCurve[]): { auc?: number } {
  const areas = (roc.length === 2 ? roc.slice(1) : roc).map(({ auc }) => auc);
  return areas.some((auc) => auc === undefined) ? {} : { auc: mean(areas as number[]) };
}

function mean(values: number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
