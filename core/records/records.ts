import { messageOf } from "@capstan/base/errors";
import type { Archive } from "./archive/archive.ts";
import type { LineageRecords } from "./lineage/model.ts";
import type { LockRecords } from "./locks/locks.ts";
import type { MemoRecords } from "./memos.ts";

export interface RecordsOptions {
  /** A SQLite file, made when it is first used, or a PostgreSQL database that several platforms may share. */
  database: { file: string } | { url: string };
  /** Which cluster the records are of; also the name by which it holds locks. The same after a restart. */
  cluster: string | (() => Promise<string>);
  /** A controller whose heart has not beaten for so long waits for no lock any more, milliseconds. Default 300 000. */
  inactiveAfter?: number;
}

export interface OpenRecords {
  archive: Archive;
  memos: MemoRecords;
  locks: LockRecords;
  lineage: LineageRecords;
  /** Writes a whole copy to a file that does not exist. Only SQLite has one: others are backed up by their own means. */
  copyTo?(file: string): Promise<void>;
}

/** What the platform remembers beside the cluster's objects. Opens nothing until somebody asks. */
export interface Records extends AsyncDisposable {
  /** Rejects when the database cannot be used; the next call tries again. */
  open(): Promise<OpenRecords>;
  /** Whether other platforms may use the same database. */
  shared: boolean;
  /** Why the database could not be opened the last time. */
  problem?(): string | undefined;
}

export function createRecords(options: RecordsOptions): Records {
  let opened: Promise<OpenRecords & AsyncDisposable> | undefined;
  let problem: string | undefined;
  const open = async () => {
    try {
      const made = await (await import("./open.ts")).openDatabase(options);
      problem = undefined;
      return made;
    } catch (error) {
      problem = explain(options, messageOf(error));
      throw new Error(problem, { cause: error });
    }
  };
  return {
    shared: "url" in options.database,
    problem: () => problem,
    open() {
      opened ??= open().catch((error) => {
        opened = undefined;
        throw error;
      });
      return opened;
    },
    async [Symbol.asyncDispose]() {
      const [settled] = await Promise.allSettled(opened ? [opened] : []);
      opened = undefined;
      if (settled?.status === "fulfilled") await settled.value[Symbol.asyncDispose]();
    },
  };
}

function explain({ database }: RecordsOptions, why: string): string {
  if ("url" in database) return `the database of the records cannot be used: ${why}`;
  const hint = "restore a backup, or move the file away to begin with an empty one";
  return `the records in ${database.file} cannot be used: ${why}; ${hint}`;
}
