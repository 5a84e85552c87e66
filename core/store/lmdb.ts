import { mkdirSync, readdirSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@capstan/base/errors";
import { open, type RootDatabase } from "lmdb";
import { checkDatabase } from "./check.ts";
import { claimDirectory, noteWritten, wasWritten } from "./directory.ts";
import type { Driver, Write } from "./driver.ts";
import { createStore, type StoreOptions } from "./engine.ts";
import { StoreError } from "./error.ts";
import { decodeHead, decodeRecord, decodeValue, encodeRecord } from "./record.ts";
import type { Snapshot, Store, StoreRecord } from "./store.ts";

/** LMDB orders keys by bytes: `.` comes before `/`, so that the marker stands outside of `/…`. */
const revisionKey = ".revision";

/**
 * Opens the store in a directory, which is made (mode 0700) when absent. Throws Locked when another process has it (the
 * message names it), Foreign when it holds other files, Corrupted when the data cannot be read.
 */
export function openStore(directory: string, options: StoreOptions = {}): Store {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const release = claimDirectory(directory);
  let db: RootDatabase<Buffer, string> | undefined;
  try {
    const path = join(directory, "data.mdb");
    checkDatabase(path);
    db = openDatabase(path);
    const begin = beginning(directory, readRevision(db) > 0);
    return createStore(createLmdbDriver(db, path, release, begin), options);
  } catch (error) {
    // Nothing was written: closing has nothing to wait for, and its lock goes with it.
    void db?.close();
    release();
    throw withWayOn(error, directory);
  }
}

/** A value that is damaged says where it is, and what helps. */
function withWayOn(error: unknown, directory: string): unknown {
  if (!(error instanceof StoreError) || error.code !== "Corrupted" || error.message.includes(directory)) return error;
  return new StoreError("Corrupted", `${directory}: ${error.message}; restore the cluster from a backup`, {
    cause: error,
  });
}

/** With more keys values are deflated: below, the time to do so counts for more than the pages that it spares. */
const plainKeys = 10_000;

/** Writes are grouped to about this many bytes a commit. */
const group = 4 * 2 ** 20;

/**
 * Makes a store in an empty or absent directory of what another one held. Records keep their revisions; the store's own
 * becomes `revision`. Throws Foreign when something is there already.
 */
export async function importStore(
  directory: string,
  records: AsyncIterable<StoreRecord>,
  revision: () => number,
): Promise<void> {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [present] = readdirSync(directory);
  if (present) throw new StoreError("Foreign", `${directory} is not empty: it holds ${present}`);
  const release = claimDirectory(directory);
  const path = join(directory, "data.mdb");
  const db = openDatabase(path);
  const driver = createLmdbDriver(db, path, release, beginning(directory, false));
  try {
    let writes: Write[] = [];
    let size = 0;
    for await (const { key, revision: at, bytes, meta } of records) {
      writes.push({ key, revision: at, value: { bytes, meta } });
      size += bytes.byteLength;
      if (size < group) continue;
      await driver.commit(writes);
      [writes, size] = [[], 0];
    }
    if (writes.length > 0) await driver.commit(writes);
    await db.put(revisionKey, markOf(revision()));
  } finally {
    await driver.close();
  }
}

/**
 * Notes in the directory that something was written, once: from then on an empty database is a lost one.
 * @param written whether the database holds something now. Throws Corrupted when it did before and does no more.
 */
function beginning(directory: string, written: boolean): () => void {
  let noted = wasWritten(directory);
  if (noted && !written) {
    const why = "data.mdb is empty or gone, though the store was written to";
    throw new StoreError("Corrupted", `${directory} is damaged: ${why}; restore the cluster from a backup`);
  }
  const note = () => {
    if (!noted) noteWritten(directory);
    noted = true;
  };
  if (written) note();
  return note;
}

/** @param written is called when something is on disk. */
function createLmdbDriver(
  db: RootDatabase<Buffer, string>,
  path: string,
  release: () => void,
  written: () => void,
): Driver {
  const snapshots = new Set<Snapshot>();
  return {
    revision: readRevision(db),
    *load() {
      const known = new Map<string, unknown>();
      let count = 0;
      for (const { key, value } of readable(db)) {
        count++;
        const name = String(key);
        if (name.startsWith("/")) yield { key: name.slice(1), ...decodeHead(name.slice(1), value, known) };
      }
      // A damaged page of the tree hides what lies below it.
      const { entryCount } = db.getStats() as { entryCount: number };
      if (count !== entryCount) {
        throw new StoreError("Corrupted", `its tree is damaged: of ${entryCount} entries ${count} can be found`);
      }
    },
    read(key) {
      const value = db.get(`/${key}`);
      return value && decodeValue(key, value);
    },
    async commit(writes) {
      // Each write of a batch has a promise of its own, which is rejected too when the commit fails.
      const parts: Promise<boolean>[] = [];
      try {
        const deflates = (db.getStats() as { entryCount: number }).entryCount > plainKeys;
        const whole = db.batch(() => {
          for (const { key, revision, value } of writes) {
            if (value) parts.push(db.put(`/${key}`, encodeRecord(key, { revision, ...value }, deflates)));
            else parts.push(db.remove(`/${key}`));
          }
          const last = writes[writes.length - 1]?.revision ?? 0;
          parts.push(db.put(revisionKey, markOf(last)));
        });
        await Promise.all([whole, ...parts]);
        written();
      } catch (error) {
        throw diskError(await reasonOf(error), path);
      }
    },
    snapshot() {
      const snapshot = openSnapshot(db, () => snapshots.delete(snapshot));
      snapshots.add(snapshot);
      return snapshot;
    },
    async close() {
      for (const snapshot of snapshots) snapshot[Symbol.dispose]();
      await db.close();
      release();
    },
  };
}

/** All entries. The binding makes numbers, dates and more of keys whose first byte is damaged. */
function* readable(db: RootDatabase<Buffer, string>): Generator<{ key: string; value: Buffer }> {
  try {
    yield* db.getRange();
  } catch (error) {
    throw new StoreError("Corrupted", `a key on disk is damaged: ${messageOf(error)}`, { cause: error });
  }
}

/** A read transaction: LMDB keeps the pages that it sees until it is over. */
function openSnapshot(db: RootDatabase<Buffer, string>, disposed: () => void): Snapshot {
  let over = false;
  const transaction = db.useReadTransaction();
  const stored = db.get(revisionKey, { transaction });
  return {
    revision: stored ? decodeRecord(revisionKey, stored).revision : 1,
    *records() {
      for (const { key, value } of db.getRange({ start: "/", transaction })) {
        const name = String(key).slice(1);
        yield { key: name, ...decodeRecord(name, value) };
        if (over) throw new StoreError("Closed", "the store was closed while its snapshot was read");
      }
    },
    [Symbol.dispose]() {
      if (over) return;
      over = true;
      disposed();
      transaction.done();
    },
  };
}

function openDatabase(path: string): RootDatabase<Buffer, string> {
  try {
    // Without overlappingSync a write resolves only when it is on disk.
    return open({ path, encoding: "binary", cache: false, overlappingSync: false, maxDbs: 1 });
  } catch (error) {
    throw new StoreError("Corrupted", `${path} cannot be opened: ${messageOf(error)}`, { cause: error });
  }
}

const markOf = (revision: number) => encodeRecord(revisionKey, { revision, bytes: new Uint8Array(0) });

function readRevision(db: RootDatabase<Buffer, string>): number {
  const stored = db.get(revisionKey);
  return stored ? decodeRecord(revisionKey, stored).revision : 0;
}

/** LMDB's binding tells the reason by a further promise, which a failed commit has rejected. */
async function reasonOf(error: unknown): Promise<unknown> {
  const { commitError } = error as { commitError?: Promise<never> };
  return commitError ? commitError.catch((reason: unknown) => reason) : error;
}

/**
 * Whether an unhandled rejection is a failed commit's: the binding rejects one promise more than it gives out. The store
 * has answered the writes and become read-only, so the process can go on.
 */
export function isFailedCommit(reason: unknown): boolean {
  return reason instanceof Error && "commitError" in reason;
}

/** Source: errno 28 is ENOSPC, 122 EDQUOT on Linux; LMDB makes EIO (5) of a write that was cut short. */
function diskError(error: unknown, path: string): StoreError {
  const { code } = error as { code?: unknown };
  const known = code === 28 || code === 122 || /no space|MDB_MAP_FULL|quota/i.test(messageOf(error));
  if (known || (code === 5 && isFull(path))) {
    return new StoreError("Full", `the disk under ${path} is full: free some space and restart`, { cause: error });
  }
  return new StoreError("Corrupted", `writing ${path} failed: ${messageOf(error)}`, { cause: error });
}

/** Less room than one of the largest values needs. */
function isFull(path: string): boolean {
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize < 8 * 2 ** 20;
}
