export interface ExpiringCache<T> {
  /** The value under a key, or what `load` gives; callers that come meanwhile share one load. Failures are not kept. */
  get(key: string, load: () => Promise<{ value: T; for: number }>): Promise<T>;
  readonly size: number;
}

interface Entry<T> {
  value: Promise<T>;
  until: number;
}

/** @param most entries kept; the oldest go first. @param now milliseconds. */
export function createExpiringCache<T>(most: number, now: () => number): ExpiringCache<T> {
  const entries = new Map<string, Entry<T>>();
  return {
    get size() {
      return entries.size;
    },
    get(key, load) {
      const found = entries.get(key);
      if (found && found.until > now()) return found.value;
      entries.delete(key);
      const loading = load();
      const entry: Entry<T> = { value: loading.then(({ value }) => value), until: Number.POSITIVE_INFINITY };
      loading.then(
        (loaded) => {
          entry.until = now() + loaded.for;
        },
        () => {
          if (entries.get(key) === entry) entries.delete(key);
        },
      );
      entries.set(key, entry);
      if (entries.size > most) entries.delete(entries.keys().next().value as string);
      return entry.value;
    },
  };
}
