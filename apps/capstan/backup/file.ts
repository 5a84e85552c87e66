// A backup's file: it appears whole or not at all, and for its owner alone.
import { createReadStream } from "node:fs";
import { link, open, rename, rm } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { messageOf } from "@capstan/base/errors";
import { readArchive } from "@capstan/core/store";

/** What was read of a backup. */
export interface Summary {
  revision: number;
  /** RFC 3339. */
  created: string;
  objects: number;
  /** Bytes. */
  size: number;
}

export interface WriteOptions {
  /** Whether a file of that name goes. */
  replace: boolean;
}

/**
 * Writes chunks to a file (mode 0600), reads them back and gives the file its name when all is well and on disk. Throws
 * when the name is taken, and when what came is not a whole backup; nothing is left behind then.
 */
export async function writeBackup(
  file: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { replace }: WriteOptions,
): Promise<Summary> {
  const part = `${file}.part-${process.pid}`;
  try {
    await using handle = await open(part, "wx", 0o600);
    for await (const chunk of chunks) await handle.writeFile(chunk);
    await handle.sync();
    const summary = await summarize(part, file);
    if (replace) await rename(part, file);
    else await linkNew(part, file);
    await syncDirectory(dirname(resolve(file)));
    return summary;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") throw error;
    throw new Error(`cannot write ${file}: ${messageOf(error)}`, { cause: error });
  } finally {
    await rm(part, { force: true });
  }
}

/** A link, unlike a rename, never replaces. */
async function linkNew(part: string, file: string): Promise<void> {
  try {
    await link(part, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new Error(`it exists already; --replace overwrites it`, { cause: error });
  }
}

/** Makes new names in a directory last. */
export async function syncDirectory(directory: string): Promise<void> {
  await using handle = await open(directory, "r");
  await handle.sync();
}

/** Reads a backup to its end. Throws when it is damaged, foreign, newer or half. @param name what errors call it */
async function summarize(file: string, name = file): Promise<Summary> {
  const summary: Summary = { revision: 0, created: "", objects: 0, size: 0 };
  const source = createReadStream(file, { highWaterMark: 2 ** 20 });
  for await (const entry of readArchive(name, source)) {
    if (entry.type === "header") Object.assign(summary, { revision: entry.revision, created: entry.created });
    if (entry.type === "record") summary.objects++;
  }
  summary.size = source.bytesRead;
  return summary;
}
