// Unpacks a zip below a directory, by its central record, without trust in it. Links are not made.
import { Buffer } from "node:buffer";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createInflateRaw } from "node:zlib";
import { createMeter, ensureDirectory } from "./tar-read.ts";

/** Largest central record, bytes. */
const recordLimit = 256 * 2 ** 20;
/** The end record: 22 bytes and a comment of at most 65,535. */
const endSize = 22 + 0xffff;

interface Member {
  name: string;
  method: number;
  packed: number;
  size: number;
  mode: number;
  offset: number;
}

/** @throws Error for a damaged zip, one that leaves its directory, or one beyond a limit, which it names. */
export async function unzip(host: string, directory: string): Promise<void> {
  await using file = await open(host, "r");
  const members = await readCentral(file);
  await mkdir(directory, { recursive: true });
  const meter = await createMeter(directory);
  // What it says of itself is counted before anything is written; what it is, while it is.
  for (const { size } of members) meter(size);
  for (const member of members) await unpackMember(file, member, directory);
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await file.read(bytes, 0, length, position);
  if (bytesRead < length) throw new Error("the zip is damaged: it ends too early");
  return bytes;
}

async function readCentral(file: FileHandle): Promise<Member[]> {
  const { size: total } = await file.stat();
  const tail = await readAt(file, Math.max(0, total - endSize), Math.min(total, endSize));
  const end = tail.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (end < 0 || end + 22 > tail.length) throw new Error("the zip is damaged: its end is missing");
  const [count, length, start] = [
    tail.readUInt16LE(end + 10),
    tail.readUInt32LE(end + 12),
    tail.readUInt32LE(end + 16),
  ];
  if (start === 0xffffffff) throw new Error("the zip needs zip64, which is not supported");
  if (length > recordLimit)
    throw new Error(`the zip's central record is larger than ${recordLimit} bytes (limit record)`);
  const bytes = await readAt(file, start, length);
  const members: Member[] = [];
  for (let at = 0; members.length < count; ) {
    if (at + 46 > bytes.length || bytes.readUInt32LE(at) !== 0x02014b50)
      throw new Error("the zip is damaged: a record is missing");
    const name = bytes.readUInt16LE(at + 28);
    members.push({
      name: bytes.toString("utf8", at + 46, at + 46 + name),
      method: bytes.readUInt16LE(at + 10),
      packed: bytes.readUInt32LE(at + 20),
      size: bytes.readUInt32LE(at + 24),
      mode: (bytes.readUInt32LE(at + 38) >>> 16) & 0o7777,
      offset: bytes.readUInt32LE(at + 42),
    });
    at += 46 + name + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
  return members;
}

async function unpackMember(file: FileHandle, member: Member, directory: string): Promise<void> {
  const { name, method, packed, size, mode, offset } = member;
  const clean = posix.normalize(name.replaceAll("\\", "/"));
  if (name.includes("\0") || clean.startsWith("/") || clean === ".." || clean.startsWith("../")) {
    throw new Error(`the archive's entry ${JSON.stringify(name.slice(0, 200))} is outside of the artifact`);
  }
  if (clean.endsWith("/")) return ensureDirectory(directory, clean.slice(0, -1));
  if (method !== 0 && method !== 8) throw new Error(`the zip's entry ${name} is packed in a way that is not supported`);
  await ensureDirectory(directory, dirname(clean));
  const head = await readAt(file, offset, 30);
  const start = offset + 30 + head.readUInt16LE(26) + head.readUInt16LE(28);
  const target = await open(join(directory, clean), "wx", (mode || 0o644) | 0o400);
  let written = 0;
  const bounded = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      written += chunk.length;
      if (written > size) break;
      yield chunk;
    }
    if (written !== size) throw new Error(`the zip is damaged: ${name} has another size than it says`);
  };
  const raw =
    packed === 0 ? Readable.from([]) : file.createReadStream({ start, end: start + packed - 1, autoClose: false });
  const out = target.createWriteStream();
  try {
    if (method === 8) await pipeline(raw, createInflateRaw(), bounded, out);
    else await pipeline(raw, bounded, out);
  } finally {
    await target.close();
  }
}
