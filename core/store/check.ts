// Whether a database may be given to LMDB: all pages that its trees reach are there and say what they should.
import { closeSync, openSync } from "node:fs";
import { messageOf } from "@capstan/base/errors";
import { StoreError } from "./error.ts";
import { headerSize, type Meta, numberAt, type PageFile, readPages } from "./pages.ts";
import { walkTree } from "./tree.ts";

/** Throws Corrupted. An absent or empty file is a database that was not written yet. */
export function checkDatabase(path: string): void {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw new StoreError("Corrupted", `${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
  try {
    const pages = readPages(file);
    const why = pages.size > 0 ? damageOf(pages) : undefined;
    if (why) throw new StoreError("Corrupted", `${path} is damaged: ${why}; restore the cluster from a backup`);
  } finally {
    closeSync(file);
  }
}

function damageOf(pages: PageFile): string | undefined {
  const [newest, older] = pages.metas;
  if (!newest) return "it is not a database";
  if (!older) return "one of its two first pages cannot be read";
  const isNext = newest.transaction - older.transaction === 1 || newest.transaction + older.transaction === 0;
  if (!isNext || !isRooted(pages, newest)) return "its first pages do not say which state is the newest";
  let first: string | undefined;
  const problem = (_from: unknown, _to: unknown, why: string) => {
    first ??= why;
  };
  const seen = new Set<number>();
  const entry = (_key: Buffer, read: () => Buffer | undefined) => {
    if (!read()) first ??= "an entry is not in its pages";
  };
  walkTree(pages, newest, "main", { entry, problem }, seen);
  walkTree(pages, newest, "free", { entry, problem }, seen);
  return first;
}

/** Whether the state's tree is of its own transaction: each writes the root anew. */
export function isRooted(pages: PageFile, { main, pageSize, transaction }: Meta): boolean {
  if (main.root === undefined) return main.entries === 0;
  if (main.flags !== 0) return false;
  const root = pages.page(main.root, pageSize);
  return root !== undefined && root.length > headerSize && numberAt(root, 8) === transaction;
}
