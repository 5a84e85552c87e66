// Features as small whole numbers: each value becomes the index of the interval it falls in.

/** Most intervals of a feature; one index more stands for missing. */
export const maximumBins = 255;
/** Values looked at to choose the intervals. */
const sampleSize = 200_000;

export interface FeatureBins {
  /**
   * Upper ends, ascending, all float32: a value x is in the first interval i with x ≤ thresholds[i], or in the last,
   * open one. A runtime that compares in float32 (ONNX does) branches as the training did.
   */
  thresholds: Float32Array;
  /** Index of missing values: one past the last interval. */
  missing: number;
}

/** @param limit most intervals, 2 to 255. */
export function chooseBins(values: Float32Array, limit: number): FeatureBins {
  const sample = takeSample(values).sort();
  const distinct = distinctCounts(sample);
  const ends =
    distinct.values.length <= limit ? allMidpoints(distinct.values) : quantiles(distinct, sample.length, limit);
  return { thresholds: Float32Array.from(ends), missing: ends.length + 1 };
}

/** Every n-th present value: rows come in no particular order, and the choice must not depend on chance. */
function takeSample(values: Float32Array): Float32Array {
  const step = Math.max(1, Math.ceil(values.length / sampleSize));
  const sample = new Float32Array(Math.ceil(values.length / step));
  let count = 0;
  for (let i = 0; i < values.length; i += step) {
    const value = values[i] as number;
    if (!Number.isNaN(value)) sample[count++] = value;
  }
  return sample.subarray(0, count);
}

function distinctCounts(sorted: Float32Array): { values: number[]; counts: number[] } {
  const values: number[] = [];
  const counts: number[] = [];
  for (const value of sorted) {
    if (values.length > 0 && values[values.length - 1] === value) counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
    else {
      values.push(value);
      counts.push(1);
    }
  }
  return { values, counts };
}

function allMidpoints(values: number[]): number[] {
  return values.slice(1).map((upper, i) => between(values[i] as number, upper));
}

/** Greedy quantiles: an interval closes when it holds its share of what is left. */
function quantiles({ values, counts }: { values: number[]; counts: number[] }, total: number, limit: number): number[] {
  const ends: number[] = [];
  let left = total;
  let held = 0;
  for (let i = 0; i + 1 < values.length && ends.length < limit - 1; i++) {
    held += counts[i] as number;
    const share = left / (limit - ends.length);
    if (held < share) continue;
    ends.push(between(values[i] as number, values[i + 1] as number));
    left -= held;
    held = 0;
  }
  return ends;
}

/** A float32 t with lower ≤ t < upper, near the middle; both are finite. */
export function between(lower: number, upper: number): number {
  const middle = Math.fround(lower / 2 + upper / 2);
  return middle >= lower && middle < upper ? middle : lower;
}

/** Writes `offset` + 3 × bin of rows `from` to `to` to a row-major table. */
export function writeBins(
  values: Float32Array,
  { thresholds, missing }: FeatureBins,
  out: Uint16Array | Uint32Array,
  { from, to, stride, feature, offset }: { from: number; to: number; stride: number; feature: number; offset: number },
): void {
  for (let row = from; row < to; row++) {
    const value = values[row] as number;
    let low = missing;
    if (!Number.isNaN(value)) {
      low = 0;
      let high = thresholds.length;
      while (low < high) {
        const middle = (low + high) >> 1;
        if (value <= (thresholds[middle] as number)) high = middle;
        else low = middle + 1;
      }
    }
    out[row * stride + feature] = offset + 3 * low;
  }
}
