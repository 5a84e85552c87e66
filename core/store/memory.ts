import type { Driver } from "./driver.ts";
import { createStore, type StoreOptions } from "./engine.ts";
import type { Store } from "./store.ts";

/** A store that forgets all when the process ends: for tests and throw-away clusters. */
export function createMemoryStore(options: StoreOptions = {}): Store {
  return createStore(createMemoryDriver(), options);
}

function createMemoryDriver(): Driver {
  const values = new Map<string, { revision: number; bytes: Uint8Array; meta?: unknown }>();
  return {
    revision: 0,
    load: () => [],
    read: (key) => values.get(key),
    async commit(writes) {
      for (const { key, revision, value } of writes) {
        if (value) values.set(key, { revision, ...value });
        else values.delete(key);
      }
    },
    async close() {},
  };
}
