// What an artifact on disk consists of. Links are never followed.
import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open, readdir, readlink } from "node:fs/promises";
import { join } from "node:path";

export interface TreeEntry {
  /** Relative to the artifact, beginning with its own name. */
  name: string;
  host: string;
  stat: Stats;
  /** Where a symbolic link points. */
  target: string;
}

/** Bounds of an artifact. */
export const treeLimits = { entries: 1_000_000, depth: 200 };

/** The file or directory at `host` and all below it, parents first, names in order. Sockets and devices are left out. */
export async function* walkTree(host: string, name: string): AsyncGenerator<TreeEntry> {
  const open = [{ host, name, depth: 0 }];
  let count = 0;
  while (open.length > 0) {
    const next = open.pop() as (typeof open)[number];
    if (++count > treeLimits.entries)
      throw new Error(`an artifact has at most ${treeLimits.entries} files (limit entries)`);
    if (next.depth > treeLimits.depth)
      throw new Error(`an artifact is at most ${treeLimits.depth} directories deep (limit depth)`);
    const stat = await lstat(next.host);
    if (!stat.isFile() && !stat.isDirectory() && !stat.isSymbolicLink()) continue;
    const target = stat.isSymbolicLink() ? await readlink(next.host) : "";
    yield { name: next.name, host: next.host, stat, target };
    if (!stat.isDirectory()) continue;
    const names = (await readdir(next.host)).sort().reverse();
    for (const child of names) {
      open.push({ host: join(next.host, child), name: `${next.name}/${child}`, depth: next.depth + 1 });
    }
  }
}

/**
 * Opens a regular file that somebody else may be changing: no link is followed in its place, and nothing is waited for.
 * @throws Error when it is no regular file (any more).
 */
export async function openRegular(host: string, name: string): Promise<FileHandle> {
  const file = await open(host, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw new Error(`${name} is no regular file`);
}
