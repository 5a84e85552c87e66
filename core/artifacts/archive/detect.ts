import { open } from "node:fs/promises";
import { promisify } from "node:util";
import { constants, gunzip } from "node:zlib";
import { blockSize, isHeader } from "./tar-format.ts";

const unzip = promisify(gunzip);

/** What a file is, by its first bytes. */
export async function detect(host: string): Promise<"tar" | "tgz" | "zip" | "other"> {
  const file = await open(host, "r");
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(64 * 1024), 0, 64 * 1024, 0);
    const start = buffer.subarray(0, bytesRead);
    if (isHeader(start)) return "tar";
    if (bytesRead >= 4 && start.readUInt32LE(0) === 0x04034b50) return "zip";
    if (start[0] !== 0x1f || start[1] !== 0x8b) return "other";
    return (await isTarInside(start)) ? "tgz" : "other";
  } finally {
    await file.close();
  }
}

async function isTarInside(start: Buffer): Promise<boolean> {
  try {
    const inner = await unzip(start, { finishFlush: constants.Z_SYNC_FLUSH });
    return inner.length >= blockSize && isHeader(inner);
  } catch (error) {
    // Not gzip after all.
    if ((error as NodeJS.ErrnoException).code?.startsWith("Z_")) return false;
    throw error;
  }
}
