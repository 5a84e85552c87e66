import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import { StoreError } from "./error.ts";

/**
 * A value on disk: u32 CRC-32 of all that follows, f64 revision, u32 length of the metadata, the metadata as JSON, the
 * bytes. Numbers are little endian. The length's highest bit says that the bytes are deflated: four times less to keep
 * on disk and in mapped pages, for 20 µs a write and 6 µs a read of a pod. The next bit says that a u32 comes before them:
 * the length that they inflate to. The third says that a u32 comes before the metadata: the CRC-32 of the key, as a key
 * that was damaged would give the value another name.
 */
const header = 16;
const deflated = 0x8000_0000;
const sized = 0x4000_0000;
const keyed = 0x2000_0000;

/** Bytes below this stay as they are. */
const smallest = 512;
/** A window and buffers of a few KiB: what is deflated is small, and larger ones would cost more to make than to use. */
const deflating = { level: 1, windowBits: 12, memLevel: 5, chunkSize: 4096 };
/** No value is larger, deflated or not. */
const largest = 64 * 2 ** 20;

interface Value {
  revision: number;
  bytes: Uint8Array;
  meta?: unknown;
}

/** @param deflates false keeps the bytes as they are. */
export function encodeRecord(key: string, { revision, bytes, meta }: Value, deflates = true): Buffer {
  const json = meta === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(meta));
  const small = !deflates || bytes.byteLength < smallest ? bytes : deflateRawSync(bytes, deflating);
  const isDeflated = small.byteLength + 4 < bytes.byteLength;
  const kept = isDeflated ? small : bytes;
  const start = header + 4 + json.length + (isDeflated ? 4 : 0);
  const record = Buffer.allocUnsafe(start + kept.byteLength);
  record.writeDoubleLE(revision, 4);
  record.writeUInt32LE(json.length + keyed + (isDeflated ? deflated + sized : 0), 12);
  record.writeUInt32LE(crc32(key), header);
  json.copy(record, header + 4);
  if (isDeflated) record.writeUInt32LE(bytes.byteLength, start - 4);
  record.set(kept, start);
  record.writeUInt32LE(crc32(record.subarray(4)), 0);
  return record;
}

/**
 * All but the bytes. Throws Corrupted with the key's name.
 * @param known metadata by its JSON: many records have the same, which is kept once.
 */
export function decodeHead(
  key: string,
  record: Buffer,
  known: Map<string, unknown>,
): { revision: number; meta: unknown } {
  check(key, record);
  const revision = record.readDoubleLE(4);
  const json = jsonOf(record);
  let meta = known.get(json);
  if (meta === undefined && json !== "") {
    meta = JSON.parse(json);
    if (known.size < mostKnown) known.set(json, meta);
  }
  return { revision, meta };
}

const mostKnown = 10_000;

/** All but the metadata; the bytes are a copy of their own. Throws Corrupted with the key's name. */
export function decodeValue(key: string, record: Buffer): { revision: number; bytes: Uint8Array } {
  check(key, record);
  return { revision: record.readDoubleLE(4), bytes: bytesOf(key, record) };
}

/** Throws Corrupted with the key's name. */
export function decodeRecord(key: string, record: Buffer): { revision: number; bytes: Uint8Array; meta: unknown } {
  return { ...decodeValue(key, record), meta: metaOf(record) };
}

function check(key: string, record: Buffer): void {
  if (record.length < header || crc32(record.subarray(4)) !== record.readUInt32LE(0)) {
    throw new StoreError("Corrupted", `the value of "${key}" on disk is damaged: its checksum does not fit`);
  }
  if (isNamed(key, record) !== false) return;
  throw new StoreError("Corrupted", `the key "${key}" on disk is damaged: its value belongs to another one`);
}

/** Whether a record, even a damaged one, says that this is its key; undefined when it says nothing. */
export function isNamed(key: string, record: Buffer): boolean | undefined {
  if (record.length < header + 4 || !(record.readUInt32LE(12) & keyed)) return undefined;
  return record.readUInt32LE(header) === crc32(key);
}

const metaAt = (record: Buffer) => header + (record.readUInt32LE(12) & keyed ? 4 : 0);
const splitOf = (record: Buffer) => metaAt(record) + (record.readUInt32LE(12) % keyed);

const jsonOf = (record: Buffer) => record.toString("utf8", metaAt(record), splitOf(record));

function metaOf(record: Buffer): unknown {
  const json = jsonOf(record);
  return json === "" ? undefined : JSON.parse(json);
}

function bytesOf(key: string, record: Buffer): Uint8Array {
  const at = splitOf(record);
  const flags = record.readUInt32LE(12) & (deflated | sized);
  if (flags === 0) return Uint8Array.prototype.slice.call(record, at);
  const isSized = (flags & sized) !== 0;
  // One byte more than it takes: inflate would ask for another piece of memory when it has filled one.
  const chunkSize = isSized ? Math.min(Math.max(record.readUInt32LE(at) + 1, 64), largest) : 16_384;
  try {
    const kept = record.subarray(isSized ? at + 4 : at);
    // What inflate gives may lie in a larger buffer, which would stay as long as the bytes do.
    return Uint8Array.prototype.slice.call(inflateRawSync(kept, { chunkSize, maxOutputLength: largest }));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StoreError("Corrupted", `the value of "${key}" on disk is damaged: ${why}`, { cause: error });
  }
}
