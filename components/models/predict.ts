import { scoreRows } from "@capstan/components/engine";
import type { LinearModel, ModelDocument } from "./document.ts";

/**
 * Row-major: a probability for each class of each row, or one predicted value a row under regression.
 * @param columns the model's features in order, NaN where missing.
 */
export function predict(model: ModelDocument, columns: Float32Array[], rows: number): Float64Array {
  const scores = model.kind === "gbdt" ? scoreRows(model.ensemble, columns, rows) : linearScores(model, columns, rows);
  if (model.task === "regression") return scores;
  return model.classes.length === 2 ? sigmoidPairs(scores) : softmaxRows(scores, model.classes.length);
}

function linearScores({ coefficients, intercepts }: LinearModel, columns: Float32Array[], rows: number): Float64Array {
  const outputs = intercepts.length;
  const scores = new Float64Array(rows * outputs);
  for (let k = 0; k < outputs; k++) {
    const weights = coefficients[k] as number[];
    for (let row = 0; row < rows; row++) {
      let sum = intercepts[k] as number;
      for (let f = 0; f < weights.length; f++) {
        sum += (weights[f] as number) * ((columns[f] as Float32Array)[row] as number);
      }
      scores[row * outputs + k] = sum;
    }
  }
  return scores;
}

function sigmoidPairs(scores: Float64Array): Float64Array {
  const pairs = new Float64Array(2 * scores.length);
  scores.forEach((score, row) => {
    const p = 1 / (1 + Math.exp(-score));
    pairs[2 * row] = 1 - p;
    pairs[2 * row + 1] = p;
  });
  return pairs;
}

function softmaxRows(scores: Float64Array, classes: number): Float64Array {
  const shares = new Float64Array(scores.length);
  for (let start = 0; start < scores.length; start += classes) {
    const row = scores.subarray(start, start + classes);
    const most = Math.max(...row);
    let sum = 0;
    for (let k = 0; k < classes; k++) sum += shares[start + k] = Math.exp((row[k] as number) - most);
    for (let k = 0; k < classes; k++) shares[start + k] = (shares[start + k] as number) / sum;
  }
  return shares;
}

/** Index of each row's most probable class; the first of equal ones. */
export function likeliest(probabilities: Float64Array, classes: number): Int32Array {
  return Int32Array.from({ length: probabilities.length / classes }, (_, row) => {
    let best = 0;
    for (let k = 1; k < classes; k++) {
      const challenger = probabilities[row * classes + k] as number;
      if (challenger > (probabilities[row * classes + best] as number)) best = k;
    }
    return best;
  });
}
