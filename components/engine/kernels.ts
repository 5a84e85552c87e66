// The loops over rows. Each does one block of a job, so that threads can share the job.
import { writeBins } from "./bins.ts";
import { blockCount, smallJob, type Workspace } from "./workspace.ts";

/** Numbers only, so that a job is handed over by an Int32Array. */
export interface Job {
  kind: (typeof jobKinds)[number];
  /** Which output's gradients, or scores. */
  output: number;
  /** Range of positions in `order`, or of rows. */
  begin: number;
  end: number;
  /** Histogram slot, or node that is split. */
  target: number;
}

export const jobKinds = ["bins", "gradients", "histogram", "partition", "addLeaves", "walk"] as const;

/** Blocks that a job is cut into. */
export function blocksOf(job: Job): number {
  return job.end - job.begin < smallJob ? 1 : blockCount;
}

export function runBlock(space: Workspace, job: Job, block: number): void {
  const blocks = blocksOf(job);
  const length = job.end - job.begin;
  const from = job.begin + Math.floor((length * block) / blocks);
  const to = job.begin + Math.floor((length * (block + 1)) / blocks);
  if (job.kind === "bins") binRows(space, from, to);
  else if (job.kind === "gradients") computeGradients(space, from, to);
  else if (job.kind === "histogram") {
    const slot = blocks === 1 ? job.target : space.maxLeaves + 1 + block;
    buildHistogram(space, job.output, slot, from, to);
  } else if (job.kind === "partition") partitionBlock(space, job.target, block, from, to);
  else if (job.kind === "addLeaves") addLeaves(space, job.output, job.target, from, to);
  else walkRows(space, job.output, from, to);
}

function binRows({ columns, thresholds, missing, offsets, bins, features }: Workspace, from: number, to: number): void {
  columns.forEach((column, feature) => {
    const chosen = { thresholds: thresholds[feature] as Float32Array, missing: missing[feature] as number };
    writeBins(column, chosen, bins, { from, to, stride: features, feature, offset: offsets[feature] as number });
  });
}

function computeGradients(space: Workspace, from: number, to: number): void {
  if (space.objective === "softmax") softmaxGradients(space, from, to);
  else if (space.objective === "binary") binaryGradients(space, from, to);
  else squaredGradients(space, from, to);
  if (space.weighted) weigh(space, from, to);
}

function binaryGradients({ scores, labels, gradients }: Workspace, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    const p = 1 / (1 + Math.exp(-(scores[i] as number)));
    gradients[2 * i] = p - (labels[i] as number);
    gradients[2 * i + 1] = p * (1 - p);
  }
}

function squaredGradients({ scores, labels, gradients }: Workspace, from: number, to: number): void {
  for (let i = from; i < to; i++) {
    gradients[2 * i] = (scores[i] as number) - (labels[i] as number);
    gradients[2 * i + 1] = 1;
  }
}

function softmaxGradients(space: Workspace, from: number, to: number): void {
  const { rows, outputs, scores, labels, gradients } = space;
  const parts = new Float64Array(outputs);
  for (let i = from; i < to; i++) {
    let most = -Infinity;
    for (let k = 0; k < outputs; k++) most = Math.max(most, scores[k * rows + i] as number);
    let sum = 0;
    for (let k = 0; k < outputs; k++) {
      parts[k] = Math.exp((scores[k * rows + i] as number) - most);
      sum += parts[k] as number;
    }
    const label = labels[i] as number;
    for (let k = 0; k < outputs; k++) {
      const p = (parts[k] as number) / sum;
      const at = 2 * (k * rows + i);
      gradients[at] = k === label ? p - 1 : p;
      gradients[at + 1] = p * (1 - p);
    }
  }
}

function weigh({ rows, outputs, weights, gradients }: Workspace, from: number, to: number): void {
  for (let k = 0; k < outputs; k++) {
    for (let i = from; i < to; i++) {
      const at = 2 * (k * rows + i);
      gradients[at] = (gradients[at] as number) * (weights[i] as number);
      gradients[at + 1] = (gradients[at + 1] as number) * (weights[i] as number);
    }
  }
}

function buildHistogram(space: Workspace, output: number, slot: number, from: number, to: number): void {
  const { rows, features, bins, order, width } = space;
  const sums = space.sums.subarray(slot * width, (slot + 1) * width).fill(0);
  const gradients = space.gradients.subarray(2 * output * rows, 2 * (output + 1) * rows);
  for (let i = from; i < to; i++) {
    const row = order[i] as number;
    const g = gradients[2 * row] as number;
    const h = gradients[2 * row + 1] as number;
    const end = (row + 1) * features;
    for (let cell = row * features; cell < end; cell++) {
      const at = bins[cell] as number;
      sums[at] = (sums[at] as number) + g;
      sums[at + 1] = (sums[at + 1] as number) + h;
      sums[at + 2] = (sums[at + 2] as number) + 1;
    }
  }
}

/**
 * Stable: rows that go left to the block's start in `order`, the others to the block's start in `spare`. Each row is
 * written to both and one place moves on: which way a row goes cannot be foreseen by the processor.
 */
function partitionBlock(space: Workspace, node: number, block: number, from: number, to: number): void {
  const { features, bins, order, spare, nodes, missing, offsets } = space;
  const feature = nodes.feature[node] as number;
  const offset = offsets[feature] as number;
  const split = offset + 3 * (nodes.split[node] as number);
  const alsoLeft = nodes.missingLeft[node] === 1 ? offset + 3 * (missing[feature] as number) : -1;
  let left = from;
  let right = from;
  for (let i = from; i < to; i++) {
    const row = order[i] as number;
    const bin = bins[row * features + feature] as number;
    const goes = Number(bin <= split) | Number(bin === alsoLeft);
    order[left] = row;
    spare[right] = row;
    left += goes;
    right += 1 - goes;
  }
  space.lefts[block] = left - from;
}

/** Second half of a partition: closes the gaps, so that the left rows come first. Answers how many they are. */
export function gatherBlocks({ order, spare, lefts }: Workspace, job: Job): number {
  const blocks = blocksOf(job);
  const length = job.end - job.begin;
  const bound = (block: number) => job.begin + Math.floor((length * block) / blocks);
  let at = job.begin;
  for (let b = 0; b < blocks; b++) {
    const count = lefts[b] as number;
    if (bound(b) !== at) order.copyWithin(at, bound(b), bound(b) + count);
    at += count;
  }
  const left = at - job.begin;
  for (let b = 0; b < blocks; b++) {
    const rights = spare.subarray(bound(b), bound(b + 1) - (lefts[b] as number));
    order.set(rights, at);
    at += rights.length;
  }
  return left;
}

/** Adds each leaf's value to the rows of `order` that are in it; the first `count` nodes are looked at. */
function addLeaves(space: Workspace, output: number, count: number, from: number, to: number): void {
  const { rows, order, nodes } = space;
  const scores = space.scores.subarray(output * rows, (output + 1) * rows);
  for (let node = 0; node < count; node++) {
    if (nodes.left[node] !== 0) continue;
    const value = nodes.value[node] as number;
    const end = Math.min(to, nodes.end[node] as number);
    for (let i = Math.max(from, nodes.begin[node] as number); i < end; i++) {
      const row = order[i] as number;
      scores[row] = (scores[row] as number) + value;
    }
  }
}

/** Adds the tree's values to rows that did not train it. */
function walkRows(space: Workspace, output: number, from: number, to: number): void {
  const { rows, features, bins, order, missing, offsets } = space;
  const { feature, split, left, right, missingLeft, value } = space.nodes;
  for (let i = from; i < to; i++) {
    const row = order[i] as number;
    let node = 0;
    for (let next = left[0] as number; next !== 0; next = left[node] as number) {
      const f = feature[node] as number;
      const bin = ((bins[row * features + f] as number) - (offsets[f] as number)) / 3;
      const goesLeft = bin === missing[f] ? missingLeft[node] === 1 : bin <= (split[node] as number);
      node = goesLeft ? next : (right[node] as number);
    }
    const at = output * rows + row;
    space.scores[at] = (space.scores[at] as number) + (value[node] as number);
  }
}
