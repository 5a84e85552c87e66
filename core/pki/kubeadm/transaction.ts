// Several files replaced as one: prepared beside, noted in a journal, then renamed. A process that dies in between leaves
// a journal, and whoever looks next finishes.
import {
  chmodSync,
  chownSync,
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";

export interface FileChange {
  /** Absolute; the file is there. */
  path: string;
  text: string;
}

interface Journal {
  backup: string;
  /** Absolute paths whose `.new` is complete. */
  paths: string[];
}

const journalName = ".capstan-renewal.json";
const prepared = (path: string) => `${path}.capstan-new`;

/** @returns the directory that the old files are in. @throws before anything is changed when they cannot be written */
export function replaceFiles(directory: string, changes: FileChange[], now: number): string {
  const stamp = new Date(now).toISOString().replace(/[:.]/g, "-");
  const backup = join(directory, `capstan-backup-${stamp}`);
  try {
    for (const { path, text } of changes) prepare(path, text);
    for (const { path } of changes) keep(path, join(backup, relative(directory, path)));
  } catch (error) {
    for (const { path } of changes) rmSync(prepared(path), { force: true });
    rmSync(backup, { recursive: true, force: true });
    throw new Error(`nothing is changed: ${(error as Error).message}`, { cause: error });
  }
  const journal: Journal = { backup, paths: changes.map(({ path }) => path) };
  const path = join(directory, journalName);
  writeDurably(`${path}.new`, JSON.stringify(journal), 0o600);
  renameSync(`${path}.new`, path);
  syncDirectory(directory);
  finish(directory, journal);
  return backup;
}

/** Finishes what a killed renewal began. @returns the directory of the old files, if there was one */
export function resumeReplacement(directory: string): string | undefined {
  const path = join(directory, journalName);
  if (!existsSync(path)) return undefined;
  const journal = JSON.parse(readFileSync(path, "utf8")) as Journal;
  finish(directory, journal);
  return journal.backup;
}

function finish(directory: string, { paths }: Journal): void {
  for (const path of paths) if (existsSync(prepared(path))) renameSync(prepared(path), path);
  for (const folder of new Set(paths.map(dirname))) syncDirectory(folder);
  rmSync(join(directory, journalName));
}

/** With the old file's mode and owner. */
function prepare(path: string, text: string): void {
  const { mode, uid, gid } = statSync(path);
  writeDurably(prepared(path), text, mode & 0o7777);
  if (process.getuid?.() === 0) chownSync(prepared(path), uid, gid);
}

function keep(path: string, copy: string): void {
  mkdirSync(dirname(copy), { recursive: true, mode: 0o700 });
  copyFileSync(path, copy);
  chmodSync(copy, statSync(path).mode & 0o7777);
}

function writeDurably(path: string, text: string, mode: number): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode, flush: true });
  chmodSync(path, mode);
}

function syncDirectory(path: string): void {
  const directory = openSync(path, "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
