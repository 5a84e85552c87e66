import { type Cached, createByteCache } from "./cache.ts";
import type { Driver } from "./driver.ts";
import { StoreError } from "./error.ts";
import type { History } from "./history.ts";
import { createOrderedMap } from "./ordered.ts";
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
      const present = map.from(start);
      const states = at === revision ? live(present, range.end) : rewound(present, start, range.end, history, at);
      const wanted: (Entry | StoreRecord)[] = [];
      let remaining = 0;
      for (const state of states) {
        if (query.filter && !query.filter(state.meta, state.key)) continue;
        if (query.limit === undefined || wanted.length < query.limit) wanted.push(state);
        else if (query.filter) remaining++;
        else {
          remaining = at === revision ? map.countBetween(state.key, range.end) : remaining + 1;
          if (at === revision) break;
        }
      }
      return { records: wanted.map((state) => ("pins" in state ? read(state) : state)), revision: at, remaining };
    },
  };
}

function* live(present: Iterable<[string, Entry]>, end: string): Generator<Entry> {
  for (const [key, entry] of present) {
    if (key >= end) return;
    yield entry;
  }
}

/** The state at an older revision: of each key that changed since, what it was before its first change after it. */
function* rewound(
  present: Iterable<[string, Entry]>,
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
  for (const entry of live(present, end)) {
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
