// One tree, best leaf first: the leaf whose split takes most off the loss is split next.
import type { FeatureBins } from "./bins.ts";
import { gatherBlocks, type Job } from "./kernels.ts";
import type { Lanes } from "./lanes.ts";
import { findSplit, type Split, type SplitRules, type Totals } from "./split.ts";
import type { Tree } from "./tree.ts";
import { blockCount, smallJob, type Workspace } from "./workspace.ts";

export interface GrowRules extends SplitRules {
  maxLeaves: number;
  /** 0: no limit. */
  maxDepth: number;
  learningRate: number;
}

interface Leaf {
  node: number;
  slot: number;
  depth: number;
  totals: Totals;
  split: Split | undefined;
}

const largest = 3.4028234663852886e38;

/** Grows on the first `rows` entries of `order`, and adds the values to these rows' scores. Answers how many nodes there are. */
export function growTree(space: Workspace, lanes: Lanes, output: number, rows: number, rules: GrowRules): number {
  const { nodes } = space;
  for (const array of Object.values(nodes)) array.fill(0);
  nodes.end[0] = rows;
  buildSlot(space, lanes, { kind: "histogram", output, begin: 0, end: rows, target: 0 });
  const root = { node: 0, slot: 0, depth: 0, totals: totalsOf(space) };
  const leaves: Leaf[] = [consider(space, root, rules)];
  let count = 1;
  while (leaves.length < rules.maxLeaves) {
    const at = bestLeaf(leaves);
    const leaf = leaves[at];
    if (!leaf?.split) break;
    const [left, right] = splitLeaf(space, lanes, output, leaf, leaf.split, count, leaves.length);
    count += 2;
    const done = leaves.length + 1 === rules.maxLeaves;
    leaves[at] = done ? { ...left, split: undefined } : consider(space, left, rules);
    leaves.push(done ? { ...right, split: undefined } : consider(space, right, rules));
  }
  for (const { node, totals } of leaves) {
    nodes.value[node] = Math.fround((-rules.learningRate * totals.gradient) / (totals.hessian + rules.l2));
  }
  lanes.run({ kind: "addLeaves", output, begin: 0, end: rows, target: count });
  return count;
}

function consider(space: Workspace, leaf: Omit<Leaf, "split">, rules: GrowRules): Leaf {
  const deep = rules.maxDepth > 0 && leaf.depth >= rules.maxDepth;
  const small = leaf.totals.count < 2 * rules.minData;
  return { ...leaf, split: deep || small ? undefined : findSplit(space, leaf.slot, leaf.totals, rules) };
}

function bestLeaf(leaves: Leaf[]): number {
  let best = 0;
  leaves.forEach((leaf, i) => {
    if ((leaf.split?.gain ?? 0) > (leaves[best]?.split?.gain ?? 0)) best = i;
  });
  return best;
}

type Child = Omit<Leaf, "split">;

/** Parts the leaf's rows; counts the smaller side's histogram and takes the other's by subtraction in place. */
function splitLeaf(
  space: Workspace,
  lanes: Lanes,
  output: number,
  leaf: Leaf,
  split: Split,
  count: number,
  freeSlot: number,
): [Child, Child] {
  const { nodes } = space;
  const { node, slot, depth } = leaf;
  nodes.feature[node] = split.feature;
  nodes.split[node] = split.bin;
  nodes.missingLeft[node] = split.missingLeft ? 1 : 0;
  nodes.gain[node] = split.gain;
  const job: Job = {
    kind: "partition",
    output,
    begin: nodes.begin[node] as number,
    end: nodes.end[node] as number,
    target: node,
  };
  lanes.run(job);
  const middle = job.begin + gatherBlocks(space, job);
  nodes.left[node] = count;
  nodes.right[node] = count + 1;
  nodes.begin[count] = job.begin;
  nodes.end[count] = middle;
  nodes.begin[count + 1] = middle;
  nodes.end[count + 1] = job.end;
  const leftSmaller = split.left.count <= split.right.count;
  const small = leftSmaller ? count : count + 1;
  buildSlot(space, lanes, {
    kind: "histogram",
    output,
    begin: nodes.begin[small] as number,
    end: nodes.end[small] as number,
    target: freeSlot,
  });
  subtractSlot(space, slot, freeSlot);
  return [
    { node: count, slot: leftSmaller ? freeSlot : slot, depth: depth + 1, totals: split.left },
    { node: count + 1, slot: leftSmaller ? slot : freeSlot, depth: depth + 1, totals: split.right },
  ];
}

/** Blocks are summed in their order, so that the sum does not depend on the threads. */
function buildSlot(space: Workspace, lanes: Lanes, job: Job): void {
  lanes.run(job);
  if (job.end - job.begin < smallJob) return;
  const { maxLeaves, sums, width } = space;
  const at = job.target * width;
  for (let block = 0; block < blockCount; block++) {
    const from = (maxLeaves + 1 + block) * width;
    if (block === 0) sums.copyWithin(at, from, from + width);
    else for (let i = 0; i < width; i++) sums[at + i] = (sums[at + i] as number) + (sums[from + i] as number);
  }
}

function subtractSlot({ width, sums }: Workspace, from: number, part: number): void {
  for (let i = 0; i < width; i++) {
    sums[from * width + i] = (sums[from * width + i] as number) - (sums[part * width + i] as number);
  }
}

/** Of the histogram in slot 0: any one feature's bins add up to all rows. */
function totalsOf({ missing, sums }: Workspace): Totals {
  const totals = { gradient: 0, hessian: 0, count: 0 };
  for (let bin = 0; bin <= (missing[0] as number); bin++) {
    totals.gradient += sums[3 * bin] as number;
    totals.hessian += sums[3 * bin + 1] as number;
    totals.count += sums[3 * bin + 2] as number;
  }
  return totals;
}

/** The grown tree over values: its first `count` nodes. */
export function readTree({ nodes }: Workspace, count: number, bins: FeatureBins[]): Tree {
  const take = (array: ArrayLike<number>) => Array.from({ length: count }, (_, i) => array[i] as number);
  const threshold = Array.from({ length: count }, (_, i) => {
    if (nodes.left[i] === 0) return 0;
    const ends = bins[nodes.feature[i] as number]?.thresholds ?? [];
    return ends[nodes.split[i] as number] ?? largest;
  });
  return {
    feature: take(nodes.feature),
    threshold,
    left: take(nodes.left),
    right: take(nodes.right),
    missingLeft: take(nodes.missingLeft),
    value: take(nodes.value),
    gain: take(nodes.gain),
    cover: take(nodes.end).map((end, i) => end - (nodes.begin[i] as number)),
  };
}
