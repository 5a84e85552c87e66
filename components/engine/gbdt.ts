// Gradient boosting on histograms (the method of LightGBM, Ke et al. 2017): second order, leaf-wise, missing values learned.
import { setImmediate } from "node:timers/promises";
import { chooseBins, type FeatureBins } from "./bins.ts";
import { type GrowRules, growTree, readTree } from "./grow.ts";
import { createLanes, type Lanes } from "./lanes.ts";
import { baseScores, meanLoss, type Target } from "./loss.ts";
import { createRandom, shuffle } from "./random.ts";
import type { Ensemble } from "./tree.ts";
import { allocate, layBins, share, type Workspace } from "./workspace.ts";

export interface GbdtOptions extends GrowRules {
  rounds: number;
  /** 2 to 255. */
  maxBins: number;
  /** Share of the training rows that each round sees. */
  subsample: number;
  /** Rounds without a better validation loss after which training ends; 0: all rounds, no validation rows. */
  earlyStopping: number;
  /** Share of the rows held out for early stopping. */
  validation: number;
  seed: number;
  threads: number;
  signal?: AbortSignal;
  onRound?(progress: Round): void;
}

export interface Round {
  round: number;
  /** Mean loss of the held-out rows, where there are any. */
  validationLoss?: number;
}

export interface Trained {
  ensemble: Ensemble;
  rounds: number;
  validationLoss?: number;
}

export const gbdtDefaults: GbdtOptions = {
  rounds: 100,
  learningRate: 0.1,
  maxLeaves: 31,
  maxDepth: 0,
  minData: 20,
  minHessian: 1e-3,
  minGain: 0,
  l2: 0,
  maxBins: 255,
  subsample: 1,
  earlyStopping: 0,
  validation: 0.1,
  seed: 0,
  threads: 1,
};

/**
 * @param columns one Float32Array a feature, NaN where missing.
 * The same input, options and seed give the same model whatever the number of threads.
 */
export async function trainGbdt(columns: Float32Array[], target: Target, options: GbdtOptions): Promise<Trained> {
  const bins = columns.map((column) => chooseBins(column, options.maxBins));
  const space = prepare(columns, bins, target, options);
  await using lanes = await createLanes(space, options.threads);
  lanes.run({ kind: "bins", output: 0, begin: 0, end: space.rows, target: 0 });
  const random = createRandom(options.seed);
  const rows = dealRows(target.labels.length, options, random);
  const base = baseScores(target, rows.training);
  base.forEach((score, k) => {
    space.scores.fill(score, k * space.rows, (k + 1) * space.rows);
  });
  return await boost({ space, lanes, bins, rows, base, random, options });
}

function prepare(columns: Float32Array[], bins: FeatureBins[], target: Target, options: GbdtOptions): Workspace {
  const rows = target.labels.length;
  const space = allocate({
    rows,
    features: columns.length,
    outputs: target.outputs,
    objective: target.objective,
    maxLeaves: options.maxLeaves,
    weighted: target.weights !== undefined,
    columns: options.threads > 1 ? columns.map(share) : columns,
    thresholds: bins.map(({ thresholds }) => thresholds),
    ...layBins(bins),
  });
  space.labels.set(target.labels);
  if (target.weights) space.weights.set(target.weights);
  return space;
}

interface Rows {
  /** Ascending: neighbours in memory are neighbours in time. */
  training: Uint32Array;
  validation: Uint32Array;
}

function dealRows(count: number, options: GbdtOptions, random: () => number): Rows {
  const all = Uint32Array.from({ length: count }, (_, i) => i);
  const held = options.earlyStopping > 0 ? Math.max(1, Math.round(count * options.validation)) : 0;
  if (held === 0) return { training: all, validation: new Uint32Array(0) };
  const mixed = shuffle(all, random);
  return { training: mixed.slice(held).sort(), validation: mixed.slice(0, held).sort() };
}

interface Boosting {
  space: Workspace;
  lanes: Lanes;
  bins: FeatureBins[];
  rows: Rows;
  base: number[];
  random: () => number;
  options: GbdtOptions;
}

async function boost(boosting: Boosting): Promise<Trained> {
  const { space, lanes, bins, rows, base, random, options } = boosting;
  const ensemble: Ensemble = { outputs: space.outputs, base, trees: [] };
  let best = { loss: Number.POSITIVE_INFINITY, round: 0 };
  for (let round = 1; round <= options.rounds; round++) {
    const seen = layOrder(space, rows, options.subsample, random);
    lanes.run({ kind: "gradients", output: 0, begin: 0, end: space.rows, target: 0 });
    const kept = space.order.slice();
    for (let k = 0; k < space.outputs; k++) {
      if (k > 0) space.order.set(kept);
      const count = growTree(space, lanes, k, seen, options);
      lanes.run({ kind: "walk", output: k, begin: seen, end: space.rows, target: 0 });
      ensemble.trees.push(readTree(space, count, bins));
    }
    const validationLoss = rows.validation.length > 0 ? meanLoss(space, rows.validation) : undefined;
    options.onRound?.({ round, validationLoss });
    if (validationLoss !== undefined) {
      if (validationLoss < best.loss) best = { loss: validationLoss, round };
      else if (round - best.round >= options.earlyStopping) break;
    }
    options.signal?.throwIfAborted();
    await setImmediate();
  }
  if (rows.validation.length === 0) return { ensemble, rounds: options.rounds };
  ensemble.trees.length = best.round * space.outputs;
  return { ensemble, rounds: best.round, validationLoss: best.loss };
}

/** Puts the rows that this round learns from first. Answers how many they are. */
function layOrder({ order }: Workspace, rows: Rows, subsample: number, random: () => number): number {
  order.set(rows.validation, rows.training.length);
  if (subsample >= 1) {
    order.set(rows.training);
    return rows.training.length;
  }
  let seen = 0;
  let unseen = rows.training.length;
  for (const row of rows.training) {
    if (random() < subsample) order[seen++] = row;
    else order[--unseen] = row;
  }
  return seen;
}
