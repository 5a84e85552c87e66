// The seam: what every store of artifacts can do, and how it says that it could not.

/** What is under a key. Stores without directories have one where keys go on after a "/". */
export interface Entry {
  kind: "file" | "directory";
  /** Bytes, of a file where the store says. */
  size?: number;
}

/** What is to be kept: a file or directory of this machine, or bytes, which may be asked for again after a failure. */
export type Source =
  | { host: string }
  | {
      bytes(): AsyncIterable<Uint8Array>;
      /** At most so many bytes, where that is known. */
      atMost?: number;
    };

/**
 * One store, opened with its credentials until the signal ends. Keys have parts separated by "/".
 * Invariant: a file that can be read is whole. A store that cannot do something says so with a StoreError.
 */
export interface ArtifactStore {
  /** Undefined when there is nothing. */
  stat(key: string): Promise<Entry | undefined>;
  /** The files at and below a key, as whole keys in order. */
  list(key: string): AsyncIterable<string>;
  /** A file's bytes. @throws StoreError with `missing` when there is none. */
  stream(key: string): AsyncIterable<Uint8Array>;
  /**
   * Copies a file or directory to a host path where nothing is. What a failed call leaves there is its caller's to remove.
   * @returns false when there is nothing under the key.
   */
  load(key: string, host: string): Promise<boolean>;
  /** Keeps a file, or a directory file by file. Links inside are left out. */
  save(key: string, source: Source): Promise<void>;
  /** Deletes a file, or everything below a key. Nothing there is no error. */
  delete(key: string): Promise<void>;
  /** An address by which anybody can read a file for so many seconds; absent where the store has no such thing. */
  link?(key: string, seconds: number): Promise<string>;
  /** Ends its connections. */
  close?(): void;
}

export interface StoreErrorOptions {
  /** Another try may meet a better moment. */
  passing?: boolean;
  /** There is nothing under the key. */
  missing?: boolean;
  cause?: unknown;
}

/** A store's refusal or failure, in its own words. */
export class StoreError extends Error {
  override readonly name = "StoreError";
  readonly passing: boolean;
  readonly missing: boolean;
  constructor(message: string, { passing = false, missing = false, cause }: StoreErrorOptions = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.passing = passing;
    this.missing = missing;
  }
}

/** What a store that only hands out, or only takes, says to everything else. */
export function unable(store: string, what: string): never {
  throw new StoreError(`${store}: artifacts cannot be ${what} in this store`);
}
