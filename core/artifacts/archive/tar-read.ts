// Unpacks a tar below a directory. Nothing is ever written outside of it, whatever the archive says.
import { Buffer } from "node:buffer";
import { chmod, link, lstat, mkdir, open, statfs, symlink, unlink } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { blockSize, readHeader, readPax, type TarEntry } from "./tar-format.ts";
import { treeLimits } from "./tree.ts";

/** Bounds of what one archive may unpack to; `disk` is the share of the free space. */
export const unpackLimits = { bytes: 256 * 2 ** 30, entries: treeLimits.entries, record: 1024 * 1024, disk: 0.9 };

/** Counts what an archive unpacks to. @throws Error beyond a limit, which it names. */
export async function createMeter(directory: string): Promise<(bytes: number) => void> {
  const { bavail, bsize } = await statfs(directory);
  const free = Math.floor(bavail * bsize * unpackLimits.disk);
  let [entries, total] = [0, 0];
  return (bytes) => {
    entries++;
    total += bytes;
    if (entries > unpackLimits.entries)
      throw new Error(`the archive has more than ${unpackLimits.entries} entries (limit entries)`);
    if (total > unpackLimits.bytes)
      throw new Error(`the archive unpacks to more than ${unpackLimits.bytes} bytes (limit bytes)`);
    if (total > free) throw new Error(`the archive unpacks to more than the ${free} bytes that are free (limit disk)`);
  };
}

/** @throws Error for a damaged archive, one that leaves its directory, or one beyond a limit, which it names. */
export async function untar(source: AsyncIterable<Uint8Array>, directory: string): Promise<void> {
  const reader = new ByteReader(source);
  let overrides: Record<string, string> = {};
  const meter = await createMeter(directory);
  for (;;) {
    const block = await reader.take(blockSize);
    if (block.length === 0 || block.every((byte) => byte === 0)) return;
    const { flag, entry } = readHeader(block);
    if (flag === "x" || flag === "g" || flag === "L" || flag === "K") {
      if (entry.size > unpackLimits.record)
        throw new Error(`a tar record is larger than ${unpackLimits.record} bytes (limit record)`);
      const content = await reader.take(entry.size);
      await reader.skip((blockSize - (entry.size % blockSize)) % blockSize);
      if (flag === "x") overrides = { ...overrides, ...readPax(content) };
      else if (flag !== "g")
        overrides[flag === "L" ? "path" : "linkpath"] = content.toString("utf8").replace(/\0.*$/s, "");
      continue;
    }
    const whole = override(entry, overrides);
    overrides = {};
    meter(whole.size);
    await unpackEntry(whole, reader, directory);
  }
}

function override(entry: TarEntry, { path, linkpath, size }: Record<string, string>): TarEntry {
  const length = size === undefined ? entry.size : Number(size);
  if (!Number.isSafeInteger(length) || length < 0) throw new Error("the archive is damaged: a size is no number");
  return { ...entry, name: path ?? entry.name, target: linkpath ?? entry.target, size: length };
}

/** The path below the directory. @throws Error when it would leave it. */
function inside(name: string): string {
  const clean = posix.normalize(name).replace(/\/+$/, "");
  if (name.includes("\0") || clean.startsWith("/") || clean === ".." || clean.startsWith("../")) {
    throw new Error(`the archive's entry ${JSON.stringify(name.slice(0, 200))} is outside of the artifact`);
  }
  return clean;
}

async function unpackEntry(entry: TarEntry, reader: ByteReader, directory: string): Promise<void> {
  const name = inside(entry.name);
  const skip = (entry.type === "file" || entry.type === "other" ? entry.size : 0) % blockSize;
  const rest = (blockSize - skip) % blockSize;
  if (name === "." || entry.type === "other") {
    if (entry.type === "other" || entry.type === "file") await reader.skip(entry.size + rest);
    return;
  }
  const host = join(directory, name);
  await ensureDirectory(directory, dirname(name));
  if (entry.type === "directory") {
    await ensureDirectory(directory, name);
    await chmod(host, entry.mode | 0o700);
    return;
  }
  await removeFile(host, entry.name);
  if (entry.type === "file") {
    await writeFile(host, entry, reader);
    await reader.skip(rest);
  } else if (entry.type === "link") await makeLink(host, name, entry.target);
  else {
    const target = inside(entry.target);
    await ensureDirectory(directory, dirname(target));
    if (!(await lstat(join(directory, target))).isFile())
      throw new Error(`the archive's entry ${entry.name} links to what is no file`);
    await link(join(directory, target), host);
  }
}

/** Makes parents one by one: a link in their place is refused, so that nothing is written through it. */
export async function ensureDirectory(root: string, name: string): Promise<void> {
  if (name === "." || name === "") return;
  let path = root;
  for (const part of name.split("/")) {
    path = join(path, part);
    try {
      await mkdir(path, { mode: 0o755 });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (!(await lstat(path)).isDirectory())
        throw new Error(`the archive's entry ${name} lies below what is no directory`);
    }
  }
}

async function removeFile(host: string, name: string): Promise<void> {
  try {
    await unlink(host);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EISDIR" || code === "EPERM")
      throw new Error(`the archive's entry ${name} stands in the place of a directory`);
    if (code !== "ENOENT") throw error;
  }
}

async function writeFile(host: string, { mode, size }: TarEntry, reader: ByteReader): Promise<void> {
  const file = await open(host, "wx", mode | 0o400);
  try {
    for (let left = size; left > 0; ) {
      const chunk = await reader.some(Math.min(left, 1024 * 1024));
      if (chunk.length === 0) throw new Error("the archive ends in the middle of a file");
      await file.write(chunk);
      left -= chunk.length;
    }
    // The mask of the process does not count for files that come from elsewhere.
    await file.chmod(mode);
  } finally {
    await file.close();
  }
}

async function makeLink(host: string, name: string, target: string): Promise<void> {
  const reached = posix.normalize(posix.join(posix.dirname(name), target));
  if (target.startsWith("/") || reached === ".." || reached.startsWith("../")) {
    throw new Error(`the archive's link ${name} points outside of the artifact`);
  }
  await symlink(target, host);
}

/** Reads a stream in the sizes that the format wants. */
class ByteReader {
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);
  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** At most `limit` bytes, and at least one unless the stream is over. */
  async some(limit: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const { value, done } = await this.#source.next();
      if (done) return this.#rest;
      this.#rest = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    }
    const chunk = this.#rest.subarray(0, limit);
    this.#rest = this.#rest.subarray(chunk.length);
    return chunk;
  }

  /** Exactly so many bytes, or none at the stream's end. */
  async take(size: number): Promise<Buffer> {
    const chunks: Buffer[] = [];
    let length = 0;
    while (length < size) {
      const chunk = await this.some(size - length);
      if (chunk.length === 0) {
        if (length === 0) break;
        throw new Error("the archive ends in the middle of an entry");
      }
      chunks.push(chunk);
      length += chunk.length;
    }
    return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
  }

  async skip(size: number): Promise<void> {
    for (let left = size; left > 0; ) {
      const chunk = await this.some(left);
      if (chunk.length === 0) throw new Error("the archive ends in the middle of an entry");
      left -= chunk.length;
    }
  }
}
