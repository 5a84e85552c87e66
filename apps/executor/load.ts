// Brings an artifact to where a container finds it.
import { randomUUID } from "node:crypto";
import { constants, createReadStream } from "node:fs";
import { chmod, copyFile, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import type { Artifact } from "@capstan/api/kinds/workflow";
import { detect, untar, unzip, walkTree } from "./archive/index.ts";
import { download } from "./download.ts";
import { copyTree } from "./repository/index.ts";
import type { Step } from "./step.ts";

/**
 * Puts an artifact at a host path, unpacked when it is an archive.
 * @returns false when it is optional and not there.
 */
export async function load(step: Step, artifact: Artifact, host: string): Promise<boolean> {
  await mkdir(dirname(host), { recursive: true });
  const aside = `${host}.${randomUUID().slice(0, 8)}`;
  try {
    if (!(await fetchTo(step, artifact, aside))) return false;
    await rm(host, { recursive: true, force: true });
    await rename(aside, host);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  if (artifact.mode !== undefined) await setMode(host, artifact.mode, artifact.recurseMode === true);
  return true;
}

async function fetchTo(step: Step, artifact: Artifact, aside: string): Promise<boolean> {
  if (artifact.raw) {
    await writeFile(aside, artifact.raw.data);
    return true;
  }
  if (artifact.http) {
    await download(artifact.http, aside, step.container.signal);
    return unpackInPlace(artifact, aside);
  }
  if (!artifact.file?.key) throw new Error(`artifact ${artifact.name}: no store that is supported says where it is`);
  const { key } = artifact.file;
  const found = await step.repository.find(step.namespace, key);
  if (!found) {
    if (artifact.optional) return false;
    throw new Error(`artifact ${artifact.name}: the repository has no ${key}`);
  }
  if (found.stat.isDirectory()) await copyTree(found.host, aside);
  else await unpack(artifact, found.host, aside);
  return true;
}

async function unpackInPlace(artifact: Artifact, aside: string): Promise<boolean> {
  const packed = `${aside}.packed`;
  await rename(aside, packed);
  try {
    await unpack(artifact, packed, aside);
  } finally {
    await rm(packed, { force: true });
  }
  return true;
}

/** Archives are known by their content unless the artifact says that it is none. */
async function unpack({ archive }: Artifact, from: string, to: string): Promise<void> {
  const kind = archive?.none ? "other" : await detect(from);
  if (kind === "other") {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return;
  }
  const directory = `${to}.d`;
  await mkdir(directory);
  try {
    if (kind === "zip") await unzip(from, directory);
    else if (kind === "tar") await untar(createReadStream(from), directory);
    else {
      const plain = createGunzip();
      await Promise.all([pipeline(createReadStream(from), plain), untar(plain, directory)]);
    }
    // An archive of one file or directory is that file or directory.
    const names = await readdir(directory);
    await rename(names.length === 1 ? join(directory, names[0] as string) : directory, to);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function setMode(host: string, mode: number, recurse: boolean): Promise<void> {
  if (!recurse) {
    await chmod(host, mode);
    return;
  }
  const all: string[] = [];
  for await (const entry of walkTree(host, "")) if (!entry.stat.isSymbolicLink()) all.push(entry.host);
  // The deepest first: a directory may lose the right to enter it.
  for (const path of all.reverse()) await chmod(path, mode);
}
