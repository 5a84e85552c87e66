import type { Workspace } from "./workspace.ts";

export interface SplitRules {
  /** L2 penalty on leaf values. */
  l2: number;
  minData: number;
  minHessian: number;
  minGain: number;
}

export interface Split {
  feature: number;
  /** Bins up to this one go left. */
  bin: number;
  missingLeft: boolean;
  gain: number;
  left: Totals;
  right: Totals;
}

export interface Totals {
  gradient: number;
  hessian: number;
  count: number;
}

/** Score of a leaf: twice what it takes off the loss. */
function worth({ gradient, hessian }: Totals, l2: number): number {
  return (gradient * gradient) / (hessian + l2);
}

/** The best split of the rows whose histogram is in `slot`; undefined where none is allowed. Ties: the first feature. */
export function findSplit(space: Workspace, slot: number, all: Totals, rules: SplitRules): Split | undefined {
  let best: Split | undefined;
  for (let feature = 0; feature < space.features; feature++) {
    const found = scanFeature(space, slot, feature, all, rules);
    if (found && (!best || found.gain > best.gain)) best = found;
  }
  return best;
}

function scanFeature(
  { offsets, missing, width, sums }: Workspace,
  slot: number,
  feature: number,
  all: Totals,
  rules: SplitRules,
): Split | undefined {
  const start = slot * width + (offsets[feature] as number);
  const last = missing[feature] as number;
  const none = cellOf(sums, start + 3 * last);
  const whole = worth(all, rules.l2);
  let best: Split | undefined;
  const left: Totals = { gradient: 0, hessian: 0, count: 0 };
  for (let bin = 0; bin < last; bin++) {
    const cell = start + 3 * bin;
    left.gradient += sums[cell] as number;
    left.hessian += sums[cell + 1] as number;
    left.count += sums[cell + 2] as number;
    if (left.count === 0) continue;
    // The last interval is a split only if it parts the present values from the missing ones.
    if (bin === last - 1 && none.count === 0) break;
    const withRight = judge(left, all, whole, rules, best?.gain);
    if (withRight) best = { feature, bin, missingLeft: false, ...withRight };
    if (none.count === 0 || bin === last - 1) continue;
    const withLeft = judge(add(left, none), all, whole, rules, best?.gain);
    if (withLeft) best = { feature, bin, missingLeft: true, ...withLeft };
  }
  if (best && none.count === 0) best.missingLeft = best.left.count >= best.right.count;
  return best;
}

function judge(
  left: Totals,
  all: Totals,
  whole: number,
  rules: SplitRules,
  least = 0,
): Pick<Split, "gain" | "left" | "right"> | undefined {
  const count = all.count - left.count;
  const hessian = all.hessian - left.hessian;
  if (left.count < rules.minData || count < rules.minData) return undefined;
  if (left.hessian < rules.minHessian || hessian < rules.minHessian) return undefined;
  const right = { gradient: all.gradient - left.gradient, hessian, count };
  const gain = worth(left, rules.l2) + worth(right, rules.l2) - whole;
  if (gain <= least || gain <= rules.minGain) return undefined;
  return { gain, left: { ...left }, right };
}

function add(a: Totals, b: Totals): Totals {
  return { gradient: a.gradient + b.gradient, hessian: a.hessian + b.hessian, count: a.count + b.count };
}

function cellOf(sums: Float64Array, at: number): Totals {
  return { gradient: sums[at] as number, hessian: sums[at + 1] as number, count: sums[at + 2] as number };
}
