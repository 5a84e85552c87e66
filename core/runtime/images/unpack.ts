// Unpacks a layer's blob into a directory that an overlay takes as a lower layer, whatever lies below it.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  closeSync,
  createReadStream,
  linkSync,
  lstatSync,
  openSync,
  readSync,
  rmSync,
  statfsSync,
  statSync,
} from "node:fs";
import { PassThrough, pipeline, type Readable, Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { RuntimeError } from "../cri.ts";
import { findTool } from "../oci/command.ts";
import { setAttributes } from "./attributes.ts";
import { LayerUnpacker, type UnpackedTree } from "./layer-unpacker.ts";
import { type TarLimits, TarReader } from "./tar.ts";

export interface LayerLimits extends TarLimits {
  /** Unpacked to packed bytes, where more than `ratioFrom` bytes are unpacked. */
  ratio: number;
  ratioFrom: number;
  /** Bytes of the disk that unpacking leaves free. */
  free: number;
}

export const layerLimits: LayerLimits = {
  entries: 1_000_000,
  bytes: 64 * 2 ** 30,
  headerBytes: 1 << 20,
  ratio: 200,
  ratioFrom: 256 * 2 ** 20,
  free: 256 * 2 ** 20,
};

export interface UnpackJob {
  /** Absolute path of the blob: a tar archive, plain or packed by gzip or zstd. */
  blob: string;
  /** Of the blob; absent when it was checked before. */
  digest?: string;
  /** Absolute path of an empty directory. */
  directory: string;
  limits: LayerLimits;
}

export interface UnpackedLayer {
  /** `sha256:…` of the archive as it is without its packing. */
  diff: string;
  /** Of all files together. */
  bytes: number;
  entries: number;
  opaque: string[];
  implicit: string[];
  /** What was left out, in words. */
  notes: string[];
}

const chunkSize = 256 * 1024;
/** Bytes after which the disk is looked at again. */
const lookEvery = 64 * 2 ** 20;

/** @throws RuntimeError InvalidImage for what the blob is to blame for, with the limit's name. */
export async function unpackLayer({ blob, digest, directory, limits }: UnpackJob): Promise<UnpackedLayer> {
  const unpacker = new LayerUnpacker(directory);
  const reader = new TarReader(unpacker, limits);
  const sum = createHash("sha256");
  const watch = watchSize(statSync(blob).size, directory, limits);
  try {
    for await (const chunk of plainContent(blob, digest)) {
      watch(chunk.length);
      sum.update(chunk);
      reader.push(chunk);
    }
    reader.finish();
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    if (!/^(Z_|ZSTD_)/.test(code)) throw error;
    throw new RuntimeError("InvalidImage", `the layer cannot be unpacked: ${message}`);
  } finally {
    unpacker.close();
  }
  const tree = unpacker.finish();
  const notes: string[] = [];
  if (tree.devices > 0) notes.push(`${tree.devices} device nodes were left out`);
  makeWhiteouts(
    directory,
    tree.whiteouts.map((path) => unpacker.host(path)),
  );
  for (const path of tree.fifos) mustSpawn("mkfifo", [String(unpacker.host(path))]);
  if (tree.attributed.length > 0 && !(await attribute(directory, tree, unpacker))) {
    notes.push(`extended attributes of ${tree.attributed.length} files were left out: they need GNU tar on the node`);
  }
  unpacker.sealDirectories();
  const text = (paths: string[]) => paths.map((path) => Buffer.from(path, "latin1").toString("utf8"));
  const { opaque, implicit } = tree;
  const diff = `sha256:${sum.digest("hex")}`;
  return {
    diff,
    bytes: reader.bytes,
    entries: reader.entries,
    opaque: text(opaque),
    implicit: text(implicit),
    notes,
  };
}

async function attribute(directory: string, tree: UnpackedTree, unpacker: LayerUnpacker): Promise<boolean> {
  const host = (path: string) => unpacker.host(path);
  if (!(await setAttributes(directory, tree.attributed, host))) return false;
  // The files were made anew: their other names have to be theirs again.
  const there = (path: string) => lstatSync(host(path), { throwIfNoEntry: false }) !== undefined;
  for (const [path, of] of tree.aliases) {
    if (!there(path) || !there(of)) continue;
    rmSync(host(path), { force: true });
    linkSync(host(of), host(path));
  }
  return true;
}

/** Refuses archives that grow beyond measure, and those that would fill the disk. */
function watchSize(packed: number, directory: string, limits: LayerLimits): (bytes: number) => void {
  let plain = 0;
  let next = lookEvery;
  // Headers and padding come on top of the files' bytes.
  const most = limits.bytes + limits.entries * 2 * 512 + limits.headerBytes;
  return (bytes) => {
    plain += bytes;
    if (plain > most) throw refuse("bytes", limits.bytes);
    if (plain > limits.ratioFrom && plain > packed * limits.ratio) throw refuse("ratio", limits.ratio);
    if (plain < next) return;
    next = plain + lookEvery;
    const { bavail, bsize } = statfsSync(directory);
    if (bavail * bsize < limits.free) {
      throw new RuntimeError("Failed", `no space for images: less than ${limits.free} bytes are free at ${directory}`);
    }
  };
}

const refuse = (name: string, limit: number) =>
  new RuntimeError("InvalidImage", `the archive is larger than the limit ${name} = ${limit}`);

/** By its first bytes: media types are wrong at times. */
function plainContent(blob: string, digest: string | undefined): AsyncIterable<Buffer> {
  const magic = firstBytes(blob);
  const packed = createReadStream(blob, { highWaterMark: chunkSize });
  const checked = digest === undefined ? packed : chain(packed, checking(digest));
  const options = { chunkSize, readableHighWaterMark: 4 * chunkSize };
  if (magic.startsWith("1f8b")) return chain(checked, createGunzip(options));
  if (magic.startsWith("28b52ffd")) return chain(checked, createZstdDecompress(options));
  return chain(checked, new PassThrough());
}

function chain<T extends Transform>(from: Readable, to: T): T {
  // An error is thrown to whoever reads the last one.
  pipeline(from, to, () => {});
  return to;
}

function firstBytes(blob: string): string {
  const descriptor = openSync(blob, "r");
  try {
    const bytes = Buffer.alloc(4);
    return bytes.toString("hex", 0, readSync(descriptor, bytes));
  } finally {
    closeSync(descriptor);
  }
}

function checking(digest: string): Transform {
  const sum = createHash("sha256");
  return new Transform({
    transform(chunk, _, done) {
      sum.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const fine = `sha256:${sum.digest("hex")}` === digest;
      done(fine ? null : new RuntimeError("InvalidImage", `blob ${digest} has another digest`));
    },
  });
}

/** overlayfs knows a removed name by a character device 0/0; one device has all the names, as far as links go. */
export function makeWhiteouts(directory: string, paths: (string | Buffer)[]): void {
  if (paths.length === 0) return;
  const source = `${directory}.whiteout`;
  const make = () => {
    rmSync(source, { force: true });
    mustSpawn("mknod", [source, "c", "0", "0"]);
  };
  make();
  try {
    for (const path of paths) {
      try {
        linkSync(source, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EMLINK") throw error;
        make();
        linkSync(source, path);
      }
    }
  } finally {
    rmSync(source, { force: true });
  }
}

function mustSpawn(name: string, args: string[]): void {
  const program = findTool(name);
  if (!program) throw new RuntimeError("Unsupported", `to unpack this image install ${name} (Debian's coreutils)`);
  const { status, stderr } = spawnSync(program, args, { env: {}, encoding: "utf8" });
  if (status !== 0) throw new RuntimeError("Failed", `${name} ${args.join(" ")}: ${stderr.trim()}`);
}
