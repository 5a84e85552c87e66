import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";
import { StoreError } from "./error.ts";

/**
 * A value on disk: u32 CRC-32 of all that follows, f64 revision, u32 length of the metadata, the metadata as JSON, the
 * bytes. Numbers are little endian. The length's highest bit says that the bytes are deflated: four times less to keep
 * on disk and in mapped pages, for 20 µs a write and 7 µs a first read of a pod.
 */
const header = 16;
const deflated = 0x8000_0000;

/** Bytes below this stay as they are. */
const smallest = 512;
/** A window and buffers of a few KiB: what is deflated is small, and larger ones would cost more to make than to use. */
const deflating = { level: 1, windowBits: 12, memLevel: 5, chunkSize: 4096 };
/** No value is larger, deflated or not. */
const largest = 64 * 2 ** 20;

/** @param deflates false keeps the bytes as they are. */
export function encodeRecord(revision: number, bytes: Uint8Array, meta: unknown, deflates = true): Buffer {
  const json = meta === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(meta));
  const small = !deflates || bytes.byteLength < smallest ? bytes : deflateRawSync(bytes, deflating);
  const isDeflated = small.byteLength < bytes.byteLength;
  const kept = isDeflated ? small : bytes;
  const record = Buffer.allocUnsafe(header + json.length + kept.byteLength);
  record.writeDoubleLE(revision, 4);
  record.writeUInt32LE(json.length + (isDeflated ? deflated : 0), 12);
  json.copy(record, header);
  record.set(kept, header + json.length);
  record.writeUInt32LE(crc32(record.subarray(4)), 0);
  return record;
}

/** All but the bytes. Throws Corrupted with the key's name. */
export function decodeHead(key: string, record: Buffer): { revision: number; meta: unknown } {
  check(key, record);
  return { revision: record.readDoubleLE(4), meta: metaOf(record) };
}

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
  if (record.length >= header && crc32(record.subarray(4)) === record.readUInt32LE(0)) return;
  throw new StoreError("Corrupted", `the value of "${key}" on disk is damaged: its checksum does not fit`);
}

const splitOf = (record: Buffer) => header + (record.readUInt32LE(12) % deflated);

function metaOf(record: Buffer): unknown {
  const json = record.toString("utf8", header, splitOf(record));
  return json === "" ? undefined : JSON.parse(json);
}

function bytesOf(key: string, record: Buffer): Uint8Array {
  const kept = record.subarray(splitOf(record));
  if (record.readUInt32LE(12) < deflated) return Uint8Array.prototype.slice.call(kept);
  try {
    // What inflate gives lies in a larger buffer, which would stay as long as the bytes do.
    return Uint8Array.prototype.slice.call(inflateRawSync(kept, { maxOutputLength: largest }));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new StoreError("Corrupted", `the value of "${key}" on disk is damaged: ${why}`, { cause: error });
  }
}
