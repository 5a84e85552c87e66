// Logistic regression with an L2 penalty: two classes by one sigmoid, more by a softmax, as scikit-learn's lbfgs solver.
import { setImmediate } from "node:timers/promises";
import { minimize } from "./lbfgs.ts";
import type { Target } from "./loss.ts";

export interface LogisticOptions {
  /** Inverse of the penalty's strength: c · Σ loss + ½ Σ coefficient². */
  c: number;
  iterations: number;
  /** Of the gradient of the mean loss, with features of unit deviation. */
  tolerance: number;
  signal?: AbortSignal;
  onIteration?(iteration: number, loss: number): void;
}

export interface LogisticFit {
  /** One row of coefficients for two classes, else one a class. */
  coefficients: number[][];
  intercepts: number[];
  iterations: number;
  converged: boolean;
}

/** @param columns finite numbers only. Labels are class indexes; `outputs` is 1 for two classes. */
export async function fitLogistic(
  columns: Float32Array[],
  target: Target,
  options: LogisticOptions,
): Promise<LogisticFit> {
  // Solved for coefficients times deviation, so that columns of any scale are alike to the solver; the penalty is not.
  const spread = columns.map(deviation);
  const problem: Problem = { columns, target, spread, penalty: 1 / options.c, total: totalWeight(target) };
  const size = columns.length + 1;
  const start = new Float64Array(target.outputs * size);
  const found = await minimize((at, gradient) => evaluate(problem, at, gradient), start, {
    iterations: options.iterations,
    tolerance: options.tolerance,
    async onIteration(iteration, loss) {
      options.onIteration?.(iteration, loss);
      options.signal?.throwIfAborted();
      await setImmediate();
    },
  });
  const rows = Array.from({ length: target.outputs }, (_, k) => found.at.subarray(k * size, (k + 1) * size));
  return {
    coefficients: rows.map((row) => columns.map((_, f) => (row[f] as number) / (spread[f] as number))),
    intercepts: rows.map((row) => row[columns.length] as number),
    iterations: found.iterations,
    converged: found.converged,
  };
}

interface Problem {
  columns: Float32Array[];
  target: Target;
  spread: number[];
  penalty: number;
  total: number;
}

/** Mean loss with the penalty's share; each output's parameters are its scaled coefficients, then its intercept. */
function evaluate(
  { columns, target, spread, penalty, total }: Problem,
  at: Float64Array,
  gradient: Float64Array,
): number {
  const { outputs, labels, weights } = target;
  const rows = labels.length;
  const size = columns.length + 1;
  const scores = scoresOf(columns, spread, at, outputs, rows);
  let loss = outputs === 1 ? binaryErrors(scores, labels, weights) : softmaxErrors(scores, labels, weights, outputs);
  gradient.fill(0);
  for (let k = 0; k < outputs; k++) {
    const errors = scores.subarray(k * rows, (k + 1) * rows);
    for (let f = 0; f < columns.length; f++) {
      const column = columns[f] as Float32Array;
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += (errors[row] as number) * (column[row] as number);
      const coefficient = (at[k * size + f] as number) / (spread[f] as number);
      loss += (penalty * coefficient * coefficient) / 2;
      gradient[k * size + f] = (sum + penalty * coefficient) / (spread[f] as number) / total;
    }
    gradient[k * size + columns.length] = errors.reduce((sum, error) => sum + error, 0) / total;
  }
  return loss / total;
}

/** Output-major. */
function scoresOf(
  columns: Float32Array[],
  spread: number[],
  at: Float64Array,
  outputs: number,
  rows: number,
): Float64Array {
  const size = columns.length + 1;
  const scores = new Float64Array(outputs * rows);
  for (let k = 0; k < outputs; k++) {
    const part = scores.subarray(k * rows, (k + 1) * rows).fill(at[k * size + columns.length] as number);
    columns.forEach((column, f) => {
      const coefficient = (at[k * size + f] as number) / (spread[f] as number);
      for (let row = 0; row < rows; row++) part[row] = (part[row] as number) + coefficient * (column[row] as number);
    });
  }
  return scores;
}

/** Puts weighted probability − label in the scores' place; answers the sum of the losses. */
function binaryErrors(scores: Float64Array, labels: Float32Array, weights: Float32Array | undefined): number {
  let loss = 0;
  for (let row = 0; row < labels.length; row++) {
    const weight = weights?.[row] ?? 1;
    const score = scores[row] as number;
    const label = labels[row] as number;
    const tail = Math.log1p(Math.exp(-Math.abs(score)));
    loss += weight * (Math.max(score, 0) - label * score + tail);
    scores[row] = weight * (1 / (1 + Math.exp(-score)) - label);
  }
  return loss;
}

function softmaxErrors(
  scores: Float64Array,
  labels: Float32Array,
  weights: Float32Array | undefined,
  outputs: number,
): number {
  const rows = labels.length;
  let loss = 0;
  for (let row = 0; row < rows; row++) {
    const weight = weights?.[row] ?? 1;
    const label = labels[row] as number;
    let most = -Infinity;
    for (let k = 0; k < outputs; k++) most = Math.max(most, scores[k * rows + row] as number);
    let sum = 0;
    for (let k = 0; k < outputs; k++) sum += Math.exp((scores[k * rows + row] as number) - most);
    loss += weight * (Math.log(sum) + most - (scores[label * rows + row] as number));
    for (let k = 0; k < outputs; k++) {
      const p = Math.exp((scores[k * rows + row] as number) - most) / sum;
      scores[k * rows + row] = weight * (k === label ? p - 1 : p);
    }
  }
  return loss;
}

function deviation(column: Float32Array): number {
  let mean = 0;
  for (const value of column) mean += value / column.length;
  let squares = 0;
  for (const value of column) squares += (value - mean) ** 2 / column.length;
  return Math.sqrt(squares + mean * mean) || 1;
}

function totalWeight({ weights, labels }: Target): number {
  return weights ? weights.reduce((sum, weight) => sum + weight, 0) : labels.length;
}
