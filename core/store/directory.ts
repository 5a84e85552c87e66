import { linkSync, readdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StoreError } from "./error.ts";

const marker = "store.json";
const lock = "store.lock";
const ours = new Set([marker, lock, "data.mdb", "data.mdb-lock"]);

interface Holder {
  pid: number;
  /** Tells a reused pid apart: boot id and start time from /proc; empty where there is no /proc. */
  birth: string;
}

/** Makes a directory this process's store. Throws Foreign or Locked. Returns the way to give it up. */
export function claimDirectory(directory: string): () => void {
  const names = readdirSync(directory).filter((name) => !name.startsWith(`${lock}.`));
  const foreign = names.find((name) => !ours.has(name));
  if (!names.includes(marker) && (foreign !== undefined || names.includes("data.mdb"))) {
    const what = foreign ?? "data.mdb";
    throw new StoreError(
      "Foreign",
      `${directory} is not a store: it holds ${what}. Choose an empty or absent directory`,
    );
  }
  const release = takeLock(directory);
  try {
    checkMarker(join(directory, marker));
  } catch (error) {
    release();
    throw error;
  }
  return release;
}

function checkMarker(path: string): void {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    writeMarker(path, false);
    return;
  }
  const { format, version } = parse<{ format?: string; version?: number }>(text) ?? {};
  if (format !== "capstan-store") throw new StoreError("Foreign", `${path} does not describe a store`);
  if (version !== 1) throw new StoreError("Foreign", `${path} has version ${version}: this program reads version 1`);
}

/** Whether the store of a claimed directory has been written to. */
export function wasWritten(directory: string): boolean {
  return parse<{ written?: boolean }>(readOrEmpty(join(directory, marker)))?.written === true;
}

export function noteWritten(directory: string): void {
  const path = join(directory, marker);
  writeMarker(`${path}.new`, true);
  renameSync(`${path}.new`, path);
}

function writeMarker(path: string, written: boolean): void {
  const marked = { format: "capstan-store", version: 1, ...(written ? { written } : {}) };
  writeFileSync(path, `${JSON.stringify(marked)}\n`, { mode: 0o600 });
}

/** The lock appears whole or not at all, by link(2), and names its holder. A dead holder's lock is moved away first. */
function takeLock(directory: string): () => void {
  const path = join(directory, lock);
  const own = `${path}.${process.pid}.${process.hrtime.bigint()}`;
  const self = JSON.stringify({ pid: process.pid, birth: birthOf(process.pid) ?? "" });
  writeFileSync(own, self, { mode: 0o600 });
  try {
    for (;;) {
      if (tryLink(own, path)) break;
      const text = readOrEmpty(path);
      const holder = parse<Holder>(text);
      if (holder && isAlive(holder)) {
        throw new StoreError("Locked", `${directory} is in use by process ${holder.pid}`);
      }
      removeStale(path, text, `${own}.stale`);
    }
  } finally {
    unlinkSync(own);
  }
  return () => {
    if (readOrEmpty(path) === self) unlinkSync(path);
  };
}

/** Moves the lock away, and puts it back when it turns out to be a new holder's. */
function removeStale(path: string, expected: string, aside: string): void {
  try {
    renameSync(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  if (readOrEmpty(aside) !== expected) tryLink(aside, path);
  unlinkSync(aside);
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function isAlive({ pid, birth }: Holder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  const now = birthOf(pid);
  return now === undefined || birth === "" || now === birth;
}

const ended = ["Z", "X"];

/**
 * Empty for a process that has ended and that its parent has not asked after yet: it holds nothing any more.
 * Source: proc(5), fields 3 and 22 of /proc/pid/stat; the command name before them may contain spaces and brackets.
 */
function birthOf(pid: number): string | undefined {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (ended.includes(fields[0] ?? "")) return "";
  const start = fields[19];
  return start && `${readOrEmpty("/proc/sys/kernel/random/boot_id").trim()}/${start}`;
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}

function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T;
  } catch {
    return undefined;
  }
}
