import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createRandom,
  featureImportance,
  type GbdtOptions,
  gbdtDefaults,
  normal,
  scoreRows,
  type Target,
  trainGbdt,
} from "./index.ts";

/** Noise, a straight effect, a gap that means something, and noise again. */
function makeData(rows: number, seed = 1): { columns: Float32Array[]; labels: Float32Array } {
  const random = createRandom(seed);
  const columns = Array.from({ length: 4 }, () => new Float32Array(rows));
  const labels = new Float32Array(rows);
  for (let i = 0; i < rows; i++) {
    const [a, b] = [normal(random), normal(random)];
    const gone = random() < 0.3;
    [normal(random), a, gone ? Number.NaN : b, Math.floor(random() * 3)].forEach((value, f) => {
      (columns[f] as Float32Array)[i] = value;
    });
    labels[i] = Number(2 * a + (gone ? 2 : 0) + 0.5 * normal(random) > 0.5);
  }
  return { columns, labels };
}

const binary = (labels: Float32Array, weights?: Float32Array): Target => ({
  objective: "binary",
  outputs: 1,
  labels,
  weights,
});
const train = (rows: number, more: Partial<GbdtOptions> = {}) => {
  const { columns, labels } = makeData(rows);
  return trainGbdt(columns, binary(labels), { ...gbdtDefaults, rounds: 20, ...more });
};

function accuracy(scores: Float64Array, labels: Float32Array): number {
  return labels.reduce((sum, label, i) => sum + Number(Number((scores[i] as number) > 0) === label), 0) / labels.length;
}

test("it learns, also from what is missing, and knows which features count", async () => {
  const { ensemble } = await train(4000, { rounds: 50 });
  const { columns, labels } = makeData(4000, 2);
  const share = accuracy(scoreRows(ensemble, columns, 4000), labels);
  assert.ok(share > 0.88, `accuracy ${share}`);
  const [noise = 0, straight = 0, gap = 0] = featureImportance(ensemble, 4);
  assert.ok(straight > gap && gap > 5 * noise, String([noise, straight, gap]));
});

test("the model is the same whatever the number of threads, with subsampling and early stopping too", async () => {
  const rows = 40_000;
  for (const more of [{}, { subsample: 0.7, earlyStopping: 5 }]) {
    const [one, two, three] = [
      await train(rows, { ...more, threads: 1, rounds: 6 }),
      await train(rows, { ...more, threads: 2, rounds: 6 }),
      await train(rows, { ...more, threads: 3, rounds: 6 }),
    ];
    assert.deepEqual(two, one);
    assert.deepEqual(three, one);
  }
});

test("another seed draws other rows", async () => {
  const [one, other] = [await train(2000, { subsample: 0.5, seed: 1 }), await train(2000, { subsample: 0.5, seed: 2 })];
  assert.notDeepEqual(one, other);
});

test("trees keep to their limits", async () => {
  const { ensemble } = await train(2000, { maxLeaves: 6, maxDepth: 3, minData: 100 });
  for (const tree of ensemble.trees) {
    const leaves = tree.left.flatMap((left, node) => (left === 0 ? [node] : []));
    assert.ok(leaves.length <= 6);
    for (const leaf of leaves) assert.ok((tree.cover[leaf] as number) >= 100);
    assert.ok(depthOf(tree.left, tree.right) <= 3);
    assert.equal(tree.cover[0], 2000);
  }
});

function depthOf(left: number[], right: number[], node = 0): number {
  if (left[node] === 0) return 0;
  return 1 + Math.max(depthOf(left, right, left[node]), depthOf(left, right, right[node]));
}

test("scores during training are those of the finished trees", async () => {
  const { columns, labels } = makeData(3000);
  const trained = await trainGbdt(columns, binary(labels), {
    ...gbdtDefaults,
    rounds: 30,
    earlyStopping: 30,
    subsample: 0.8,
  });
  const scores = scoreRows(trained.ensemble, columns, 3000);
  // The held-out loss was computed from bins, this one from values: over all rows it must be about the same.
  const loss = labels.reduce(
    (sum, label, i) => sum + Math.log1p(Math.exp(label === 1 ? -(scores[i] as number) : (scores[i] as number))),
    0,
  );
  assert.ok(Math.abs(loss / 3000 - (trained.validationLoss as number)) < 0.1);
});

test("early stopping ends at the best round", async () => {
  const rows = 300;
  const random = createRandom(3);
  const columns = [Float32Array.from({ length: rows }, () => random())];
  const labels = Float32Array.from({ length: rows }, () => Number(random() < 0.5));
  const seen: number[] = [];
  const trained = await trainGbdt(columns, binary(labels), {
    ...gbdtDefaults,
    rounds: 200,
    earlyStopping: 5,
    onRound: ({ validationLoss }) => seen.push(validationLoss as number),
  });
  assert.equal(seen.length, trained.rounds + 5);
  assert.equal(Math.min(...seen), trained.validationLoss);
  assert.equal(trained.ensemble.trees.length, trained.rounds);
});

test("a weight of two is the row twice", async () => {
  const { columns: fine, labels } = makeData(600);
  // Few values, so that both tables have the same bins.
  const columns = fine.map((column) => column.map((value) => Math.round(5 * value) / 5));
  const weights = Float32Array.from(labels, (_, i) => (i % 3 === 0 ? 2 : 1));
  const picks = Array.from(labels, (_, i) => (i % 3 === 0 ? [i, i] : [i])).flat();
  const repeated = columns.map((column) => Float32Array.from(picks, (i) => column[i] as number));
  const options = { ...gbdtDefaults, rounds: 5, minData: 1, maxLeaves: 8 };
  const one = await trainGbdt(columns, binary(labels, weights), options);
  const two = await trainGbdt(repeated, binary(Float32Array.from(picks, (i) => labels[i] as number)), options);
  const [a, b] = [scoreRows(one.ensemble, columns, 600), scoreRows(two.ensemble, columns, 600)];
  for (const [i, score] of a.entries()) assert.ok(Math.abs(score - (b[i] as number)) < 1e-5, `row ${i}`);
});

test("columns without a split, and labels of one kind, give constant trees", async () => {
  const rows = 100;
  const labels = Float32Array.from({ length: rows }, (_, i) => i % 2);
  const { ensemble } = await trainGbdt(
    [new Float32Array(rows), new Float32Array(rows).fill(Number.NaN)],
    binary(labels),
    {
      ...gbdtDefaults,
      rounds: 3,
    },
  );
  assert.deepEqual(
    ensemble.trees.map((tree) => tree.left),
    [[0], [0], [0]],
  );
  assert.deepEqual(featureImportance(ensemble, 2), [0, 0]);
});

test("an abort ends the training between rounds", async () => {
  const stop = new AbortController();
  const onRound = ({ round }: { round: number }) => round === 3 && stop.abort(new Error("enough"));
  await assert.rejects(train(500, { signal: stop.signal, onRound }), /enough/);
});
