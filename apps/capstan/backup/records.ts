// The records in a backup: a copy of their file, in parts.
import { randomUUID } from "node:crypto";
import { appendFileSync, closeSync, existsSync, openSync, readdirSync, readSync, rmSync } from "node:fs";
import { createRecords, type Records } from "@capstan/core/records";
import type { ArchiveFile } from "@capstan/core/store";
import type { DataDirectory } from "../instance/data-directory.ts";

/** The records' file in the data directory. */
export const recordsName = "records.db";
/** All that SQLite keeps of it. */
export const recordsFiles = [recordsName, `${recordsName}-wal`, `${recordsName}-shm`];

const copyPrefix = "records.copy-";
const partBytes = 8 * 2 ** 20;
const part = /^records\.db\.part\d{1,9}$/;

export const isRecordsPart = (name: string): boolean => part.test(name);

/** A copy as of one moment, which goes when it is disposed of; undefined when there are no records. */
export async function copyRecords(
  directory: DataDirectory,
  open: Records | undefined,
): Promise<(Disposable & { file: string }) | undefined> {
  const source = directory.path(recordsName);
  if (!existsSync(source)) return undefined;
  await using own = open ? undefined : createRecords({ database: { file: source }, cluster: "" });
  const { copyTo } = await (open ?? (own as Records)).open();
  if (!copyTo) return undefined;
  const file = directory.path(`${copyPrefix}${randomUUID()}`);
  try {
    await copyTo(file);
  } catch (error) {
    rmSync(file, { force: true });
    throw error;
  }
  return { file, [Symbol.dispose]: () => rmSync(file, { force: true }) };
}

/** Removes copies that a killed process left. */
export function sweepCopies({ root, path }: DataDirectory): void {
  for (const name of readdirSync(root)) if (name.startsWith(copyPrefix)) rmSync(path(name), { force: true });
}

export function* readRecords(file: string): Generator<ArchiveFile> {
  const handle = openSync(file, "r");
  try {
    for (let n = 0; ; n++) {
      const bytes = Buffer.alloc(partBytes);
      const read = readSync(handle, bytes, 0, partBytes, null);
      if (read === 0) return;
      yield { name: `${recordsName}.part${n}`, bytes: bytes.subarray(0, read) };
    }
  } finally {
    closeSync(handle);
  }
}

/** Adds a part to the file that is being restored. @param file the path of that file */
export function appendPart(file: string, bytes: Uint8Array): void {
  appendFileSync(file, bytes, { mode: 0o600, flush: true });
}
