import { type Deferred, deferred } from "@capstan/base/async";
import type { Driver, Write } from "./driver.ts";
import type { Entries, Entry } from "./entries.ts";
import { StoreError } from "./error.ts";
import { checkKey } from "./prefix.ts";
import type { Encoded, StoreEvent, StoreRecord } from "./store.ts";

interface PendingWrite {
  write: Write;
  event: StoreEvent;
  /** The committed entry that this write replaces, kept in memory until then. */
  pinned: Entry | undefined;
  answer: StoreRecord;
  done: Deferred<StoreRecord>;
}

export interface WriterOptions {
  driver: Driver;
  entries: Entries;
  /** The newest committed revision at the start. */
  revision: number;
  /** Why nothing can be written from the start. */
  failure: Error | undefined;
  valueBytes: number;
  /** Called with each commit's events, when it is durable and before any of its writes resolve. */
  committed(events: readonly StoreEvent[]): void;
}

/**
 * Orders writes and groups them: what is asked for while a commit is under way goes into the next one. Checks run
 * against the newest state, writes under way included.
 */
export class Writer {
  failure: Error | undefined;
  readonly #options: WriterOptions;
  /** The newest write of each key that is under way. */
  readonly #latest = new Map<string, PendingWrite>();
  #queue: PendingWrite[] = [];
  #flushing: Promise<void> | undefined;
  #revision: number;
  #closed = false;

  constructor(options: WriterOptions) {
    this.#options = options;
    this.failure = options.failure;
    this.#revision = options.revision;
  }

  async create(key: string, encode: (revision: number) => Encoded): Promise<StoreRecord> {
    this.#ensureOpen();
    checkKey(key);
    if (this.#current(key)) return this.#refuse(key, new StoreError("Exists", `"${key}" exists already`));
    return this.#submit("created", key, undefined, encode(this.#revision + 1));
  }

  async change(
    type: "updated" | "deleted",
    key: string,
    expected: number | undefined,
    encode: (revision: number, current: StoreRecord) => Encoded,
  ): Promise<StoreRecord> {
    this.#ensureOpen();
    checkKey(key);
    const now = this.#current(key);
    if (!now) return this.#refuse(key, new StoreError("NotFound", `"${key}" does not exist`));
    if (expected !== undefined && expected !== now.revision) {
      return this.#refuse(key, new StoreError("Conflict", `"${key}" is at revision ${now.revision}, not ${expected}`));
    }
    return this.#submit(type, key, now, encode(this.#revision + 1, now));
  }

  /** Refuses new writes and waits for those under way. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#flushing;
  }

  #ensureOpen(): void {
    if (this.#closed) throw new StoreError("Closed", "the store is closed");
    if (this.failure) throw this.#readOnly();
  }

  #readOnly(): StoreError {
    return new StoreError("ReadOnly", `the store is read-only: ${this.failure?.message}`, { cause: this.failure });
  }

  #current(key: string): StoreRecord | undefined {
    const pending = this.#latest.get(key);
    if (pending) return pending.event.type === "deleted" ? undefined : pending.answer;
    const entry = this.#options.entries.get(key);
    return entry && this.#options.entries.read(entry);
  }

  /** A refusal that rests on a write under way is told when that one is visible, so that reading again sees why. */
  async #refuse(key: string, error: StoreError): Promise<never> {
    await Promise.allSettled([this.#latest.get(key)?.done.promise]);
    throw error;
  }

  #submit(
    type: StoreEvent["type"],
    key: string,
    previous: StoreRecord | undefined,
    value: Encoded,
  ): Promise<StoreRecord> {
    const { valueBytes, entries } = this.#options;
    const size = value.bytes.byteLength;
    if (size > valueBytes)
      throw new StoreError("TooLarge", `"${key}" has ${size} bytes: valueBytes allows ${valueBytes}`);
    const revision = ++this.#revision;
    const pinned = this.#latest.has(key) ? undefined : entries.get(key);
    if (pinned) pinned.pins++;
    const state: StoreRecord = { key, revision, bytes: value.bytes, meta: value.meta };
    const pending: PendingWrite = {
      write: { key, revision, value: type === "deleted" ? undefined : value },
      event: { type, key, revision, value, previous },
      pinned,
      answer: type === "deleted" && previous ? previous : state,
      done: deferred<StoreRecord>(),
    };
    this.#latest.set(key, pending);
    this.#queue.push(pending);
    this.#flushing ??= Promise.resolve().then(() => this.#flush());
    return pending.done.promise;
  }

  async #flush(): Promise<void> {
    while (this.#queue.length > 0) {
      const batch = this.#queue;
      this.#queue = [];
      try {
        if (this.failure) throw this.#readOnly();
        await this.#options.driver.commit(batch.map((pending) => pending.write));
      } catch (error) {
        this.#fail(batch, error);
        continue;
      }
      for (const pending of batch) this.#publish(pending);
      this.#options.committed(batch.map((pending) => pending.event));
      for (const pending of batch) pending.done.resolve(pending.answer);
    }
    this.#flushing = undefined;
  }

  #fail(batch: PendingWrite[], error: unknown): void {
    this.failure ??= error instanceof Error ? error : new Error(String(error));
    for (const pending of batch) {
      this.#release(pending);
      pending.done.reject(error);
    }
  }

  #release(pending: PendingWrite): void {
    if (pending.pinned) pending.pinned.pins--;
    if (this.#latest.get(pending.write.key) === pending) this.#latest.delete(pending.write.key);
  }

  #publish(pending: PendingWrite): void {
    const { write, event } = pending;
    const { entries } = this.#options;
    this.#release(pending);
    if (event.type === "deleted") {
      entries.delete(write.key);
      return;
    }
    // Pinned while a later write of the key is under way: on disk its bytes may be gone before readers see that.
    const entry: Entry = {
      key: write.key,
      revision: write.revision,
      bytes: event.value.bytes,
      meta: event.value.meta,
      pins: 0,
    };
    const next = this.#latest.get(write.key);
    if (next) {
      next.pinned = entry;
      entry.pins++;
    }
    entries.set(entry);
  }
}
