const most = 512;

/** A map with its keys in order (by code unit), for prefix scans: lookups by hash, scans over sorted chunks. */
export interface OrderedMap<V> {
  readonly size: number;
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  /** Calls `visit` with the entries of [start, end) until it returns false. Changes during the scan are not allowed. */
  scan(start: string, end: string, visit: (value: V, key: string) => boolean): void;
  /** Number of keys in [start, end). */
  countBetween(start: string, end: string): number;
}

/** Keys and their values, side by side: a scan looks nothing up. */
interface Chunk<V> {
  keys: string[];
  values: V[];
}

export function createOrderedMap<V>(): OrderedMap<V> {
  const values = new Map<string, V>();
  const chunks: Chunk<V>[] = [{ keys: [], values: [] }];

  /** Index of the last chunk whose first key is ≤ key. */
  const chunkOf = (key: string): number => {
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((chunks[middle]?.keys[0] ?? "") <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const rank = (key: string): number => {
    const at = chunkOf(key);
    let before = 0;
    for (let i = 0; i < at; i++) before += chunks[i]?.keys.length ?? 0;
    return before + lowerBound((chunks[at] as Chunk<V>).keys, key);
  };

  return {
    get size() {
      return values.size;
    },
    get: (key) => values.get(key),
    set(key, value) {
      const known = values.has(key);
      values.set(key, value);
      const at = chunkOf(key);
      const chunk = chunks[at] as Chunk<V>;
      const place = lowerBound(chunk.keys, key);
      if (known) {
        chunk.values[place] = value;
        return;
      }
      chunk.keys.splice(place, 0, key);
      chunk.values.splice(place, 0, value);
      if (chunk.keys.length <= most) return;
      const half = most >> 1;
      chunks.splice(at + 1, 0, { keys: chunk.keys.splice(half), values: chunk.values.splice(half) });
    },
    delete(key) {
      if (!values.delete(key)) return;
      const at = chunkOf(key);
      const chunk = chunks[at] as Chunk<V>;
      const place = lowerBound(chunk.keys, key);
      chunk.keys.splice(place, 1);
      chunk.values.splice(place, 1);
      if (chunk.keys.length === 0 && chunks.length > 1) chunks.splice(at, 1);
    },
    scan(start, end, visit) {
      const first = chunkOf(start);
      for (let i = first; i < chunks.length; i++) {
        const chunk = chunks[i] as Chunk<V>;
        const { keys } = chunk;
        // Only a chunk that reaches the end is compared key by key.
        const stop = (keys[keys.length - 1] ?? "") < end ? keys.length : lowerBound(keys, end);
        for (let j = i === first ? lowerBound(keys, start) : 0; j < stop; j++) {
          if (!visit(chunk.values[j] as V, keys[j] as string)) return;
        }
        if (stop < keys.length) return;
      }
    },
    countBetween: (start, end) => Math.max(0, rank(end) - rank(start)),
  };
}

function lowerBound(sorted: readonly string[], key: string): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] as string) < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
