// One artifact in and out of its store: found, packed, unpacked, tried again.
import { randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { chmod, lstat, mkdir, readdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGunzip, createGzip } from "node:zlib";
import type { ArchiveStrategy, ArtifactLocation } from "@capstan/api/kinds/workflow";
import { detect, tarOf, untar, unzip, walkTree, zipOf } from "./archive/index.ts";
import { openStore } from "./open.ts";
import type { StoreResources } from "./resources.ts";
import { persist } from "./retry.ts";
import { type Source, StoreError } from "./store.ts";
import { filesOf } from "./tree.ts";

export interface Packed extends ArtifactLocation {
  archive?: ArchiveStrategy;
}

/**
 * Puts an artifact at a host path, unpacked when it is an archive, in the place of what is there.
 * Temporary files lie beside the path and are gone when the call ends.
 * @returns false when the store has nothing there.
 */
export async function loadArtifact(
  artifact: Packed,
  host: string,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<boolean> {
  await mkdir(dirname(host), { recursive: true });
  const found = await persist(signal, async () => {
    const aside = `${host}.${randomUUID().slice(0, 8)}`;
    try {
      using opened = await openStore(artifact, resources, signal);
      const { store, key, name } = opened;
      if (!(await store.load(key, aside))) return false;
      if (name !== "raw" && name !== "git" && !artifact.archive?.none) await unpackInPlace(aside);
      await rm(host, { recursive: true, force: true });
      await rename(aside, host);
      return true;
    } finally {
      await rm(aside, { recursive: true, force: true });
    }
  });
  return found;
}

/** Archives are known by their content. */
async function unpackInPlace(at: string): Promise<void> {
  if (!(await lstat(at)).isFile()) return;
  const kind = await detect(at);
  if (kind === "other") return;
  const directory = `${at}.d`;
  await mkdir(directory);
  try {
    if (kind === "zip") await unzip(at, directory);
    else if (kind === "tar") await untar(createReadStream(at), directory);
    else {
      const plain = createGunzip();
      await Promise.all([pipeline(createReadStream(at), plain), untar(plain, directory)]);
    }
    await rm(at);
    // An archive of one file or directory is that file or directory.
    const names = await readdir(directory);
    await rename(names.length === 1 ? join(directory, names[0] as string) : directory, at);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Keeps a file or directory of this machine, packed as the artifact says. @param name its name inside an archive. */
export async function saveArtifact(
  artifact: Packed,
  host: string,
  name: string,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<void> {
  await saveSource(artifact, await packed(artifact.archive, host, name), resources, signal);
}

export async function saveSource(
  location: ArtifactLocation,
  source: Source,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<void> {
  await persist(signal, async () => {
    using opened = await openStore(location, resources, signal);
    const { store, key } = opened;
    await store.save(key, source);
  });
}

/** Deletes what is kept at a location. @throws StoreError for one that is a whole store. */
export async function deleteArtifact(
  location: ArtifactLocation,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<void> {
  await persist(signal, async () => {
    using opened = await openStore(location, resources, signal);
    const { store, key, name } = opened;
    if (name !== "git" && name !== "raw" && key.replaceAll("/", "") === "")
      throw new StoreError(`${name}: a location without a key is a whole store, and is not deleted`);
    await store.delete(key);
  });
}

/** The keys of the files at and below a location. @throws Error beyond the limit, which it names. */
export async function listArtifact(
  location: ArtifactLocation,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<string[]> {
  return persist(signal, async () => {
    using opened = await openStore(location, resources, signal);
    const { store, key } = opened;
    const keys: string[] = [];
    for await (const found of store.list(key)) {
      if (keys.push(found) > listLimit) throw new Error(`more than ${listLimit} files are listed (limit listed)`);
    }
    return keys;
  });
}
const listLimit = 100_000;

async function packed(archive: ArchiveStrategy | undefined, host: string, name: string): Promise<Source> {
  if (archive?.none) return { host };
  const atMost = await largestPacked(host);
  if (archive?.zip) return { bytes: () => zipOf(host, name), atMost };
  const level = archive?.tar?.compressionLevel;
  // Level 0 is a plain tar.
  if (level === 0) return { bytes: () => tarOf(host, name), atMost };
  return { bytes: () => gzipped(tarOf(host, name), level), atMost };
}

async function* gzipped(plain: AsyncIterable<Uint8Array>, level: number | undefined): AsyncGenerator<Uint8Array> {
  const source = Readable.from(plain);
  const gzip = createGzip(level === undefined ? {} : { level });
  source.on("error", (error) => gzip.destroy(error));
  try {
    for await (const chunk of source.pipe(gzip)) yield chunk as Buffer;
  } finally {
    source.destroy();
    gzip.destroy();
  }
}

/** Headers and padding take up to 3 KiB of each entry; deflate adds less than a thousandth to what it cannot pack. */
async function largestPacked(host: string): Promise<number> {
  let size = 4096;
  for await (const file of filesOf(host)) size += file.size + 3072 + file.name.length;
  return Math.ceil(size * 1.001);
}

/** Sets the mode of a file or directory, and with `recurse` of all below it. */
export async function setMode(host: string, mode: number, recurse: boolean): Promise<void> {
  if (!recurse) {
    await chmod(host, mode);
    return;
  }
  const all: string[] = [];
  for await (const entry of walkTree(host, "")) if (!entry.stat.isSymbolicLink()) all.push(entry.host);
  // The deepest first: a directory may lose the right to enter it.
  for (const path of all.reverse()) await chmod(path, mode);
}
