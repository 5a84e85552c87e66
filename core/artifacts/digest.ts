// The digest of an artifact's content: the same however it is packed, and whenever it was made.
import { createHash } from "node:crypto";
import { openRegular, walkTree } from "./archive/index.ts";

/**
 * `sha256:…`: of a file that of its bytes, of a directory that of a list of all that is in it, by name, with its files'
 * digests. A mode counts as far as it lets a file be run; times and owners do not.
 */
export async function contentDigest(host: string): Promise<string> {
  const list = createHash("sha256");
  for await (const { host: path, name, stat, target } of walkTree(host, "")) {
    if (name === "" && stat.isFile()) return `sha256:${await fileDigest(path)}`;
    if (stat.isDirectory()) list.update(`d ${JSON.stringify(name)}\n`);
    else if (stat.isSymbolicLink()) list.update(`l ${JSON.stringify(name)} ${JSON.stringify(target)}\n`);
    else list.update(`${stat.mode & 0o100 ? "x" : "f"} ${JSON.stringify(name)} ${await fileDigest(path)}\n`);
  }
  return `sha256:${list.digest("hex")}`;
}

const chunkBytes = 256 * 1024;

async function fileDigest(host: string): Promise<string> {
  await using file = await openRegular(host, host);
  const hash = createHash("sha256");
  for await (const chunk of file.createReadStream({ autoClose: false, highWaterMark: chunkBytes })) hash.update(chunk);
  return hash.digest("hex");
}
