// From a backup to a data directory: everything is laid out beside and checked before anything there is touched.
import { createReadStream, existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "@capstan/base/errors";
import { type ArchiveEntry, importStore, readArchive, type StoreRecord } from "@capstan/core/store";
import {
  claimDataDirectory,
  type DataDirectory,
  lockDataDirectory,
  markerName,
  stagingName,
  writeMarker,
} from "../instance/data-directory.ts";
import { derived, isContent, replaced } from "./content.ts";
import { type Summary, syncDirectory } from "./file.ts";
import { appendPart, isRecordsPart, recordsName } from "./records.ts";

/**
 * How far the restored store's revision is ahead of the backup's: clients that saw a later state of the cluster are told
 * that their revision expired, and list anew. Source: etcdutl snapshot restore --bump-revision, as Kubernetes' guide has it.
 */
const revisionLeap = 1_000_000_000;

export interface RestoreOptions {
  /** Whether a data directory that is in use by Capstan already may lose its content. */
  replace: boolean;
}

/**
 * Restores a backup into a data directory: an empty one, one whose restore was cut short or, with `replace`, a stopped
 * one. Throws before anything is changed when the file is not a whole backup. Killed at any point, the directory is as
 * it was or refuses to start until the restore is run again.
 */
export async function restoreBackup(
  file: string,
  directory: DataDirectory,
  { replace }: RestoreOptions,
): Promise<Summary> {
  checkTarget(directory, replace);
  mkdirSync(directory.root, { recursive: true, mode: 0o700 });
  using _lock = lockDataDirectory(directory);
  const staging = directory.path(stagingName);
  rmSync(staging, { recursive: true, force: true });
  mkdirSync(staging, { mode: 0o700 });
  let summary: Summary;
  try {
    summary = await stage(file, staging);
  } catch (error) {
    rmSync(staging, { recursive: true });
    throw error;
  }
  await swap(directory, staging);
  return summary;
}

function checkTarget(directory: DataDirectory, replace: boolean): void {
  const { root } = directory;
  if (!existsSync(root)) return;
  if (existsSync(directory.path(markerName))) {
    claimDataDirectory(directory);
    if (replace) return;
    throw new Error(`${root} holds a cluster already; --replace gives it up, or choose another with --data-dir`);
  }
  if (existsSync(directory.path(stagingName))) return;
  const others = readdirSync(root).filter((name) => name !== "lost+found");
  if (others.length === 0) return;
  const some = others.slice(0, 3).join(", ");
  throw new Error(`${root} is neither empty nor a data directory of Capstan: it holds ${some}`);
}

async function stage(file: string, staging: string): Promise<Summary> {
  const source = createReadStream(file, { highWaterMark: 2 ** 20 });
  source.on("error", () => {});
  const summary: Summary = { revision: 0, created: "", objects: 0, size: 0 };
  const records = keepRecords(readArchive(file, source), staging, file, summary);
  try {
    await importStore(join(staging, "store"), records, () => summary.revision + revisionLeap);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === "open") {
      throw new Error(`cannot read ${file}: ${messageOf(error)}`, { cause: error });
    }
    throw error;
  } finally {
    source.destroy();
  }
  summary.size = source.bytesRead;
  return summary;
}

/** Passes the records on and writes the files. */
async function* keepRecords(
  entries: AsyncIterable<ArchiveEntry>,
  staging: string,
  file: string,
  summary: Summary,
): AsyncGenerator<StoreRecord> {
  for await (const entry of entries) {
    if (entry.type === "header") Object.assign(summary, { revision: entry.revision, created: entry.created });
    else if (entry.type === "file") {
      if (!isContent(entry.name)) throw new Error(`${file} holds "${entry.name}", which no backup of Capstan does`);
      if (isRecordsPart(entry.name)) {
        appendPart(join(staging, recordsName), entry.bytes);
        continue;
      }
      const path = join(staging, entry.name);
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileSync(path, entry.bytes, { mode: 0o600, flag: "wx", flush: true });
    } else {
      summary.objects++;
      yield entry;
    }
  }
}

/** Without its marker a directory does not start; the marker comes back when everything is in its place. */
async function swap({ root, path }: DataDirectory, staging: string): Promise<void> {
  rmSync(path(markerName), { force: true });
  await syncDirectory(root);
  for (const name of [...derived, ...replaced]) rmSync(path(name), { recursive: true, force: true });
  for (const name of readdirSync(staging)) renameSync(join(staging, name), path(name));
  await syncDirectory(root);
  writeMarker(root);
  rmSync(staging, { recursive: true });
  await syncDirectory(root);
}
