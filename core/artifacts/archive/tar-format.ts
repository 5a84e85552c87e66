// The tar format: ustar headers with pax records for what does not fit. Source: POSIX.1-2017, pax, "ustar Interchange Format".
import { Buffer } from "node:buffer";

export const blockSize = 512;

export interface TarEntry {
  /** Relative, without leading `./`; directories without the trailing slash. */
  name: string;
  type: "file" | "directory" | "link" | "hard link" | "other";
  mode: number;
  size: number;
  /** Epoch seconds. */
  mtime: number;
  /** Where a link points. */
  target: string;
}

const text = (block: Buffer, from: number, length: number) => {
  const end = block.indexOf(0, from);
  return block.toString("utf8", from, end < 0 || end > from + length ? from + length : end);
};

/** Octal digits, or base 256 when the first bit is set. */
function numberAt(block: Buffer, from: number, length: number): number {
  if (((block[from] as number) & 0x80) !== 0) {
    let value = 0;
    for (let i = from + 1; i < from + length; i++) value = value * 256 + (block[i] as number);
    return value;
  }
  const digits = text(block, from, length).trim();
  const value = digits === "" ? 0 : Number.parseInt(digits, 8);
  return Number.isNaN(value) ? -1 : value;
}

function checksum(block: Buffer): number {
  let sum = 0;
  for (let i = 0; i < blockSize; i++) sum += i >= 148 && i < 156 ? 32 : (block[i] as number);
  return sum;
}

/** Whether a block can be a header. */
export function isHeader(block: Buffer): boolean {
  return block.length >= blockSize && numberAt(block, 148, 8) === checksum(block);
}

export interface Header {
  /** `0` file, `5` directory, `2` link, `1` hard link, `x` and `g` pax records, `L` and `K` long names. */
  flag: string;
  entry: TarEntry;
}
const types: Record<string, TarEntry["type"]> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "5": "directory",
  "2": "link",
  "1": "hard link",
};

/** @throws Error when the block is none. */
export function readHeader(block: Buffer): Header {
  if (!isHeader(block)) throw new Error("the archive is damaged: a header's checksum is wrong");
  const flag = String.fromCharCode(block[156] as number);
  const prefix = text(block, 257, 5) === "ustar" ? text(block, 345, 155) : "";
  const own = text(block, 0, 100);
  const size = numberAt(block, 124, 12);
  if (size < 0) throw new Error("the archive is damaged: a size is no number");
  return {
    flag,
    entry: {
      name: prefix ? `${prefix}/${own}` : own,
      type: types[flag] ?? "other",
      mode: Math.max(0, numberAt(block, 100, 8)) & 0o7777,
      size,
      mtime: Math.max(0, numberAt(block, 136, 12)),
      target: text(block, 157, 100),
    },
  };
}

/** `length key=value\n` records. */
export function readPax(content: Buffer): Record<string, string> {
  const records: Record<string, string> = {};
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(32, at);
    const length = Number(content.toString("utf8", at, space));
    if (space < 0 || !Number.isInteger(length) || length <= 0)
      throw new Error("the archive is damaged: a pax record has no length");
    const record = content.toString("utf8", space + 1, at + length - 1);
    const equals = record.indexOf("=");
    records[record.slice(0, equals)] = record.slice(equals + 1);
    at += length;
  }
  return records;
}

/** The header blocks of an entry, with a pax header before them where it is needed. */
export function writeHeader(entry: TarEntry): Buffer {
  const records: string[] = [];
  const name = entry.type === "directory" ? `${entry.name}/` : entry.name;
  if (Buffer.byteLength(name) > 100) records.push(paxRecord("path", name));
  if (Buffer.byteLength(entry.target) > 100) records.push(paxRecord("linkpath", entry.target));
  if (entry.size >= 8 ** 11) records.push(paxRecord("size", String(entry.size)));
  const main = headerBlock(
    { ...entry, name },
    { file: "0", directory: "5", link: "2", "hard link": "1", other: "0" }[entry.type],
  );
  if (records.length === 0) return main;
  const content = Buffer.from(records.join(""));
  const pax = headerBlock({ ...entry, name: "pax", size: content.length, mode: 0o644, target: "" }, "x");
  return Buffer.concat([pax, content, padding(content.length), main]);
}

export const padding = (size: number): Buffer => Buffer.alloc((blockSize - (size % blockSize)) % blockSize);
export const endOfArchive = Buffer.alloc(2 * blockSize);

function paxRecord(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  let length = Buffer.byteLength(body);
  while (Buffer.byteLength(`${length}${body}`) !== length) length = Buffer.byteLength(`${length}${body}`);
  return `${length}${body}`;
}

function headerBlock(entry: TarEntry, flag: string): Buffer {
  const block = Buffer.alloc(blockSize);
  const octal = (value: number, at: number, length: number) =>
    block.write(
      Math.floor(value)
        .toString(8)
        .padStart(length - 1, "0")
        .slice(-(length - 1)),
      at,
    );
  block.write(Buffer.from(entry.name).subarray(0, 100).toString("latin1"), 0, "latin1");
  octal(entry.mode, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(entry.size % 8 ** 11, 124, 12);
  octal(entry.mtime, 136, 12);
  block.write(flag, 156);
  block.write(Buffer.from(entry.target).subarray(0, 100).toString("latin1"), 157, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}
