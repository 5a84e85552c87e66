// An artifact repository in a directory: below the root one directory for each namespace, below that the keys.
// Invariant: what has a key is whole. It is written beside, flushed, and renamed into its place.
import { randomUUID } from "node:crypto";
import { constants, createWriteStream, type Stats } from "node:fs";
import { copyFile, lstat, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { openRegular, walkTree } from "../archive/index.ts";
import { keyParts } from "./key.ts";

export interface ArtifactDirectory {
  /** Host path of a key's file or directory; undefined when there is none. Nobody may write to it. */
  find(namespace: string, key: string): Promise<{ host: string; stat: Stats } | undefined>;
  /** Keeps a stream's bytes under a key. */
  putStream(namespace: string, key: string, bytes: AsyncIterable<Uint8Array>, through?: Duplex): Promise<void>;
  /** Keeps a copy of a file or directory under a key. Links inside are left out. */
  putTree(namespace: string, key: string, host: string): Promise<void>;
}

const staging = ".incoming";

/** @param root a directory of its own; made when it is first written to. */
export function createArtifactDirectory(root: string): ArtifactDirectory {
  const pathOf = (namespace: string, key: string) => {
    const [space = ""] = keyParts(namespace);
    if (space !== namespace || space === staging) throw new Error(`${JSON.stringify(namespace)} is no namespace`);
    return join(root, space, ...keyParts(key));
  };
  const incoming = async () => {
    await mkdir(join(root, staging), { recursive: true, mode: 0o700 });
    return join(root, staging, randomUUID());
  };
  const place = async (made: string, target: string) => {
    await makeParents(root, dirname(target));
    await replace(made, target, join(root, staging));
    await flush(dirname(target));
  };
  const guarded = async (write: (made: string) => Promise<void>, target: string) => {
    const made = await incoming();
    try {
      await write(made);
      await place(made, target);
    } finally {
      await rm(made, { recursive: true, force: true });
    }
  };
  return {
    async find(namespace, key) {
      const host = pathOf(namespace, key);
      try {
        return { host, stat: await lstat(host) };
      } catch (error) {
        if (["ENOENT", "ENOTDIR"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
        throw error;
      }
    },
    putStream: (namespace, key, bytes, through) =>
      guarded(
        async (made) => {
          const file = createWriteStream(made, { flags: "wx", mode: 0o644, flush: true });
          if (through) await pipeline(Readable.from(bytes), through, file);
          else await pipeline(Readable.from(bytes), file);
        },
        pathOf(namespace, key),
      ),
    putTree: (namespace, key, host) => guarded((made) => copyTree(host, made), pathOf(namespace, key)),
  };
}

/** A key below one that is a file has no place. */
async function makeParents(root: string, directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o755 });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EEXIST" && code !== "ENOTDIR") throw error;
    throw new Error(`an artifact is kept where ${directory.slice(root.length + 1)} would have to be a directory`);
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

async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Copies regular files and directories; copies share blocks where the file system can. */
export async function copyTree(from: string, to: string): Promise<void> {
  for await (const { host, name, stat } of walkTree(from, "")) {
    const target = name === "" ? to : join(to, name);
    if (stat.isDirectory()) await mkdir(target, { mode: 0o755 });
    else if (stat.isFile()) {
      await using file = await openRegular(host, name);
      await copyFile(`/proc/self/fd/${file.fd}`, target, constants.COPYFILE_FICLONE);
      await flush(target);
    }
  }
}
