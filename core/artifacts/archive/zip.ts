// The zip format, written. Source: PKWARE APPNOTE 6.3.10; what needs zip64 is refused.
import { Buffer } from "node:buffer";
import { Readable } from "node:stream";
import { crc32, createDeflateRaw } from "node:zlib";
import { openRegular, type TreeEntry, walkTree } from "./tree.ts";

const largest = 0xffffffff;
const mostEntries = 0xffff;
/** Names are UTF-8 (bit 11); checksum and sizes follow the content (bit 3). */
const flags = 0x808;

interface Written {
  crc: number;
  packed: number;
  size: number;
}

/** The bytes of a zip of a file or directory. Links are left out. */
export async function* zipOf(host: string, name: string): AsyncGenerator<Uint8Array> {
  const directory: Buffer[] = [];
  let offset = 0;
  for await (const entry of walkTree(host, name)) {
    if (entry.stat.isSymbolicLink()) continue;
    const isDirectory = entry.stat.isDirectory();
    const path = Buffer.from(isDirectory ? `${entry.name}/` : entry.name);
    const method = isDirectory ? 0 : 8;
    const local = Buffer.concat([
      Buffer.from([0x50, 0x4b, 3, 4]),
      fieldsOf(method, { crc: 0, packed: 0, size: 0 }),
      u16(path.length, 0),
      path,
    ]);
    yield local;
    const written: Written = { crc: 0, packed: 0, size: 0 };
    if (!isDirectory) yield* contentOf(entry, written);
    const descriptor = Buffer.concat([Buffer.from([0x50, 0x4b, 7, 8]), u32(written.crc, written.packed, written.size)]);
    yield descriptor;
    directory.push(centralRecord(fieldsOf(method, written), path, entry.stat.mode, offset));
    offset += local.length + written.packed + descriptor.length;
    if (offset >= largest || directory.length >= mostEntries)
      throw new Error("the artifact is too large for a zip (limits 4 GiB, 65,535 files): use tar");
  }
  const central = Buffer.concat(directory);
  yield central;
  const count = directory.length;
  yield Buffer.concat([Buffer.from([0x50, 0x4b, 5, 6]), u16(0, 0, count, count), u32(central.length, offset), u16(0)]);
}

/** A file's bytes, packed; what they were is added to `written`. */
async function* contentOf({ host, name, stat }: TreeEntry, written: Written): AsyncGenerator<Uint8Array> {
  if (stat.size >= largest) throw new Error(`${name} is too large for a zip (limit 4 GiB): use tar`);
  const file = await openRegular(host, name);
  const plain = async function* () {
    for await (const chunk of file.createReadStream()) {
      const bytes = chunk as Buffer;
      written.crc = crc32(bytes, written.crc);
      written.size += bytes.length;
      if (written.size >= largest) throw new Error(`${name} is too large for a zip (limit 4 GiB): use tar`);
      yield bytes;
    }
  };
  const source = Readable.from(plain());
  const deflate = createDeflateRaw();
  source.on("error", (error) => deflate.destroy(error));
  try {
    for await (const chunk of source.pipe(deflate)) {
      written.packed += (chunk as Buffer).length;
      yield chunk as Buffer;
    }
  } finally {
    source.destroy();
    deflate.destroy();
  }
}

/** Version, flags, method, time, checksum and sizes: the same in both records. */
function fieldsOf(method: number, { crc, packed, size }: Written): Buffer {
  // 1980-01-01: the same content gives the same bytes.
  return Buffer.concat([u16(20, flags, method, 0, 0x21), u32(crc, packed, size)]);
}

function centralRecord(fields: Buffer, path: Buffer, mode: number, offset: number): Buffer {
  const rest = Buffer.concat([u16(path.length, 0, 0, 0, 0), u32((mode & 0xffff) * 0x10000, offset)]);
  return Buffer.concat([Buffer.from([0x50, 0x4b, 1, 2, 20, 3]), fields, rest, path]);
}

function u16(...values: number[]): Buffer {
  const bytes = Buffer.alloc(2 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt16LE(value, 2 * i);
  return bytes;
}
function u32(...values: number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value >>> 0, 4 * i);
  return bytes;
}
