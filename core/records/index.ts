// What the platform remembers in tables: finished workflows, memos, shared locks, lineage. The only room that speaks SQL.
export type { Archive } from "./archive/archive.ts";
export { type ArchivePage, type ArchiveQuery, ArchiveQueryError, pageLimit } from "./archive/query.ts";
export type { ArchivedWorkflow } from "./archive/summary.ts";
export {
  type LineageNode,
  type LineageQuery,
  LineageQueryError,
  type LineageRecords,
  type LineageTrace,
} from "./lineage/model.ts";
export type { AcquireResult, LockOrder, LockRequest } from "./locks/acquire.ts";
export type { LockRecords } from "./locks/locks.ts";
export type { Memo, MemoRecords } from "./memos.ts";
export { createRecords, type OpenRecords, type Records, type RecordsOptions } from "./records.ts";
