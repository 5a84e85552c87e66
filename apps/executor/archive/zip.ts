// The zip format, written and read. Source: PKWARE APPNOTE 6.3.10; sizes beyond 4 GiB are refused.
import { Buffer } from "node:buffer";
import { mkdir, open, readFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";
import { promisify } from "node:util";
import { crc32, deflateRaw, inflateRaw } from "node:zlib";
import { unpackLimits } from "./tar-read.ts";
import { openRegular, type TreeEntry, walkTree } from "./tree.ts";

const deflate = promisify(deflateRaw);
const inflate = promisify(inflateRaw);
const largest = 0xffffffff;

/** The bytes of a zip of a file or directory. */
export async function* zipOf(host: string, name: string): AsyncGenerator<Uint8Array> {
  const directory: Buffer[] = [];
  let offset = 0;
  for await (const entry of walkTree(host, name)) {
    if (entry.stat.isSymbolicLink()) continue;
    const isDirectory = entry.stat.isDirectory();
    const content = isDirectory ? Buffer.alloc(0) : await readRegular(entry);
    if (content.length >= largest) throw new Error(`${entry.name} is too large for a zip: use tar`);
    const packed = isDirectory ? content : await deflate(content);
    const path = Buffer.from(isDirectory ? `${entry.name}/` : entry.name);
    const fields = fieldsOf(content, packed, isDirectory);
    const local = Buffer.concat([Buffer.from([0x50, 0x4b, 3, 4]), fields, sizes(path.length), path]);
    directory.push(centralRecord(fields, path, entry.stat.mode, offset));
    offset += local.length + packed.length;
    if (offset >= largest) throw new Error("the artifact is too large for a zip: use tar");
    yield local;
    yield packed;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(directory.length, 8);
  end.writeUInt16LE(directory.length, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(offset, 16);
  yield central;
  yield end;
}

async function readRegular({ host, name, stat }: TreeEntry): Promise<Buffer> {
  if (stat.size >= largest) throw new Error(`${name} is too large for a zip: use tar`);
  await using file = await openRegular(host, name);
  return await file.readFile();
}

/** Version, flags (UTF-8 names), method, time, checksum and sizes: the same in both records. */
function fieldsOf(content: Buffer, packed: Buffer, isDirectory: boolean): Buffer {
  const fields = Buffer.alloc(22);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(0x800, 2);
  fields.writeUInt16LE(isDirectory ? 0 : 8, 4);
  // 1980-01-01: the same content gives the same bytes.
  fields.writeUInt16LE(0x21, 8);
  fields.writeUInt32LE(crc32(content), 10);
  fields.writeUInt32LE(packed.length, 14);
  fields.writeUInt32LE(content.length, 18);
  return fields;
}
function sizes(name: number): Buffer {
  const lengths = Buffer.alloc(4);
  lengths.writeUInt16LE(name, 0);
  return lengths;
}
function centralRecord(fields: Buffer, path: Buffer, mode: number, offset: number): Buffer {
  const rest = Buffer.alloc(14);
  rest.writeUInt32LE((mode & 0xffff) * 0x10000, 6);
  rest.writeUInt32LE(offset, 10);
  return Buffer.concat([Buffer.from([0x50, 0x4b, 1, 2, 20, 3]), fields, sizes(path.length), rest, path]);
}

/** Unpacks a zip below a directory, by its central record. Links are not made. */
export async function unzip(host: string, directory: string): Promise<void> {
  const bytes = await readFile(host);
  const end = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 5, 6]));
  if (end < 0) throw new Error("the zip is damaged: its end is missing");
  const count = bytes.readUInt16LE(end + 10);
  let total = 0;
  for (let i = 0, at = bytes.readUInt32LE(end + 16); i < count; i++) {
    if (bytes.readUInt32LE(at) !== 0x02014b50) throw new Error("the zip is damaged: a record is missing");
    const name = bytes.toString("utf8", at + 46, at + 46 + bytes.readUInt16LE(at + 28));
    const record = {
      method: bytes.readUInt16LE(at + 10),
      packed: bytes.readUInt32LE(at + 20),
      size: bytes.readUInt32LE(at + 24),
      mode: (bytes.readUInt32LE(at + 38) >>> 16) & 0o7777,
      offset: bytes.readUInt32LE(at + 42),
    };
    total += record.size;
    if (total > unpackLimits.bytes)
      throw new Error(`the archive unpacks to more than ${unpackLimits.bytes} bytes (limit bytes)`);
    await unpackEntry(bytes, name, record, directory);
    at += 46 + bytes.readUInt16LE(at + 28) + bytes.readUInt16LE(at + 30) + bytes.readUInt16LE(at + 32);
  }
}

async function unpackEntry(
  bytes: Buffer,
  name: string,
  record: { method: number; packed: number; size: number; mode: number; offset: number },
  directory: string,
): Promise<void> {
  const clean = posix.normalize(name.replaceAll("\\", "/"));
  if (name.includes("\0") || clean.startsWith("/") || clean === ".." || clean.startsWith("../")) {
    throw new Error(`the archive's entry ${JSON.stringify(name.slice(0, 200))} is outside of the artifact`);
  }
  const host = join(directory, clean);
  if (clean.endsWith("/")) {
    await mkdir(host, { recursive: true });
    return;
  }
  const { method, packed, size, mode, offset } = record;
  const start = offset + 30 + bytes.readUInt16LE(offset + 26) + bytes.readUInt16LE(offset + 28);
  const raw = bytes.subarray(start, start + packed);
  if (method !== 0 && method !== 8) throw new Error(`the zip's entry ${name} is packed in a way that is not supported`);
  const content = method === 8 ? await inflate(raw, { maxOutputLength: Math.max(1, size) }) : raw;
  if (content.length !== size) throw new Error(`the zip is damaged: ${name} has another size than it says`);
  await mkdir(dirname(host), { recursive: true });
  const file = await open(host, "wx", (mode || 0o644) | 0o400);
  try {
    await file.write(content);
  } finally {
    await file.close();
  }
}
