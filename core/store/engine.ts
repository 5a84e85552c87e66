import type { Driver } from "./driver.ts";
import { createEntries } from "./entries.ts";
import { StoreError } from "./error.ts";
import { createHistory, type HistoryLimits } from "./history.ts";
import type { Store } from "./store.ts";
import { createWatchHub } from "./watch.ts";
import { Writer } from "./writer.ts";

export interface StoreOptions {
  /** What watches can resume from. Default 10,000 events and 16 MiB of their values. */
  history?: Partial<HistoryLimits>;
  /** Bytes of values kept in memory. Default 64 MiB. */
  cacheBytes?: number;
  /** Largest value, bytes. Default 8 MiB. */
  valueBytes?: number;
}

const mebibyte = 2 ** 20;

/** A store over a driver, which it owns from then on. */
export function createStore(driver: Driver, options: StoreOptions = {}): Store {
  const limits = { events: 10_000, bytes: 16 * mebibyte, ...options.history };
  let revision = Math.max(1, driver.revision);
  const history = createHistory(revision, limits);
  const entries = createEntries(driver, history, options.cacheBytes ?? 64 * mebibyte);
  const hub = createWatchHub(history, () => revision);
  const writer = new Writer({
    driver,
    entries,
    revision,
    failure: driver.salvaged?.failure,
    valueBytes: options.valueBytes ?? 8 * mebibyte,
    committed(events) {
      for (const event of events) {
        revision = event.revision;
        history.push(event);
        hub.publish(event);
      }
    },
  });
  let closing: Promise<void> | undefined;
  let closed = false;
  const ensureOpen = () => {
    if (closed) throw new StoreError("Closed", "the store is closed");
  };
  const shut = async () => {
    await writer.close();
    closed = true;
    hub.end(new StoreError("Closed", "the store was closed"));
    await driver.close();
  };
  const store: Store = {
    get revision() {
      return revision;
    },
    get oldest() {
      return history.oldest;
    },
    get failure() {
      return writer.failure;
    },
    damage: driver.salvaged?.damage ?? [],
    get(key) {
      ensureOpen();
      const entry = entries.get(key);
      return entry && entries.read(entry);
    },
    list(prefix, query = {}) {
      ensureOpen();
      const at = query.revision;
      if (at !== undefined && at > revision) throw new StoreError("Future", `revision ${at} is ahead of ${revision}`);
      if (at !== undefined && at < history.oldest) {
        throw new StoreError("Expired", `revision ${at} is older than the history, which starts at ${history.oldest}`);
      }
      return entries.list(prefix, query, revision);
    },
    count: (prefix) => entries.count(prefix),
    create: (key, encode) => writer.create(key, encode),
    update: (key, expected, encode) => writer.change("updated", key, expected, encode),
    delete: (key, expected, encode = (_, current) => current) => writer.change("deleted", key, expected, encode),
    watch(prefix, query) {
      ensureOpen();
      return hub.watch(prefix, query, revision);
    },
    snapshot() {
      ensureOpen();
      return driver.snapshot();
    },
    close: () => (closing ??= shut()),
    [Symbol.asyncDispose]: () => store.close(),
  };
  return store;
}
