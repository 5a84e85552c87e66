// Headers of tar archives: ustar, PAX and GNU's long names. Strings hold one byte a character (latin1), as paths do on Linux.
import { RuntimeError } from "../cri.ts";

export interface TarEntry {
  /** Bytes as latin1 characters. */
  path: string;
  type: "file" | "directory" | "symlink" | "link" | "character" | "block" | "fifo";
  mode: number;
  uid: number;
  gid: number;
  /** Seconds. */
  mtime: number;
  size: number;
  linkTarget: string;
  /** Extended attributes by their names. */
  attributes: Map<string, Buffer>;
}

export const blockSize = 512;

const types: Record<string, TarEntry["type"]> = {
  "0": "file",
  "\0": "file",
  "7": "file",
  "1": "link",
  "2": "symlink",
  "3": "character",
  "4": "block",
  "5": "directory",
  "6": "fifo",
};

// chown(2) takes the largest id as "leave it".
const idLimit = 2 ** 32 - 2;

export function typeOf(flag: string): TarEntry["type"] {
  const type = types[flag];
  if (!type) throw new RuntimeError("InvalidImage", `tar entry of a type that is not supported: "${flag}"`);
  return type;
}

export function sizeOf(header: Buffer, pax: Map<string, Buffer>): number {
  const given = pax.get("size");
  const size = given === undefined ? number(header, 124, 12) : Number(given.toString("latin1"));
  if (!Number.isSafeInteger(size) || size < 0) throw new RuntimeError("InvalidImage", "tar entry of impossible size");
  return size;
}

export function checkSum(header: Buffer): void {
  // The field itself counts as blanks.
  let sum = 8 * 32;
  for (let at = 0; at < 148; at++) sum += header[at] as number;
  for (let at = 156; at < blockSize; at++) sum += header[at] as number;
  if (sum !== number(header, 148, 8)) throw new RuntimeError("InvalidImage", "tar header with a wrong sum");
}

export function entryOf(header: Buffer, type: TarEntry["type"], pax: Map<string, Buffer>, size: number): TarEntry {
  const value = (key: string) => pax.get(key)?.toString("latin1");
  const prefixed = header.toString("latin1", 257, 262) === "ustar" && header[262] === 0;
  const prefix = prefixed ? text(header, 345, 155) : "";
  const name = text(header, 0, 100);
  const path = value("path") ?? (prefix ? `${prefix}/${name}` : name);
  const id = (key: string, at: number) => {
    const found = Number(value(key) ?? number(header, at, 8));
    if (Number.isInteger(found) && found >= 0 && found <= idLimit) return found;
    throw new RuntimeError("InvalidImage", `tar entry "${path}": ${key} is no user or group`);
  };
  const mtime = Number(value("mtime") ?? number(header, 136, 12));
  return {
    path,
    type,
    mode: number(header, 100, 8) & 0o7777,
    uid: id("uid", 108),
    gid: id("gid", 116),
    mtime: Number.isFinite(mtime) ? mtime : 0,
    size: type === "file" ? size : 0,
    linkTarget: value("linkpath") ?? text(header, 157, 100),
    attributes: attributesOf(pax, path),
  };
}

const attributePrefix = "SCHILY.xattr.";

function attributesOf(pax: Map<string, Buffer>, path: string): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  for (const [key, value] of pax) {
    if (key.startsWith(attributePrefix)) found.set(key.slice(attributePrefix.length), value);
    else if (key.startsWith("GNU.sparse."))
      throw new RuntimeError("InvalidImage", `tar entry "${path}": sparse files are not supported`);
  }
  return found;
}

function text(bytes: Buffer, from: number, length: number): string {
  const end = bytes.indexOf(0, from);
  return bytes.toString("latin1", from, end < 0 || end > from + length ? from + length : end);
}

/** Octal digits, or base 256 when the first bit is set (GNU). */
function number(bytes: Buffer, from: number, length: number): number {
  const first = bytes[from] ?? 0;
  if ((first & 0x80) === 0) return Number.parseInt(text(bytes, from, length).trim() || "0", 8);
  let value = first & 0x7f;
  for (let at = from + 1; at < from + length; at++) value = value * 256 + (bytes[at] ?? 0);
  return value;
}

/** PAX records: `<length> <key>=<value>\n`. An empty value takes the key back. */
export function readRecords(data: Buffer, into: Map<string, Buffer>): void {
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(32, at);
    const length = space < 0 ? 0 : Number(data.toString("latin1", at, space));
    const record = data.subarray(space + 1, at + length - 1);
    const equal = record.indexOf(61);
    const whole = Number.isInteger(length) && at + length <= data.length && data[at + length - 1] === 10;
    if (length <= 0 || !whole || equal <= 0) throw new RuntimeError("InvalidImage", "broken PAX header");
    const key = record.toString("latin1", 0, equal);
    if (equal + 1 === record.length) into.delete(key);
    else into.set(key, Buffer.from(record.subarray(equal + 1)));
    at += length;
  }
}
