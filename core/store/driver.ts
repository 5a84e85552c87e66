import type { Damage, Encoded, Snapshot } from "./store.ts";

/** A key's state as a driver returns it when it loads: bytes are read when they are needed. */
export interface StoredKey {
  key: string;
  revision: number;
  meta: unknown;
}

/** One write of a commit; without a value the key is removed. */
export interface Write {
  key: string;
  revision: number;
  value?: Encoded;
}

/**
 * Where the bytes stay. The engine calls commit() again only after the one before has ended, so a driver needs no order
 * of its own. Errors are StoreErrors.
 */
export interface Driver {
  /** The newest revision ever committed, 0 for a new store. */
  readonly revision: number;
  /** Why it takes no writes, and what it cannot read: of a salvaged store. Known when it has loaded. */
  readonly salvaged?: { failure: Error; damage: readonly Damage[] };
  load(): Iterable<StoredKey>;
  /** What was committed last under the key. */
  read(key: string): { revision: number; bytes: Uint8Array } | undefined;
  /** All or nothing; resolves when it is durable. */
  commit(writes: readonly Write[]): Promise<void>;
  /** What is committed now, unchanged by later commits. */
  snapshot(): Snapshot;
  close(): Promise<void>;
}
