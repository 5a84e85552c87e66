/** What a writer stores: the final bytes, and metadata that lists filter by. `meta` is kept in memory and must be JSON. */
export interface Encoded {
  bytes: Uint8Array;
  meta?: unknown;
}

/** One key's state. `bytes` and `meta` are shared: never change them. */
export interface StoreRecord extends Encoded {
  key: string;
  /** The revision of its last write. */
  revision: number;
}

export interface ListQuery {
  /** At most this many records. */
  limit?: number;
  /** Only keys after this one. */
  after?: string;
  /** The state at this revision; Expired when history does not reach it, Future when it is not yet written. */
  revision?: number;
  /** Counts only records whose metadata pass. */
  filter?: (meta: unknown, key: string) => boolean;
}

export interface ListAnswer {
  /** In order of their keys. */
  records: StoreRecord[];
  /** The revision this is the state of. */
  revision: number;
  /** Matching records after the last one given: 0 without a limit. */
  remaining: number;
}

/** One change. The same object reaches all watchers, so what is computed from it can be kept by identity. */
export interface StoreEvent {
  type: "created" | "updated" | "deleted";
  key: string;
  revision: number;
  /** New state; for deletions the final bytes that delete() encoded. */
  value: Encoded;
  /** State before; absent for creations. */
  previous?: StoreRecord;
}

/** Everything up to `revision` has been delivered to this watcher. */
export interface Progress {
  type: "progress";
  revision: number;
}

export interface WatchQuery {
  /** Deliver changes after this revision; absent: from now on. */
  after?: number;
  signal: AbortSignal;
  /** Changes held for a slow reader before it is ended with Overflow. Default 4096. */
  buffer?: number;
}

/** Ends when its signal aborts; throws Overflow to a slow reader and Closed when the store closes. Iterate once. */
export interface Watch extends AsyncIterable<StoreEvent | Progress> {
  /** Puts a Progress behind what is already on its way: safe to publish as a bookmark when it is read. */
  requestProgress(): void;
}

/** Every key as it was at one revision, whatever is written meanwhile. Dispose of it soon: it keeps old pages alive. */
export interface Snapshot extends Disposable {
  readonly revision: number;
  /** In order of their keys. Throws Corrupted for a value that is damaged. Iterate once, before disposal. */
  records(): Iterable<StoreRecord>;
}

/** Keys of which something may be lost: all from one on and before another. Answers about them are not whole. */
export interface Damage {
  from: string;
  to: string;
  /** What was found, for the user. */
  why: string;
}

/**
 * Bytes under keys. Keys are paths such as `pods/default/web`; a prefix that ends with `/` (or is empty) means all keys
 * below it, any other prefix exactly that key. Reads are synchronous and see only what is committed. Writes are ordered
 * as they are called, and resolve after the commit. Revisions are positive integers that only grow, through crashes too.
 */
export interface Store {
  /** The newest committed revision; a new store starts at 1. */
  readonly revision: number;
  /** The oldest revision that watch({after}) and list({revision}) accept. */
  readonly oldest: number;
  /** Why writes are refused, if they are. */
  readonly failure: Error | undefined;
  /** What a damaged disk cannot give any more: empty but for salvaged stores. */
  readonly damage: readonly Damage[];
  get(key: string): StoreRecord | undefined;
  list(prefix: string, query?: ListQuery): ListAnswer;
  count(prefix: string): number;
  /** `encode` gets the revision that this write will have. */
  create(key: string, encode: (revision: number) => Encoded): Promise<StoreRecord>;
  /**
   * Replaces an existing key. `current` is the newest state, writes under way included.
   * @param expected Conflict unless this is the key's revision; undefined replaces whatever is there.
   */
  update(
    key: string,
    expected: number | undefined,
    encode: (revision: number, current: StoreRecord) => Encoded,
  ): Promise<StoreRecord>;
  /** Resolves to the state before; `encode` gives the deletion event's bytes (default: the state before). */
  delete(
    key: string,
    expected: number | undefined,
    encode?: (revision: number, current: StoreRecord) => Encoded,
  ): Promise<StoreRecord>;
  /** Subscribes at once. Throws Expired or Future for an `after` it cannot honour. */
  watch(prefix: string, query: WatchQuery): Watch;
  /** What is committed now. */
  snapshot(): Snapshot;
  /** Waits for writes under way, ends all watches and releases the directory. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}
