// A database's file read without LMDB, which maps what it is given: there a damaged page is no error but wrong memory, or
// the process's end. Layouts: LMDB's MDB_page, MDB_meta, MDB_db, MDB_node and MDB_ovpage, as lmdb-js has them.
import { fstatSync, readSync } from "node:fs";

/** Of every page: u64 its number, u64 the transaction that wrote it, u16 unused, u16 flags, u16 lower, u16 upper. */
export const headerSize = 24;
const magic = 0xbeefc0de;
const version = 2;
const metaSize = 160;
const metaFlag = 0x08;
/** The root of an empty tree. */
const none = 2 ** 64 - 1;
/** What a file is mapped to in memory is no more than this, in bytes: processors have 47 bits for it. */
const mostMapped = 2 ** 44;
const pageSizes = [4096, 8192, 16_384, 32_768, 65_536];

export interface Tree {
  flags: number;
  depth: number;
  branches: number;
  leaves: number;
  large: number;
  entries: number;
  /** Undefined for an empty tree. */
  root: number | undefined;
}

/** One of the two states that a file has: the newest, and the one before. */
export interface Meta {
  pageSize: number;
  lastPage: number;
  transaction: number;
  /** Of pages that are free. */
  free: Tree;
  main: Tree;
}

export interface PageFile {
  /** Bytes. */
  readonly size: number;
  /** Those that can be read as such, the newest first; their trees may be damaged. */
  readonly metas: readonly Meta[];
  /** A page's bytes, for the caller to keep; undefined beyond the file's end. */
  page(number: number, pageSize: number, count?: number): Buffer | undefined;
}

/** @param file open for reading, while the pages are read */
export function readPages(file: number): PageFile {
  const { size } = fstatSync(file);
  const read = (at: number, length: number) => {
    const bytes = Buffer.allocUnsafe(length);
    return readSync(file, bytes, 0, length, at) === length ? bytes : undefined;
  };
  const first = readMeta(read(0, metaSize), 0);
  const sizes = first ? [first.pageSize] : pageSizes;
  const others = sizes.map((at) => readMeta(read(at, metaSize), 1)).filter((meta) => meta?.pageSize === sizes[0]);
  const metas = [first, ...others].filter((meta) => meta !== undefined);
  metas.sort((a, b) => b.transaction - a.transaction);
  return {
    size,
    metas,
    page(number, pageSize, count = 1) {
      return (number + count) * pageSize > size ? undefined : read(number * pageSize, count * pageSize);
    },
  };
}

function readMeta(page: Buffer | undefined, number: number): Meta | undefined {
  if (!page || page.readUInt32LE(24) !== magic || page.readUInt32LE(28) !== version) return undefined;
  if (numberAt(page, 0) !== number || page.readUInt16LE(18) !== metaFlag) return undefined;
  const meta = {
    pageSize: page.readUInt32LE(48),
    lastPage: numberAt(page, 144),
    transaction: numberAt(page, 152),
    free: readTree(page, 48),
    main: readTree(page, 96),
  };
  const isOwn = meta.transaction === 0 || meta.transaction % 2 === number;
  const mapped = numberAt(page, 40);
  const fits = (meta.lastPage + 1) * meta.pageSize <= mapped && mapped <= mostMapped;
  return isOwn && fits && pageSizes.includes(meta.pageSize) ? meta : undefined;
}

/** A u64: what no double holds exactly is beyond any file. */
export const numberAt = (page: Buffer, at: number): number =>
  page.readUInt32LE(at) + page.readUInt32LE(at + 4) * 2 ** 32;

function readTree(page: Buffer, at: number): Tree {
  const number = (offset: number) => numberAt(page, at + offset);
  const root = number(40);
  return {
    flags: page.readUInt16LE(at + 4),
    depth: page.readUInt16LE(at + 6),
    branches: number(8),
    leaves: number(16),
    large: number(24),
    entries: number(32),
    root: root === none ? undefined : root,
  };
}

/** What a tree's node says; a value that does not lie in the page is in pages of its own. */
export interface Node {
  key: Buffer;
  /** Of a branch. */
  child: number;
  /** Of a leaf: bytes. */
  size: number;
  value: Buffer | { start: number; pages: number };
}

/** The nodes of a branch or a leaf: undefined for one that does not lie in its page. Undefined for no such page. */
export function nodesOf(page: Buffer, isBranch: boolean): (Node | undefined)[] | undefined {
  const [lower, upper] = [page.readUInt16LE(20), page.readUInt16LE(22)];
  if (lower === 0 || lower % 2 !== 0 || lower > upper || upper > page.length - headerSize) return undefined;
  // Offsets count from the end of the header.
  return Array.from({ length: lower / 2 }, (_, i) => {
    const offset = page.readUInt16LE(headerSize + 2 * i);
    return offset < upper ? undefined : readNode(page, headerSize + offset, isBranch);
  });
}

const isLarge = 0x01;

function readNode(page: Buffer, at: number, isBranch: boolean): Node | undefined {
  if (at + 8 > page.length) return undefined;
  const [low, flags] = [page.readUInt32LE(at), page.readUInt16LE(at + 4)];
  const end = at + 8 + page.readUInt16LE(at + 6);
  if (end > page.length) return undefined;
  const key = page.subarray(at + 8, end);
  if (isBranch) return { key, child: low + flags * 2 ** 32, size: 0, value: page.subarray(end, end) };
  if (flags === 0) {
    const value = page.subarray(end, end + low);
    return value.length === low ? { key, child: 0, size: low, value } : undefined;
  }
  if (flags !== isLarge || end + 24 > page.length) return undefined;
  const value = { start: numberAt(page, end), pages: numberAt(page, end + 16) };
  return { key, child: 0, size: low, value };
}
