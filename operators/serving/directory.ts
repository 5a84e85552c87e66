// Paths that tenants name, kept inside the directory that is theirs.
import { realpath, stat } from "node:fs/promises";
import { join, sep } from "node:path";

/** A path that is not there, or leads out of its directory; the message says which. */
export class DirectoryError extends Error {
  override readonly name = "DirectoryError";
}

/** The real path of `root/key`, a directory. Throws DirectoryError: also where a symbolic link leads out of the root. */
export async function directoryUnder(root: string, key: string): Promise<string> {
  const parts = key.split("/");
  if (key === "" || key.includes("\0") || parts.some((part) => part === "" || part === "." || part === "..")) {
    throw new DirectoryError(`"${key}" is not a path inside the repository`);
  }
  const base = await real(root);
  const path = base === undefined ? undefined : await real(join(base, key));
  if (base === undefined || path === undefined) throw new DirectoryError(`"${key}" is not in the repository`);
  if (!path.startsWith(base + sep)) throw new DirectoryError(`"${key}" leads out of the repository`);
  if (!(await stat(path)).isDirectory()) throw new DirectoryError(`"${key}" is a file, not a model directory`);
  return path;
}

async function real(path: string): Promise<string | undefined> {
  try {
    return await realpath(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw error;
  }
}
