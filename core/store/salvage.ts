// What can be read of a damaged store, for reading alone. LMDB is not asked: it trusts its file.
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "@capstan/base/errors";
import { isRooted } from "./check.ts";
import { claimDirectory } from "./directory.ts";
import type { Driver, StoredKey } from "./driver.ts";
import { createStore, type StoreOptions } from "./engine.ts";
import { StoreError } from "./error.ts";
import { type Meta, type PageFile, readPages } from "./pages.ts";
import { decodeHead, decodeRecord, decodeValue, isNamed } from "./record.ts";
import type { Damage, Store } from "./store.ts";
import { walkTree } from "./tree.ts";

/**
 * Opens a store that `openStore` refused as Corrupted. Whatever is read of it passed its checksum; `damage` names what
 * is missing, and `failure`, which is Corrupted, says why nothing is written. Throws Locked and Foreign.
 */
export function salvageStore(directory: string, options: StoreOptions = {}): Store {
  const release = claimDirectory(directory);
  const path = join(directory, "data.mdb");
  let file: number | undefined;
  try {
    file = openFile(path);
    const opened = file;
    const close = () => {
      if (opened !== undefined) closeSync(opened);
      release();
    };
    const pages = opened === undefined ? undefined : readPages(opened);
    return createStore(createDriver(path, read(pages), close), options);
  } catch (error) {
    if (file !== undefined) closeSync(file);
    release();
    throw error;
  }
}

function openFile(path: string): number | undefined {
  try {
    return openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new StoreError("Corrupted", `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}

interface Found {
  revision: number;
  entries: Map<string, { head: StoredKey; value: () => Buffer | undefined }>;
  damage: Damage[];
  /** What is wrong that loses no key. */
  notes: string[];
}

/** Beyond every key. */
const last = "\uffff";
const revisionKey = ".revision";

function read(pages: PageFile | undefined): Found {
  if (!pages) return nothing("data.mdb is gone");
  const states = pages.metas.filter((meta) => meta.main.root !== undefined);
  const rooted = states.filter((meta) => isRooted(pages, meta));
  for (const meta of rooted.length > 0 ? rooted : states) {
    const seen = new Set<number>();
    const found: Found = { revision: 0, entries: new Map(), damage: [], notes: [] };
    readMain(pages, meta, found, seen);
    if (found.entries.size === 0 && meta !== states.at(-1)) continue;
    if (pages.metas.length < 2 || pages.metas[0] !== meta) {
      found.notes.push("the newest state cannot be found: this may be the one before");
    }
    const problem = (_from: unknown, _to: unknown, why: string) => found.notes.push(`the list of free pages: ${why}`);
    walkTree(pages, meta, "free", { entry: () => {}, problem }, seen);
    return found;
  }
  return nothing("data.mdb holds nothing that can be read");
}

function nothing(why: string): Found {
  return { revision: 0, entries: new Map(), damage: [{ from: "", to: last, why }], notes: [] };
}

function readMain(pages: PageFile, meta: Meta, found: Found, seen: Set<number>): void {
  const { entries, damage } = found;
  const known = new Map<string, unknown>();
  let before = "";
  /** Damage that reaches to the next good key. */
  let open: Damage[] = [];
  const add = (from: string, to: string, why: string) => {
    const one = { from, to, why };
    damage.push(one);
    return one;
  };
  const entry = (bytes: Buffer, value: () => Buffer | undefined) => {
    const name = bytes.toString();
    const key = name.slice(1);
    const record = value();
    try {
      if (!record)
        throw new StoreError("Corrupted", `the value of "${key}" on disk is damaged: its pages are not there`);
      if (name === revisionKey) found.revision = Math.max(found.revision, decodeValue(name, record).revision);
      if (!name.startsWith("/")) return;
      const head = { key, ...decodeHead(key, record, known) };
      if (entries.has(key)) throw new StoreError("Corrupted", `"${key}" is there twice`);
      entries.set(key, { head, value });
      found.revision = Math.max(found.revision, head.revision);
      for (const one of open) one.to = key;
      open = [];
      before = `${key}\u0000`;
    } catch (error) {
      const isKey = record !== undefined && isNamed(key, record) === true;
      if (isKey) add(key, `${key}\u0000`, messageOf(error));
      else open.push(add(before, last, messageOf(error)));
    }
  };
  const bound = (key: Buffer | undefined, none: string) => (key ? key.toString().slice(1) : none);
  walkTree(
    pages,
    meta,
    "main",
    { entry, problem: (from, to, why) => add(bound(from, ""), bound(to, last), why) },
    seen,
  );
}

function createDriver(path: string, found: Found, close: () => void): Driver {
  const { entries, damage, revision } = found;
  const whys = [...damage.map(({ why }) => why), ...found.notes];
  const some = whys.slice(0, 3).join("; ") + (whys.length > 3 ? `; and ${whys.length - 3} more` : "");
  const way = "save what can be read with capstan backup --salvage FILE, then capstan restore a backup";
  const text = `${path} is damaged, ${entries.size} entries can be read: ${some || "its state is not sound"}. Nothing is written; ${way}`;
  const failure = new StoreError("Corrupted", text);
  return {
    revision,
    salvaged: { failure, damage },
    *load() {
      for (const { head } of entries.values()) yield head;
    },
    read(key) {
      const record = entries.get(key)?.value();
      return record && decodeValue(key, record);
    },
    commit: () => Promise.reject(new StoreError("ReadOnly", failure.message)),
    snapshot: () => ({
      revision: Math.max(1, revision),
      *records() {
        for (const [key, { value }] of [...entries].sort(([a], [b]) => (a < b ? -1 : 1))) {
          const record = value();
          if (record) yield { key, ...decodeRecord(key, record) };
        }
      },
      [Symbol.dispose]: () => {},
    }),
    async close() {
      close();
    },
  };
}
