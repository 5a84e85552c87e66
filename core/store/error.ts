/**
 * Why the store refused:
 * - Exists, NotFound, Conflict: the key's present state; reported once that state is committed, so that a reader sees it.
 * - Expired: the revision is older than the history that is kept. Future: it is newer than anything written.
 * - Overflow: a watcher did not read fast enough and was ended.
 * - InvalidKey, TooLarge: the request itself is wrong.
 * - Full, Corrupted: the disk failed; the store is read-only from then on. ReadOnly: a write came after that.
 * - Locked, Foreign: the directory is in use, or is not a store's.
 * - Closed: the store was closed.
 */
export type StoreErrorCode =
  | "Exists"
  | "NotFound"
  | "Conflict"
  | "Expired"
  | "Future"
  | "Overflow"
  | "InvalidKey"
  | "TooLarge"
  | "Full"
  | "Corrupted"
  | "ReadOnly"
  | "Locked"
  | "Foreign"
  | "Closed";

export class StoreError extends Error {
  readonly code: StoreErrorCode;

  constructor(code: StoreErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StoreError";
    this.code = code;
  }
}

export function isStoreError(thrown: unknown, ...codes: StoreErrorCode[]): thrown is StoreError {
  return thrown instanceof StoreError && (codes.length === 0 || codes.includes(thrown.code));
}
