/**
 * A tree in arrays, node 0 the root. Where `left[i]` is 0 the node is a leaf, and `value[i]` what it adds to the score.
 * Else: float32 x ≤ threshold[i] goes left, and missing (NaN) goes where `missingLeft[i]` (1 or 0) says.
 */
export interface Tree {
  feature: number[];
  threshold: number[];
  left: number[];
  right: number[];
  missingLeft: number[];
  /** float32. */
  value: number[];
  /** Loss that the split took away; 0 in leaves. */
  gain: number[];
  /** Training rows that passed through. */
  cover: number[];
}

/** A sum of trees over float32 features. */
export interface Ensemble {
  /** Scores each row has: 1, or one for each class. */
  outputs: number;
  /** Added to each score; float32. */
  base: number[];
  /** Tree t adds to score t % outputs. */
  trees: Tree[];
}

/** Rows that go through all trees before the next ones do: their values stay in the processor's cache. */
const block = 2048;

interface PackedTree {
  feature: Int32Array;
  threshold: Float32Array;
  left: Int32Array;
  right: Int32Array;
  missingLeft: Uint8Array;
  value: Float32Array;
}

/**
 * Scores, row-major, `outputs` a row.
 * @param columns one Float32Array a feature, NaN where missing.
 */
export function scoreRows(ensemble: Ensemble, columns: Float32Array[], rows: number): Float64Array {
  const { outputs, base, trees } = ensemble;
  const scores = new Float64Array(rows * outputs);
  for (let i = 0; i < scores.length; i++) scores[i] = base[i % outputs] as number;
  const packed = trees.map(pack);
  for (let from = 0; from < rows; from += block) {
    const to = Math.min(rows, from + block);
    for (let t = 0; t < packed.length; t++) {
      addTree(packed[t] as PackedTree, columns, scores, { from, to, stride: outputs, at: t % outputs });
    }
  }
  return scores;
}

function pack(tree: Tree): PackedTree {
  return {
    feature: Int32Array.from(tree.feature),
    threshold: Float32Array.from(tree.threshold),
    left: Int32Array.from(tree.left),
    right: Int32Array.from(tree.right),
    missingLeft: Uint8Array.from(tree.missingLeft),
    value: Float32Array.from(tree.value),
  };
}

function addTree(
  { feature, threshold, left, right, missingLeft, value }: PackedTree,
  columns: Float32Array[],
  scores: Float64Array,
  { from, to, stride, at }: { from: number; to: number; stride: number; at: number },
): void {
  for (let row = from; row < to; row++) {
    let node = 0;
    for (let next = left[0] as number; next !== 0; next = left[node] as number) {
      const x = (columns[feature[node] as number] as Float32Array)[row] as number;
      const goesLeft = Number.isNaN(x) ? missingLeft[node] === 1 : x <= (threshold[node] as number);
      node = goesLeft ? next : (right[node] as number);
    }
    scores[row * stride + at] = (scores[row * stride + at] as number) + (value[node] as number);
  }
}

/** Share of the whole gain that each feature has; zeros when nothing was split. */
export function featureImportance(ensemble: Ensemble, features: number): number[] {
  const gains = new Array<number>(features).fill(0);
  for (const tree of ensemble.trees) {
    tree.feature.forEach((feature, node) => {
      if (tree.left[node] !== 0) gains[feature] = (gains[feature] ?? 0) + (tree.gain[node] ?? 0);
    });
  }
  const total = gains.reduce((sum, gain) => sum + gain, 0);
  return total > 0 ? gains.map((gain) => gain / total) : gains;
}
