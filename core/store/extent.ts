// Whether a database file holds all the pages that its trees reach: LMDB maps the file, and a page beyond its end is no
// error but the process's end (SIGBUS). Layouts: LMDB's MDB_page, MDB_meta, MDB_node, with the 24 byte header of lmdb-js.
import { fstatSync, readSync } from "node:fs";
import { StoreError } from "./error.ts";

const headerSize = 24;
const magic = 0xbeefc0de;
const [branch, leaf, large] = [0x01, 0x02, 0x01];
/** A tree that is deeper is none: 2^24 pages fit in far less. */
const deepest = 32;

/** @param file open for reading. Throws Corrupted. An empty file is a database that was not written yet. */
export function checkExtent(file: number, path: string): void {
  const { size } = fstatSync(file);
  if (size === 0) return;
  const first = readMeta(file, 0);
  if (!first) throw damaged(path, "it is not a database");
  const { pageSize } = first;
  const metas = [first, readMeta(file, pageSize)].filter((meta) => meta !== undefined);
  const newest = metas.reduce((a, b) => (b.transaction > a.transaction ? b : a));
  if ((newest.lastPage + 1) * pageSize <= size) return;
  // Pages that a transaction took and gave back at once are at the end too, and never written: what is used counts.
  const pages = Math.floor(size / pageSize);
  for (const root of newest.roots) {
    if (!reaches(file, root, pageSize, pages, deepest)) {
      throw damaged(path, `it ends after ${size} bytes, before all that it should hold`);
    }
  }
}

interface Meta {
  pageSize: number;
  lastPage: number;
  transaction: bigint;
  roots: bigint[];
}

function readMeta(file: number, at: number): Meta | undefined {
  const page = Buffer.alloc(160);
  if (readSync(file, page, 0, page.length, at) < page.length || page.readUInt32LE(24) !== magic) return undefined;
  return {
    pageSize: page.readUInt32LE(48),
    lastPage: Number(page.readBigUInt64LE(144)),
    transaction: page.readBigUInt64LE(152),
    roots: [page.readBigUInt64LE(88), page.readBigUInt64LE(136)].filter((root) => root !== none),
  };
}

/** The root of an empty tree. */
const none = 2n ** 64n - 1n;

/** Whether all pages from one on lie within the file's. */
function reaches(file: number, at: bigint, pageSize: number, pages: number, depth: number): boolean {
  if (at >= BigInt(pages) || depth === 0) return false;
  const page = Buffer.alloc(pageSize);
  readSync(file, page, 0, pageSize, Number(at) * pageSize);
  const flags = page.readUInt16LE(18);
  const count = Math.floor(Math.min(page.readUInt16LE(20), pageSize - headerSize) / 2);
  for (let i = 0; i < count; i++) {
    // Offsets count from the end of the header.
    const node = headerSize + page.readUInt16LE(headerSize + 2 * i);
    if (node + 8 > pageSize) return false;
    if (flags & branch) {
      const child = page.readUInt32LE(node) + page.readUInt16LE(node + 4) * 2 ** 32;
      if (!reaches(file, BigInt(child), pageSize, pages, depth - 1)) return false;
    } else if (flags & leaf && page.readUInt16LE(node + 4) & large) {
      const start = node + 8 + page.readUInt16LE(node + 6);
      if (start + 8 > pageSize) return false;
      const length = Math.ceil((headerSize + page.readUInt32LE(node)) / pageSize);
      if (page.readBigUInt64LE(start) + BigInt(length) > BigInt(pages)) return false;
    }
  }
  return true;
}

const damaged = (path: string, why: string) =>
  new StoreError(
    "Corrupted",
    `${path} is damaged: ${why}; restore the cluster from a backup, or choose another directory`,
  );
