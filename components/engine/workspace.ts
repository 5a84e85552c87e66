import type { FeatureBins } from "./bins.ts";

/** Work on rows is cut into this many blocks whatever the number of threads, so that sums come out the same. */
export const blockCount = 4;
/** Below this many rows a job is one block, done by the calling thread. */
export const smallJob = 4096;

export const objectives = ["binary", "softmax", "squared"] as const;
export type Objective = (typeof objectives)[number];

export interface Shape {
  rows: number;
  features: number;
  /** Scores a row has: the classes under softmax, else 1. */
  outputs: number;
  objective: Objective;
  maxLeaves: number;
  /** Start of each feature's bins in a histogram. */
  offsets: Int32Array;
  /** Bin of missing values, by feature. */
  missing: Uint8Array;
  /** Numbers in a histogram. */
  width: number;
  weighted: boolean;
  /** The features' values, NaN where missing, and the upper ends of their bins. */
  columns: Float32Array[];
  thresholds: Float32Array[];
}

/** What all threads work on. All arrays are views of shared memory, so that a Workspace can be posted to a worker. */
export interface Workspace extends Shape {
  /** Row-major: where in a histogram each value is counted, so 3 × (the feature's offset + bin). */
  bins: Uint16Array | Uint32Array;
  /** Class index or target. */
  labels: Float32Array;
  weights: Float32Array;
  /** Output-major, as the gradients are. */
  scores: Float64Array;
  /** Pairs of gradient and hessian. */
  gradients: Float32Array;
  /** Rows of the tree being grown, each leaf's together; behind them the rows that do not train it. */
  order: Uint32Array;
  spare: Uint32Array;
  /** Histograms of `width` numbers: (gradient, hessian, rows) by bin; the last `blockCount` are for sums of blocks. */
  sums: Float64Array;
  /** Of the last partition: rows that went left, by block. */
  lefts: Int32Array;
  nodes: BinnedNodes;
}

/** The tree being grown, over bins: bin ≤ split goes left. Leaves have `left` 0. */
export interface BinnedNodes {
  feature: Int32Array;
  split: Int32Array;
  left: Int32Array;
  right: Int32Array;
  missingLeft: Uint8Array;
  value: Float64Array;
  gain: Float64Array;
  /** Rows of a leaf in `order`. */
  begin: Int32Array;
  end: Int32Array;
}

export function slotCount(maxLeaves: number): number {
  return maxLeaves + 1 + blockCount;
}

export function layBins(bins: FeatureBins[]): Pick<Shape, "offsets" | "missing" | "width"> {
  const offsets = new Int32Array(shared(4 * bins.length));
  const missing = new Uint8Array(shared(bins.length));
  let width = 0;
  bins.forEach((feature, f) => {
    missing[f] = feature.missing;
    offsets[f] = width;
    width += 3 * (feature.missing + 1);
  });
  return { offsets, missing, width };
}

export function allocate(shape: Shape): Workspace {
  const { rows, features, outputs, maxLeaves, width } = shape;
  const cells = rows * features;
  const floats = (count: number) => new Float32Array(shared(4 * count));
  const doubles = (count: number) => new Float64Array(shared(8 * count));
  const ints = (count: number) => new Int32Array(shared(4 * count));
  const nodes = 2 * maxLeaves;
  return {
    ...shape,
    bins: width < 65_536 ? new Uint16Array(shared(2 * cells)) : new Uint32Array(shared(4 * cells)),
    labels: floats(rows),
    weights: floats(shape.weighted ? rows : 0),
    scores: doubles(rows * outputs),
    gradients: floats(2 * rows * outputs),
    order: new Uint32Array(shared(4 * rows)),
    spare: new Uint32Array(shared(4 * rows)),
    sums: doubles(width * slotCount(maxLeaves)),
    lefts: ints(blockCount),
    nodes: {
      feature: ints(nodes),
      split: ints(nodes),
      left: ints(nodes),
      right: ints(nodes),
      missingLeft: new Uint8Array(shared(nodes)),
      value: doubles(nodes),
      gain: doubles(nodes),
      begin: ints(nodes),
      end: ints(nodes),
    },
  };
}

/** The values in memory that threads share: as they are, if they are there already. */
export function share(values: Float32Array): Float32Array {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const copy = new Float32Array(shared(values.byteLength));
  copy.set(values);
  return copy;
}

function shared(bytes: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytes);
}
