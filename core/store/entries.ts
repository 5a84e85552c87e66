import { type Cached, createByteCache } from "./cache.ts";
import type { Driver } from "./driver.ts";
import { StoreError } from "./error.ts";
import type { History } from "./history.ts";
import { createOrderedMap, type OrderedMap } from "./ordered.ts";
import { rangeOf } from "./prefix.ts";
import type { ListAnswer, ListQuery, StoreRecord } from "./store.ts";

/** A key's committed state; its bytes may be on disk only. */
export interface Entry extends Cached {
  readonly key: string;
  readonly revision: number;
  readonly meta: unknown;
}

/** The committed state: all keys and their metadata in memory, in key order. */
export interface Entries {
  get(key: string): Entry | undefined;
  /** With its bytes; the answer does not change when the entry's bytes are dropped. */
  read(entry: Entry): StoreRecord;
  set(entry: Entry): void;
  delete(key: string): void;
  count(prefix: string): number;
  list(prefix: string, query: ListQuery, revision: number): ListAnswer;
}

export function createEntries(driver: Driver, history: History, cacheBytes: number): Entries {
  const map = createOrderedMap<Entry>();
  const cache = createByteCache(cacheBytes);
  for (const { key, revision, meta } of driver.load()) map.set(key, { key, revision, meta, bytes: undefined, pins: 0 });

  const replaced = (key: string) => {
    const old = map.get(key);
    if (old) cache.forget(old);
  };
  const read = (entry: Entry): StoreRecord => {
    entry.bytes ??= load(driver, entry);
    cache.touch(entry);
    return { key: entry.key, revision: entry.revision, meta: entry.meta, bytes: entry.bytes };
  };
  /** As `read`, in a list: what is read in passing pushes nothing else out. */
  const pass = (entry: Entry): StoreRecord => {
    const bytes = entry.bytes ?? load(driver, entry);
    if (!entry.bytes && cache.hasRoom(bytes.byteLength)) {
      entry.bytes = bytes;
      cache.touch(entry);
    }
    return { key: entry.key, revision: entry.revision, meta: entry.meta, bytes };
  };
  return {
    get: (key) => map.get(key),
    read,
    set(entry) {
      replaced(entry.key);
      map.set(entry.key, entry);
      cache.touch(entry);
    },
    delete(key) {
      replaced(key);
      map.delete(key);
    },
    count(prefix) {
      const { start, end } = rangeOf(prefix);
      return map.countBetween(start, end);
    },
    list(prefix, query, revision) {
      const range = rangeOf(prefix);
      const at = query.revision ?? revision;
      const start = query.after !== undefined && query.after >= range.start ? `${query.after}\u0000` : range.start;
      const wanted: (Entry | StoreRecord)[] = [];
      const { filter, limit = Number.POSITIVE_INFINITY } = query;
      let remaining = 0;
      const visit = (state: Entry | StoreRecord): boolean => {
        if (filter && !filter(state.meta, state.key)) return true;
        if (wanted.length < limit) wanted.push(state);
        else if (filter || at !== revision) remaining++;
        else {
          remaining = map.countBetween(state.key, range.end);
          return false;
        }
        return true;
      };
      if (at === revision) map.scan(start, range.end, visit);
      else for (const state of rewound(map, start, range.end, history, at)) visit(state);
      return { records: wanted.map((state) => ("pins" in state ? pass(state) : state)), revision: at, remaining };
    },
  };
}

/** The state at an older revision: of each key that changed since, what it was before its first change after it. */
function* rewound(
  map: OrderedMap<Entry>,
  start: string,
  end: string,
  history: History,
  revision: number,
): Generator<Entry | StoreRecord> {
  const before = new Map<string, StoreRecord | undefined>();
  for (const event of history.after(revision)) {
    if (event.key >= start && event.key < end && !before.has(event.key)) before.set(event.key, event.previous);
  }
  const old = [...before.values()].filter((record) => record !== undefined);
  old.sort((a, b) => (a.key < b.key ? -1 : 1));
  let next = 0;
  const present: Entry[] = [];
  map.scan(start, end, (entry) => present.push(entry) > 0);
  for (const entry of present) {
    for (; next < old.length && (old[next] as StoreRecord).key < entry.key; next++) yield old[next] as StoreRecord;
    if (!before.has(entry.key)) yield entry;
  }
  for (; next < old.length; next++) yield old[next] as StoreRecord;
}

function load(driver: Driver, entry: Entry): Uint8Array {
  const found = driver.read(entry.key);
  if (found?.revision === entry.revision) return found.bytes;
  const has = found ? `revision ${found.revision}` : "nothing";
  throw new StoreError("Corrupted", `"${entry.key}" should be at revision ${entry.revision}; on disk there is ${has}`);
}
