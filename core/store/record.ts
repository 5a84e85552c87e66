import { crc32 } from "node:zlib";
import { StoreError } from "./error.ts";

/**
 * A value on disk: u32 CRC-32 of all that follows, f64 revision, u32 length of the metadata, the metadata as JSON, the
 * bytes. Numbers are little endian.
 */
const header = 16;

export function encodeRecord(revision: number, bytes: Uint8Array, meta: unknown): Uint8Array {
  const json = meta === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(meta));
  const record = Buffer.allocUnsafe(header + json.length + bytes.byteLength);
  record.writeDoubleLE(revision, 4);
  record.writeUInt32LE(json.length, 12);
  json.copy(record, header);
  record.set(bytes, header + json.length);
  record.writeUInt32LE(crc32(record.subarray(4)), 0);
  return record;
}

/** The bytes are a copy of their own. Throws Corrupted with the key's name. */
export function decodeRecord(key: string, record: Buffer): { revision: number; bytes: Uint8Array; meta: unknown } {
  if (record.length < header || crc32(record.subarray(4)) !== record.readUInt32LE(0)) {
    throw new StoreError("Corrupted", `the value of "${key}" on disk is damaged: its checksum does not fit`);
  }
  const split = header + record.readUInt32LE(12);
  const json = record.toString("utf8", header, split);
  return {
    revision: record.readDoubleLE(4),
    meta: json === "" ? undefined : JSON.parse(json),
    bytes: Uint8Array.prototype.slice.call(record, split),
  };
}
