// Images that tests make: their blobs, in memory.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type ArchiveEntry, tar } from "./archive.ts";

export interface TestImage {
  /** Everything by its digest: layers, configuration, manifests. */
  blobs: Map<string, Buffer>;
  /** Of the manifest or index. */
  top: TestDescriptor;
}

export interface TestDescriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string };
  annotations?: Record<string, string>;
}

export interface TestImageOptions {
  layers: (ArchiveEntry[] | Buffer)[];
  /** The configuration's `config`. */
  config?: Record<string, unknown>;
  packing?: "gzip" | "zstd" | "none";
  /** Docker's media types in place of OCI's. */
  docker?: boolean;
  architecture?: string;
  /** What the configuration says of the layers' content, where that is to be a lie. */
  diffs?: string[];
}

export const digestOf = (bytes: Buffer | string) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

export const machine = { x64: "amd64" }[process.arch as string] ?? process.arch;

export function makeImage(options: TestImageOptions): TestImage {
  const { packing = "gzip", docker = false, architecture = machine } = options;
  const blobs = new Map<string, Buffer>();
  const put = (bytes: Buffer, mediaType: string): TestDescriptor => {
    blobs.set(digestOf(bytes), bytes);
    return { mediaType, digest: digestOf(bytes), size: bytes.length };
  };
  const archives = options.layers.map((layer) => (Buffer.isBuffer(layer) ? layer : tar(layer)));
  const pack = { gzip: gzipSync, zstd: zstdCompressSync, none: (bytes: Buffer) => bytes }[packing];
  const suffix = packing === "none" ? "" : `+${packing}`;
  const layerType = docker
    ? "application/vnd.docker.image.rootfs.diff.tar.gzip"
    : `application/vnd.oci.image.layer.v1.tar${suffix}`;
  const layers = archives.map((bytes) => put(pack(bytes), layerType));
  const content = {
    architecture,
    os: "linux",
    config: options.config ?? {},
    rootfs: { type: "layers", diff_ids: options.diffs ?? archives.map(digestOf) },
  };
  const kind = docker ? "vnd.docker.container.image.v1+json" : "vnd.oci.image.config.v1+json";
  const config = put(Buffer.from(JSON.stringify(content)), `application/${kind}`);
  const mediaType = docker
    ? "application/vnd.docker.distribution.manifest.v2+json"
    : "application/vnd.oci.image.manifest.v1+json";
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config, layers });
  return { blobs, top: { ...put(Buffer.from(manifest), mediaType), platform: { os: "linux", architecture } } };
}

/** One name for the images of several platforms. */
export function makeIndex(images: TestImage[], docker = false): TestImage {
  const mediaType = docker
    ? "application/vnd.docker.distribution.manifest.list.v2+json"
    : "application/vnd.oci.image.index.v1+json";
  const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: images.map(({ top }) => top) }));
  const blobs = new Map(images.flatMap((image) => [...image.blobs]));
  blobs.set(digestOf(index), index);
  return { blobs, top: { mediaType, digest: digestOf(index), size: index.length } };
}

/** Writes an OCI image layout. */
export function writeLayout(directory: string, image: TestImage): void {
  mkdirSync(join(directory, "blobs/sha256"), { recursive: true });
  for (const [digest, bytes] of image.blobs) writeFileSync(join(directory, "blobs/sha256", digest.slice(7)), bytes);
  writeFileSync(join(directory, "index.json"), JSON.stringify({ schemaVersion: 2, manifests: [image.top] }));
  writeFileSync(join(directory, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
}

/** A layer with programs of this machine and the libraries that they need. */
export function programLayer(programs: string[]): ArchiveEntry[] {
  const files = new Map<string, string>();
  for (const name of programs) {
    const path = realpathSync(execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim());
    files.set(`bin/${name}`, path);
    for (const [, library = ""] of execFileSync("ldd", [path], { encoding: "utf8" }).matchAll(/(\/\S+) \(0x/g)) {
      files.set(library.slice(1), library);
    }
  }
  const parents = [...files.keys()].flatMap((path) => path.split("/").map((_, at, all) => all.slice(0, at).join("/")));
  return [
    ...[...new Set(["tmp", ...parents])]
      .filter(Boolean)
      .toSorted()
      .map((path) => ({ path, type: "5" })),
    ...[...files].map(([path, source]) => ({ path, content: readFileSync(source), mode: 0o755 })),
  ];
}
