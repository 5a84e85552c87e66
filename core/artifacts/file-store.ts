// A store in a directory: below the root one directory for each namespace, below that the keys.
// What has a key is whole, directories too: it is written beside, flushed, and renamed into its place. A namespace's
// directory may be a volume of its own: what is not whole yet lies in it too.
import { randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, type Stats } from "node:fs";
import { lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { walkTree } from "./archive/index.ts";
import { keyParts } from "./key.ts";
import { type ArtifactStore, type Entry, type Source, StoreError } from "./store.ts";
import { copyTree, flush } from "./tree.ts";

const staging = ".incoming";
const absent = ["ENOENT", "ENOTDIR"];
/** What lies in the staging directory for longer was left by somebody who was ended, milliseconds. */
const staleAfter = 24 * 3600 * 1000;
/** Staging directories that were looked through. */
const swept = new Set<string>();

/**
 * The part of a namespace.
 * @param root a directory of its own; made when it is first written to.
 */
export function createFileStore(root: string, namespace: string): ArtifactStore {
  const [space = ""] = keyParts(namespace);
  if (space !== namespace) throw new Error(`${JSON.stringify(namespace)} is no namespace`);
  const base = join(root, space);
  const pathOf = (key: string) => {
    const parts = keyParts(key);
    if (parts[0] === staging) throw new StoreError(`${JSON.stringify(key)} is no key of an artifact`);
    return join(base, ...parts);
  };
  const stat = async (key: string): Promise<Entry | undefined> => {
    const found = await statOf(pathOf(key));
    if (!found) return undefined;
    return found.isDirectory() ? { kind: "directory" } : { kind: "file", size: found.size };
  };
  return {
    stat,
    async *list(key) {
      const empty = key.replace(/^\/+|\/+$/g, "") === "";
      if (!(empty ? await statOf(base) : await stat(key))) return;
      const name = keyParts(empty ? namespace : key).join("/");
      for await (const entry of walkTree(empty ? base : pathOf(key), name)) {
        if (!entry.stat.isFile() || entry.name.startsWith(`${namespace}/${staging}/`)) continue;
        yield empty ? entry.name.slice(namespace.length + 1) : entry.name;
      }
    },
    async *stream(key) {
      const found = await stat(key);
      if (found?.kind !== "file") throw new StoreError(`the repository has no file ${key}`, { missing: true });
      yield* createReadStream(pathOf(key)) as AsyncIterable<Uint8Array>;
    },
    async load(key, host) {
      if (!(await stat(key))) return false;
      await copyTree(pathOf(key), host);
      return true;
    },
    save: (key, source) => place(base, pathOf(key), source),
    async delete(key) {
      if (!(await stat(key))) return;
      // It goes as a whole: a reader finds all of it or nothing.
      const aside = await incoming(base);
      await rename(pathOf(key), aside);
      await rm(aside, { recursive: true, force: true });
    },
  };
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Removes what writers that were killed had begun. To be called while nobody writes. */
export async function sweepFileStore(root: string): Promise<void> {
  for (const space of await namesIn(root)) await rm(join(root, space, staging), { recursive: true, force: true });
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (absent.includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

/** Removes what was left half written, once in a process. */
async function sweep(directory: string): Promise<void> {
  if (swept.has(directory)) return;
  swept.add(directory);
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const found = await statOf(path);
    if (found && found.ctimeMs < Date.now() - staleAfter) await rm(path, { recursive: true, force: true });
  }
}

async function incoming(base: string): Promise<string> {
  const directory = join(base, staging);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  await sweep(directory);
  return join(directory, randomUUID());
}

async function place(base: string, target: string, source: Source): Promise<void> {
  const made = await incoming(base);
  try {
    if ("host" in source) await copyTree(source.host, made, true);
    else {
      const file = createWriteStream(made, { flags: "wx", mode: 0o644, flush: true });
      await pipeline(Readable.from(source.bytes()), file);
    }
    await makeParents(base, dirname(target));
    await replace(made, target, join(base, staging));
    await flush(dirname(target));
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

/** A key below one that is a file has no place. */
async function makeParents(base: string, directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o755 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST" && code !== "ENOTDIR") throw error;
    throw new Error(`an artifact is kept where ${directory.slice(base.length + 1)} would have to be a directory`);
  }
}

/** Renames over what is there. A directory steps aside first. */
async function replace(made: string, target: string, aside: string): Promise<void> {
  try {
    await rename(made, target);
    return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (!["ENOTEMPTY", "EEXIST", "EISDIR", "ENOTDIR"].includes(code ?? "")) throw error;
  }
  const old = join(aside, `${randomUUID()}-${basename(target).slice(0, 100)}`);
  await rename(target, old);
  await rename(made, target);
  await rm(old, { recursive: true, force: true });
}
