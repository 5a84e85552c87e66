import type { Requirement } from "@capstan/api/meta";
import type { ArchivedWorkflow } from "./summary.ts";

/** All that is given has to hold. Times are RFC 3339; `after` is inclusive, `before` is not. */
export interface ArchiveQuery {
  namespace?: string;
  uid?: string;
  name?: string;
  namePrefix?: string;
  /** `*` stands for any text, `?` for one character. */
  namePattern?: string;
  labels?: Requirement[];
  /** Any of these. */
  phases?: string[];
  /** `name`, or `cluster/name`. */
  template?: string;
  startedAfter?: string;
  startedBefore?: string;
  finishedAfter?: string;
  finishedBefore?: string;
  /** At most 1000; default 100. */
  limit?: number;
  continue?: string;
}
export interface ArchivePage {
  /** The last started first. */
  items: ArchivedWorkflow[];
  /** Leads to the next page; absent on the last one. */
  continue?: string;
}

/** A query says what no archive can be asked. */
export class ArchiveQueryError extends Error {}

/** Most workflows in one answer. */
export const pageLimit = 1000;
