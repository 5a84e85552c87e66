import type { Objective, Workspace } from "./workspace.ts";

export interface Target {
  objective: Objective;
  /** 1, or the number of classes under softmax. */
  outputs: number;
  /** Class index (0 or 1 under binary), or the value to predict. */
  labels: Float32Array;
  /** None: each row counts 1. */
  weights?: Float32Array;
}

/** The best constant scores, in float32: log odds, log shares, or the mean. */
export function baseScores({ objective, outputs, labels, weights }: Target, rows: Uint32Array): number[] {
  const sums = new Array<number>(Math.max(2, outputs)).fill(0);
  let total = 0;
  let mean = 0;
  for (const row of rows) {
    const weight = weights?.[row] ?? 1;
    const label = labels[row] as number;
    total += weight;
    if (objective === "squared") mean += weight * label;
    else sums[label] = (sums[label] ?? 0) + weight;
  }
  if (objective === "squared") return [Math.fround(mean / total)];
  const shares = sums.map((sum) => Math.max(1e-6, sum / total));
  if (objective === "binary") return [Math.fround(Math.log((shares[1] ?? 0) / (shares[0] ?? 1)))];
  return shares.map((share) => Math.fround(Math.log(share)));
}

/** Mean loss of rows: log loss, or half the squared error. */
export function meanLoss(space: Workspace, rowsOf: Uint32Array): number {
  const { weighted, weights } = space;
  let sum = 0;
  let total = 0;
  for (const row of rowsOf) {
    const weight = weighted ? (weights[row] as number) : 1;
    sum += weight * rowLoss(space, row);
    total += weight;
  }
  return sum / total;
}

function rowLoss({ objective, rows, outputs, scores, labels }: Workspace, row: number): number {
  const label = labels[row] as number;
  const score = scores[row] as number;
  if (objective === "squared") return (score - label) ** 2 / 2;
  if (objective === "binary") {
    const margin = label === 1 ? score : -score;
    return margin > 0 ? Math.log1p(Math.exp(-margin)) : Math.log1p(Math.exp(margin)) - margin;
  }
  let most = -Infinity;
  for (let k = 0; k < outputs; k++) most = Math.max(most, scores[k * rows + row] as number);
  let sum = 0;
  for (let k = 0; k < outputs; k++) sum += Math.exp((scores[k * rows + row] as number) - most);
  return Math.log(sum) + most - (scores[label * rows + row] as number);
}
