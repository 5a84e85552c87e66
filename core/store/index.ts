// Bytes under keys with revisions, lists and watches: the cluster's memory. The only room that imports lmdb.

export { type ArchiveEntry, type ArchiveFile, readArchive, writeArchive } from "./archive.ts";
export { createStore, type StoreOptions } from "./engine.ts";
export { isStoreError, StoreError, type StoreErrorCode } from "./error.ts";
export { importStore, isFailedCommit, openStore } from "./lmdb.ts";
export { createMemoryStore } from "./memory.ts";
export { salvageStore } from "./salvage.ts";
export type {
  Damage,
  Encoded,
  ListAnswer,
  ListQuery,
  Progress,
  Snapshot,
  Store,
  StoreEvent,
  StoreRecord,
  Watch,
  WatchQuery,
} from "./store.ts";
