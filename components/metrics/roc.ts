export interface RocCurve {
  label: string;
  /** Absent where the class, or the rest, has no rows. */
  auc?: number;
  /** False and true positive rates, ascending; at most `limit`. */
  points: [number, number][];
}

/** Most points of a curve, so that a report stays small. */
export const pointLimit = 100;

/** Of one class against the rest; equal scores are one step. */
export function rocCurve(
  label: string,
  scores: Float64Array,
  actual: ArrayLike<number>,
  positive: number,
  limit = pointLimit,
): RocCurve {
  const order = Uint32Array.from({ length: scores.length }, (_, i) => i);
  order.sort((a, b) => (scores[b] as number) - (scores[a] as number));
  let positives = 0;
  for (let i = 0; i < actual.length; i++) if (actual[i] === positive) positives++;
  const negatives = actual.length - positives;
  if (positives === 0 || negatives === 0) return { label, points: [] };
  const points: [number, number][] = [[0, 0]];
  let [hits, misses, twiceArea] = [0, 0, 0];
  for (let i = 0; i < order.length; ) {
    const [fromHits, fromMisses] = [hits, misses];
    const score = scores[order[i] as number];
    for (; i < order.length && scores[order[i] as number] === score; i++) {
      if (actual[order[i] as number] === positive) hits++;
      else misses++;
    }
    twiceArea += (misses - fromMisses) * (hits + fromHits);
    points.push([misses / negatives, hits / positives]);
  }
  return {
    label,
    auc: twiceArea / 2 / positives / negatives,
    points: thin(points, limit).map(([x, y]) => [short(x), short(y)]),
  };
}

/** Six digits are more than a chart shows. */
const short = (rate: number) => Math.round(rate * 1e6) / 1e6;

/** Leaves out points so that those left are about evenly apart along the curve; corners of short curves all stay. */
function thin(points: [number, number][], limit: number): [number, number][] {
  if (points.length <= limit) return points;
  const kept: [number, number][] = [points[0] as [number, number]];
  for (const point of points) {
    const [x, y] = kept[kept.length - 1] as [number, number];
    if (point[0] - x + (point[1] - y) >= 2 / (limit - 2)) kept.push(point);
  }
  const last = points[points.length - 1] as [number, number];
  if (kept[kept.length - 1] !== last) kept.push(last);
  return kept;
}
