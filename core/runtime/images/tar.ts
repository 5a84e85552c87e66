// Reads tar archives as a stream: ustar, PAX (x, g) and GNU long names (L, K).
import { RuntimeError } from "../cri.ts";

export interface TarEntry {
  path: string;
  type: "file" | "directory" | "symlink" | "link" | "character" | "block" | "fifo";
  mode: number;
  uid: number;
  gid: number;
  /** Seconds. */
  mtime: number;
  size: number;
  linkTarget: string;
  major: number;
  minor: number;
}

export interface TarLimits {
  entries: number;
  /** Bytes of all files together. */
  bytes: number;
  /** Bytes of one extended header: it is held in memory. */
  headerBytes: number;
}

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

const block = 512;

/**
 * Calls `visit` for every entry, with the content of files; the content has to be read to its end.
 * @throws RuntimeError InvalidImage with the limit's name, or where the archive breaks off.
 */
export async function readTar(
  source: AsyncIterable<Uint8Array>,
  limits: TarLimits,
  visit: (entry: TarEntry, content: AsyncIterable<Uint8Array>) => Promise<void>,
): Promise<void> {
  const reader = createReader(source);
  let pax: Record<string, string> = {};
  let global: Record<string, string> = {};
  let entries = 0;
  let bytes = 0;
  for (;;) {
    const header = await reader.exactly(block, true);
    if (!header || header.every((byte) => byte === 0)) return await reader.drain();
    checkSum(header);
    const flag = String.fromCharCode(header[156] ?? 0);
    const size = sizeOf(header, pax);
    if ("xgLK".includes(flag)) {
      if (size > limits.headerBytes) throw refuse("headerBytes", limits.headerBytes);
      const data = Buffer.from((await reader.exactly(size)) ?? []);
      await reader.skip(padding(size));
      if (flag === "x") pax = { ...pax, ...records(data) };
      else if (flag === "g") global = { ...global, ...records(data) };
      else pax = { ...pax, [flag === "L" ? "path" : "linkpath"]: text(data) };
      continue;
    }
    const type = types[flag];
    if (!type) throw new RuntimeError("InvalidImage", `tar entry of unknown type "${flag}"`);
    const entry = entryOf(header, type, { ...global, ...pax }, type === "file" ? size : 0);
    pax = {};
    if (++entries > limits.entries) throw refuse("entries", limits.entries);
    bytes += entry.size;
    if (bytes > limits.bytes) throw refuse("bytes", limits.bytes);
    await visit(entry, reader.part(entry.size));
    await reader.skip(type === "file" ? padding(size) : size + padding(size));
  }
}

const refuse = (name: string, limit: number) =>
  new RuntimeError("InvalidImage", `the archive is larger than the limit ${name} = ${limit}`);

const padding = (size: number) => (block - (size % block)) % block;

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString("utf8");
}

/** Octal digits, or base 256 when the first bit is set (GNU). */
function number(bytes: Uint8Array): number {
  if (((bytes[0] ?? 0) & 0x80) !== 0) {
    return bytes.subarray(1).reduce((value, byte) => value * 256 + byte, (bytes[0] ?? 0) & 0x7f);
  }
  return Number.parseInt(text(bytes).trim() || "0", 8);
}

function sizeOf(header: Uint8Array, pax: Record<string, string>): number {
  const size = pax.size === undefined ? number(header.subarray(124, 136)) : Number(pax.size);
  if (!Number.isSafeInteger(size) || size < 0) throw new RuntimeError("InvalidImage", "tar entry of impossible size");
  return size;
}

function checkSum(header: Uint8Array): void {
  const sum = header.reduce((total, byte, index) => total + (index >= 148 && index < 156 ? 32 : byte), 0);
  if (sum !== number(header.subarray(148, 156))) throw new RuntimeError("InvalidImage", "tar header with a wrong sum");
}

function entryOf(header: Uint8Array, type: TarEntry["type"], pax: Record<string, string>, size: number): TarEntry {
  const field = (from: number, length: number) => header.subarray(from, from + length);
  const prefix = text(field(257, 5)) === "ustar" && header[262] === 0 ? text(field(345, 155)) : "";
  const name = text(field(0, 100));
  return {
    path: pax.path ?? (prefix ? `${prefix}/${name}` : name),
    type,
    mode: number(field(100, 8)) & 0o7777,
    uid: Number(pax.uid ?? number(field(108, 8))),
    gid: Number(pax.gid ?? number(field(116, 8))),
    mtime: Number(pax.mtime ?? number(field(136, 12))),
    size,
    linkTarget: pax.linkpath ?? text(field(157, 100)),
    major: number(field(329, 8)),
    minor: number(field(337, 8)),
  };
}

/** PAX records: `<length> <key>=<value>\n`. */
function records(data: Buffer): Record<string, string> {
  const found: Record<string, string> = {};
  for (let at = 0; at < data.length; ) {
    const space = data.indexOf(32, at);
    const length = Number(data.toString("latin1", at, space));
    if (space < 0 || !Number.isInteger(length) || length <= 0) break;
    const record = data.toString("utf8", space + 1, at + length - 1);
    const equal = record.indexOf("=");
    found[record.slice(0, equal)] = record.slice(equal + 1);
    at += length;
  }
  return found;
}

function createReader(source: AsyncIterable<Uint8Array>) {
  const iterator = source[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  const more = async () => {
    const { value, done } = await iterator.next();
    rest = done ? new Uint8Array(0) : value;
    return !done;
  };
  async function* part(size: number): AsyncIterable<Uint8Array> {
    for (let left = size; left > 0; ) {
      while (rest.length === 0) {
        if (!(await more())) throw new RuntimeError("InvalidImage", "the archive breaks off");
      }
      const piece = rest.subarray(0, left);
      rest = rest.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }
  return {
    part,
    async exactly(size: number, orEnd = false): Promise<Uint8Array | undefined> {
      if (orEnd && rest.length === 0 && !(await more())) return undefined;
      const pieces: Uint8Array[] = [];
      for await (const piece of part(size)) pieces.push(piece);
      return Buffer.concat(pieces);
    },
    async skip(size: number): Promise<void> {
      for await (const piece of part(size)) void piece;
    },
    async drain(): Promise<void> {
      while (await more());
    },
  };
}
