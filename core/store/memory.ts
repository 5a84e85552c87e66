import type { Driver } from "./driver.ts";
import { createStore, type StoreOptions } from "./engine.ts";
import type { Store } from "./store.ts";

/** A store that forgets all when the process ends: for tests and throw-away clusters. */
export function createMemoryStore(options: StoreOptions = {}): Store {
  return createStore(createMemoryDriver(), options);
}

function createMemoryDriver(): Driver {
  const values = new Map<string, { revision: number; bytes: Uint8Array; meta?: unknown }>();
  let newest = 1;
  return {
    revision: 0,
    load: () => [],
    read: (key) => values.get(key),
    async commit(writes) {
      for (const { key, revision, value } of writes) {
        if (value) values.set(key, { revision, ...value });
        else values.delete(key);
        newest = revision;
      }
    },
    snapshot() {
      const records = [...values].map(([key, value]) => ({ key, ...value }));
      records.sort((a, b) => (a.key < b.key ? -1 : 1));
      return { revision: newest, records: () => records, [Symbol.dispose]() {} };
    },
    async close() {},
  };
}
