const most = 512;

/** A map with its keys in order (by code unit), for prefix scans: lookups by hash, scans over sorted chunks. */
export interface OrderedMap<V> {
  readonly size: number;
  get(key: string): V | undefined;
  set(key: string, value: V): void;
  delete(key: string): void;
  /** Entries from the first key ≥ `start` on. Changes during the scan are not allowed. */
  from(start: string): IterableIterator<[string, V]>;
  /** Number of keys in [start, end). */
  countBetween(start: string, end: string): number;
}

export function createOrderedMap<V>(): OrderedMap<V> {
  const values = new Map<string, V>();
  const chunks: string[][] = [[]];

  /** Index of the last chunk whose first key is ≤ key. */
  const chunkOf = (key: string): number => {
    let low = 0;
    let high = chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((chunks[middle]?.[0] ?? "") <= key) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  const rank = (key: string): number => {
    const at = chunkOf(key);
    let before = 0;
    for (let i = 0; i < at; i++) before += chunks[i]?.length ?? 0;
    return before + lowerBound(chunks[at] as string[], key);
  };

  return {
    get size() {
      return values.size;
    },
    get: (key) => values.get(key),
    set(key, value) {
      const known = values.has(key);
      values.set(key, value);
      if (known) return;
      const at = chunkOf(key);
      const chunk = chunks[at] as string[];
      chunk.splice(lowerBound(chunk, key), 0, key);
      if (chunk.length > most) chunks.splice(at + 1, 0, chunk.splice(most >> 1));
    },
    delete(key) {
      if (!values.delete(key)) return;
      const at = chunkOf(key);
      const chunk = chunks[at] as string[];
      chunk.splice(lowerBound(chunk, key), 1);
      if (chunk.length === 0 && chunks.length > 1) chunks.splice(at, 1);
    },
    *from(start) {
      const first = chunkOf(start);
      for (let i = first; i < chunks.length; i++) {
        const chunk = chunks[i] as string[];
        for (let j = i === first ? lowerBound(chunk, start) : 0; j < chunk.length; j++) {
          const key = chunk[j] as string;
          yield [key, values.get(key) as V];
        }
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
