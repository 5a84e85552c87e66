// Images of an OCI image layout (image-spec, image-layout.md): a directory of blobs named by their digests.
import { createHash } from "node:crypto";
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { type Readable, Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { RuntimeError } from "../cri.ts";
import type { Image } from "./image.ts";
import { unpackLayer } from "./layer.ts";

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: { os: string; architecture: string };
  annotations?: Record<string, string>;
}
interface Index {
  manifests: Descriptor[];
}
interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}
interface Config {
  architecture?: string;
  os?: string;
  config?: { Env?: string[]; Entrypoint?: string[]; Cmd?: string[]; WorkingDir?: string; User?: string };
  rootfs: { type: string; diff_ids: string[] };
}

const documentLimit = 4 * 1024 * 1024;
const platform = {
  os: "linux",
  architecture: { x64: "amd64", arm64: "arm64" }[process.arch as string] ?? process.arch,
};

/** Unpacks the layers that are not there yet; each is shared by all images with the same layers below it. */
export async function unpackLayout(layout: string, name: string, layers: string, signal?: AbortSignal): Promise<Image> {
  const index = JSON.parse(bounded(join(layout, "index.json"))) as Index;
  const top = choose(index.manifests, layout, name);
  const manifest = blob<Manifest>(layout, top);
  const config = blob<Config>(layout, manifest.config);
  const { diff_ids: diffs } = config.rootfs;
  if (manifest.layers.length !== diffs.length) {
    throw new RuntimeError("InvalidImage", `${layout}: ${manifest.layers.length} layers but ${diffs.length} diff_ids`);
  }
  mkdirSync(layers, { recursive: true, mode: 0o700 });
  const stack: string[] = [];
  let chain = "";
  for (const [at, layer] of manifest.layers.entries()) {
    const diff = diffs[at] as string;
    chain = chain === "" ? diff : `sha256:${hash(`${chain} ${diff}`)}`;
    const directory = join(layers, hexOf(chain));
    if (!existsSync(directory)) await unpack(layout, layer, diff, directory, [...stack], signal);
    stack.unshift(directory);
  }
  const { Env = [], Entrypoint = [], Cmd = [], WorkingDir = "", User = "" } = config.config ?? {};
  return {
    id: manifest.config.digest,
    names: [name],
    root: { kind: "layers", layers: stack },
    entrypoint: Entrypoint ?? [],
    cmd: Cmd ?? [],
    env: Object.fromEntries(
      (Env ?? []).map((pair) => [pair.split("=")[0] as string, pair.slice(pair.indexOf("=") + 1)]),
    ),
    workingDir: WorkingDir,
    user: User,
    size: manifest.layers.reduce((sum, layer) => sum + layer.size, 0),
  };
}

/** By its reference name, else by the platform. */
function choose(manifests: Descriptor[], layout: string, name: string): Descriptor {
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  const named = manifests.filter(({ annotations }) => {
    const reference = annotations?.["org.opencontainers.image.ref.name"];
    return reference !== undefined && (reference === tag || reference === name);
  });
  const candidates = named.length > 0 ? named : manifests;
  for (const candidate of candidates) {
    if (candidate.mediaType.endsWith("image.index.v1+json") || candidate.mediaType.endsWith("manifest.list.v2+json")) {
      return choose(blob<Index>(layout, candidate).manifests, layout, name);
    }
  }
  const fit = candidates.find(
    (one) => !one.platform || (one.platform.os === platform.os && one.platform.architecture === platform.architecture),
  );
  if (fit) return fit;
  throw new RuntimeError("InvalidImage", `${layout}: no image for ${platform.os}/${platform.architecture}`);
}

async function unpack(
  layout: string,
  layer: Descriptor,
  diff: string,
  directory: string,
  below: string[],
  signal: AbortSignal | undefined,
): Promise<void> {
  const made = mkdtempSync(`${directory}.`);
  try {
    const packed = checked(blobPath(layout, layer.digest), layer.digest, signal);
    const plain = hashing(decompress(packed, layer.mediaType));
    await unpackLayer(plain.stream, made, below);
    if (`sha256:${plain.digest()}` !== diff)
      throw new RuntimeError("InvalidImage", `layer ${layer.digest}: its content is not ${diff}`);
    renameSync(made, directory);
  } catch (error) {
    rmSync(made, { recursive: true, force: true });
    // Another container unpacked the same layer meanwhile.
    if ((error as NodeJS.ErrnoException).code === "ENOTEMPTY" && existsSync(directory)) return;
    throw error;
  }
}

function decompress(packed: Readable, mediaType: string): Readable {
  if (/[+.]gzip$/.test(mediaType)) return piped(packed, createGunzip());
  if (/\+zstd$/.test(mediaType)) return piped(packed, createZstdDecompress());
  if (mediaType.endsWith(".tar")) return packed;
  throw new RuntimeError("InvalidImage", `layers of type ${mediaType} are not supported`);
}

function piped(from: Readable, to: Transform): Transform {
  from.on("error", (error) => to.destroy(error));
  return from.pipe(to);
}

/** Reads a blob and fails at its end when its digest is another. */
function checked(path: string, digest: string, signal: AbortSignal | undefined): Readable {
  const sum = createHash("sha256");
  const check = new Transform({
    transform(chunk, _, done) {
      sum.update(chunk);
      done(null, chunk);
    },
    flush(done) {
      const fine = `sha256:${sum.digest("hex")}` === digest;
      done(fine ? null : new RuntimeError("InvalidImage", `blob ${digest} has another digest`));
    },
  });
  return piped(createReadStream(path, { signal }), check);
}

function hashing(source: Readable): { stream: AsyncIterable<Uint8Array>; digest(): string } {
  const sum = createHash("sha256");
  async function* stream() {
    for await (const chunk of source) {
      sum.update(chunk);
      yield chunk as Uint8Array;
    }
  }
  return { stream: stream(), digest: () => sum.digest("hex") };
}

function blob<T>(layout: string, { digest }: Descriptor): T {
  const text = bounded(blobPath(layout, digest));
  if (`sha256:${hash(text)}` !== digest) throw new RuntimeError("InvalidImage", `blob ${digest} has another digest`);
  return JSON.parse(text) as T;
}

function blobPath(layout: string, digest: string): string {
  const path = join(layout, "blobs/sha256", hexOf(digest));
  if (!existsSync(path)) throw new RuntimeError("InvalidImage", `${layout} has no blob ${digest}`);
  return path;
}

function hexOf(digest: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/.exec(digest) ?? [];
  if (!hex) throw new RuntimeError("InvalidImage", `"${digest}" is not a sha256 digest`);
  return hex;
}

function bounded(path: string): string {
  const { size } = statSync(path);
  if (size > documentLimit) throw new RuntimeError("InvalidImage", `${path} is larger than ${documentLimit} bytes`);
  return readFileSync(path, "utf8");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
