import { Buffer } from "node:buffer";
import { blockSize, endOfArchive, padding, type TarEntry, writeHeader } from "./tar-format.ts";
import { openRegular, type TreeEntry, walkTree } from "./tree.ts";

/** The bytes of a tar of a file or directory, which has the given name inside. */
export async function* tarOf(host: string, name: string): AsyncGenerator<Uint8Array> {
  for await (const entry of walkTree(host, name)) {
    yield writeHeader(describe(entry));
    if (!entry.stat.isFile()) continue;
    let written = 0;
    if (entry.stat.size > 0) {
      const file = await openRegular(entry.host, entry.name);
      for await (const chunk of file.createReadStream({ start: 0, end: entry.stat.size - 1 })) {
        const bytes = chunk as Buffer;
        written += bytes.length;
        yield bytes;
      }
    }
    // A file that shrank while it was read keeps the size that its header says.
    for (; written < entry.stat.size; written += blockSize) {
      yield Buffer.alloc(Math.min(blockSize, entry.stat.size - written));
    }
    yield padding(entry.stat.size);
  }
  yield endOfArchive;
}

function describe({ name, stat, target }: TreeEntry): TarEntry {
  return {
    name,
    type: stat.isDirectory() ? "directory" : stat.isSymbolicLink() ? "link" : "file",
    mode: stat.mode & 0o7777,
    size: stat.isFile() ? stat.size : 0,
    mtime: Math.floor(stat.mtimeMs / 1000),
    target,
  };
}
