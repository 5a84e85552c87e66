// A store's snapshot and some files as one stream of bytes, which says by itself whether it is whole.
import { createHash } from "node:crypto";
import { StoreError } from "./error.ts";
import { decodeRecord, encodeRecord } from "./record.ts";
import type { Snapshot, StoreRecord } from "./store.ts";

/**
 * The stream: this line, then frames, each a u8 kind, a u32 length (little endian) and that many bytes. A frame's bytes
 * are H: JSON {version, revision, created}; F and R: u16 length of the name, the name, and the file's bytes or the
 * record as it is on disk; E: JSON {files, records}, and the SHA-256 of everything before the frame.
 */
const magic = Buffer.from("capstan-backup\n");
const version = 1;
const [head, file, record, end] = [72, 70, 82, 69];

/** Longest frame that is read, in bytes: the largest value, its key and its metadata are less. */
const frameBytes = 64 * 2 ** 20;
const chunkBytes = 256 * 1024;
const digestBytes = 32;

export interface ArchiveFile {
  name: string;
  bytes: Uint8Array;
}

export type ArchiveEntry =
  | { type: "header"; revision: number; created: string }
  | ({ type: "file" } & ArchiveFile)
  | ({ type: "record" } & StoreRecord);

/** @param created RFC 3339. */
export function* writeArchive(
  snapshot: Snapshot,
  files: Iterable<ArchiveFile>,
  created: string,
): Generator<Uint8Array> {
  const hash = createHash("sha256");
  let parts: Buffer[] = [magic];
  let size = 0;
  const add = (frame: Buffer) => {
    parts.push(frame);
    size += frame.length;
  };
  const flush = () => {
    const chunk = Buffer.concat(parts);
    [parts, size] = [[], 0];
    hash.update(chunk);
    return chunk;
  };
  add(frameOf(head, Buffer.from(JSON.stringify({ version, revision: snapshot.revision, created }))));
  let given = 0;
  for (const { name, bytes } of files) {
    given++;
    add(frameOf(file, named(name, bytes)));
    if (size >= chunkBytes) yield flush();
  }
  let records = 0;
  for (const { key, revision, bytes, meta } of snapshot.records()) {
    records++;
    add(frameOf(record, named(key, encodeRecord(key, { revision, bytes, meta }))));
    if (size >= chunkBytes) yield flush();
  }
  yield flush();
  const counts = Buffer.from(JSON.stringify({ files: given, records }));
  yield frameOf(end, Buffer.concat([counts, hash.digest()]));
}

function frameOf(kind: number, bytes: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(5 + bytes.byteLength);
  frame.writeUInt8(kind, 0);
  frame.writeUInt32LE(bytes.byteLength, 1);
  frame.set(bytes, 5);
  return frame;
}

function named(name: string, bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(name);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(text.length, 0);
  return Buffer.concat([length, text, bytes]);
}

/**
 * Reads what writeArchive wrote. What comes before the end may be damaged still: keep it aside until the iteration is
 * over. Throws Foreign for another format or a newer version, Corrupted for damage and for half an archive; messages
 * start with `name`.
 */
export async function* readArchive(name: string, source: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveEntry> {
  const input = createInput(source);
  const start = await input.take(magic.length);
  if (!start?.equals(magic)) throw new StoreError("Foreign", `${name} is not a backup of Capstan`);
  const counts = { files: 0, records: 0 };
  let headers = 0;
  for (;;) {
    const before = input.digest();
    const prefix = await input.take(5);
    const kind = prefix?.readUInt8(0);
    const length = prefix?.readUInt32LE(1) ?? 0;
    if (length > frameBytes) throw damaged(name, `a part of ${length} bytes, where frameBytes allows ${frameBytes}`);
    const bytes = prefix && (await input.take(length));
    if (!bytes) throw new StoreError("Corrupted", `${name} ends in the middle: it is half a backup`);
    if (kind === end) return checkEnd(name, bytes, before(), counts, await input.take(1));
    if ((kind === head) !== (headers === 0)) throw damaged(name, "its parts are not in order");
    headers = 1;
    const entry = decodeFrame(name, kind, bytes);
    if (entry.type === "file") counts.files++;
    if (entry.type === "record") counts.records++;
    yield entry;
  }
}

const damaged = (name: string, why: string) => new StoreError("Corrupted", `${name} is damaged: ${why}`);

function decodeFrame(name: string, kind: number | undefined, bytes: Buffer): ArchiveEntry {
  if (kind === head) return decodeHeader(name, bytes);
  const split = bytes.length < 2 ? bytes.length : 2 + bytes.readUInt16LE(0);
  if ((kind !== file && kind !== record) || split < 2 || split > bytes.length) throw damaged(name, "an unknown part");
  const key = bytes.toString("utf8", 2, split);
  const rest = bytes.subarray(split);
  if (kind === file) return { type: "file", name: key, bytes: rest };
  try {
    return { type: "record", key, ...decodeRecord(key, rest) };
  } catch (error) {
    throw new StoreError("Corrupted", `${name} is damaged: ${(error as Error).message}`, { cause: error });
  }
}

function decodeHeader(name: string, bytes: Buffer): ArchiveEntry {
  const { version: found, revision, created } = parse(bytes) ?? {};
  if (typeof found === "number" && found > version) {
    const hint = "restore it with the Capstan that wrote it";
    throw new StoreError("Foreign", `${name} has version ${found}, this Capstan reads ${version}: ${hint}`);
  }
  if (found !== version || !Number.isSafeInteger(revision) || typeof created !== "string") {
    throw damaged(name, "its header cannot be read");
  }
  return { type: "header", revision: revision as number, created };
}

function checkEnd(
  name: string,
  bytes: Buffer,
  digest: Buffer,
  counts: { files: number; records: number },
  more: Buffer | undefined,
): void {
  const split = Math.max(0, bytes.length - digestBytes);
  if (!bytes.subarray(split).equals(digest)) throw damaged(name, "its checksum does not fit");
  const { files, records } = parse(bytes.subarray(0, split)) ?? {};
  if (files !== counts.files || records !== counts.records) throw damaged(name, "parts are missing");
  if (more) throw damaged(name, "something follows its end");
}

function parse(bytes: Buffer): Record<string, unknown> | undefined {
  try {
    return JSON.parse(bytes.toString()) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Bytes of a stream, so many at a time, and the digest of what was taken. */
function createInput(source: AsyncIterable<Uint8Array>) {
  const iterator = source[Symbol.asyncIterator]();
  const hash = createHash("sha256");
  let held: Buffer = Buffer.alloc(0);
  const fill = async (length: number): Promise<boolean> => {
    const parts = [held];
    let size = held.length;
    while (size < length) {
      const { value, done } = await iterator.next();
      if (done) break;
      parts.push(Buffer.from(value));
      size += value.byteLength;
    }
    held = parts.length === 1 ? held : Buffer.concat(parts, size);
    return size >= length;
  };
  return {
    /** A copy of its own; undefined when the stream has less left. */
    async take(length: number): Promise<Buffer | undefined> {
      if (held.length < length && !(await fill(length))) return undefined;
      const taken = Buffer.from(held.subarray(0, length));
      held = held.subarray(length);
      hash.update(taken);
      return taken;
    },
    /** @returns the digest of everything taken before this call. */
    digest(): () => Buffer {
      const copy = hash.copy();
      return () => copy.digest();
    },
  };
}
