// What every benchmark prints: figures with their unit, spread and budget.

/** A ratio to the peer: at most, or at least. */
export interface Wanted {
  most?: number;
  least?: number;
}

export interface Figure {
  name: string;
  unit: string;
  /** Samples, in the unit. */
  samples: number[];
  /** At most this is wanted. */
  budget?: number;
  /** A named peer's median in the same run. */
  peer?: { name: string; value: number; wanted?: Wanted | undefined };
}

export function quantile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** One line of a figure: median, spread, budget and ratio to the peer. */
export function line({ name, unit, samples, budget, peer }: Figure): string {
  const median = quantile(samples, 0.5);
  const spread =
    samples.length > 1 ? ` (p10 ${format(quantile(samples, 0.1))}, p95 ${format(quantile(samples, 0.95))})` : "";
  const against = budget === undefined ? "" : `, budget ${format(budget)}: ${verdict(median <= budget)}`;
  const ratio = peer ? `, ${(median / peer.value).toFixed(2)} × ${peer.name} (${format(peer.value)})` : "";
  return `${name}: ${format(median)} ${unit}${spread}${against}${ratio}${peer ? wish(median / peer.value, peer.wanted) : ""}`;
}

function wish(ratio: number, { most, least }: Wanted = {}): string {
  if (most !== undefined) return `, wanted ≤ ${most.toFixed(2)}: ${verdict(ratio <= most)}`;
  return least === undefined ? "" : `, wanted ≥ ${least}: ${verdict(ratio >= least)}`;
}

const verdict = (met: boolean) => (met ? "met" : "MISSED");
const format = (value: number) => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));
