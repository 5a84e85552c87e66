/** What predicted numbers are worth. */
export interface RegressionReport {
  task: "regression";
  rows: number;
  /** Root of the mean squared error, in the label's unit. */
  rmse: number;
  mae: number;
  /** 1 − residual / total variation; absent where the label does not vary. */
  r2?: number;
}

/** @throws RangeError when there are no rows. */
export function reportRegression(actual: ArrayLike<number>, predicted: ArrayLike<number>): RegressionReport {
  const rows = actual.length;
  if (rows === 0) throw new RangeError("no rows to evaluate");
  let [sum, squares, absolutes] = [0, 0, 0];
  for (let i = 0; i < rows; i++) {
    const error = (actual[i] as number) - (predicted[i] as number);
    squares += error * error;
    absolutes += Math.abs(error);
    sum += actual[i] as number;
  }
  let total = 0;
  for (let i = 0; i < rows; i++) total += ((actual[i] as number) - sum / rows) ** 2;
  const r2 = total > 0 ? { r2: 1 - squares / total } : {};
  return { task: "regression", rows, rmse: Math.sqrt(squares / rows), mae: absolutes / rows, ...r2 };
}
