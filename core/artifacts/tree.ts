// Files and directories of this machine on their way into and out of stores.
import { constants } from "node:fs";
import { copyFile, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { openRegular, walkTree } from "./archive/index.ts";

/**
 * Copies regular files and directories; copies share blocks where the file system can.
 * @param durable each file is on the disk before the call ends.
 */
export async function copyTree(from: string, to: string, durable = false): Promise<void> {
  for await (const { host, name, stat } of walkTree(from, "")) {
    const target = name === "" ? to : join(to, name);
    if (stat.isDirectory()) await mkdir(target, { mode: 0o755 });
    else if (stat.isFile()) {
      await using file = await openRegular(host, name);
      await copyFile(`/proc/self/fd/${file.fd}`, target, constants.COPYFILE_FICLONE);
      if (durable) await flush(target);
    }
  }
}

export async function flush(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** The files of a tree, with their paths below it; "" for a tree that is one file. */
export async function* filesOf(host: string): AsyncGenerator<{ host: string; name: string; size: number }> {
  for await (const entry of walkTree(host, "")) {
    if (entry.stat.isFile()) yield { host: entry.host, name: entry.name.replace(/^\//, ""), size: entry.stat.size };
  }
}

/**
 * Where a file of a listed directory goes.
 * @throws Error for a key that would leave the directory.
 */
export async function placeBelow(directory: string, name: string): Promise<string> {
  const parts = name.split("/").filter((part) => part !== "");
  if (parts.length === 0 || parts.some((part) => part === "." || part === ".." || part.includes("\0")))
    throw new Error(`the key ${JSON.stringify(name.slice(0, 200))} is outside of the artifact`);
  const host = join(directory, ...parts);
  await mkdir(dirname(host), { recursive: true });
  return host;
}
