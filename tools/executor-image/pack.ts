// A root as an OCI image of one layer. Source: OCI image-spec 1.1, image-layout.md and config.md.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, mkdirSync, renameSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { formatImageName, parseImageName } from "../../api/meta/index.ts";

export interface PackOptions {
  root: string;
  /** A directory for what is in between. */
  work: string;
  output: string;
  name: string;
}

const architectures: Record<string, string> = { x64: "amd64", arm64: "arm64" };

/** Writes the image to one tar file. The same root gives the same image. */
export async function packImage({ root, work, output, name }: PackOptions): Promise<{ digest: string; bytes: number }> {
  const layout = join(work, "layout");
  const blobs = join(layout, "blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const plain = join(work, "layer.tar");
  tar(root, plain);
  const packed = `${plain}.gz`;
  await pipeline(createReadStream(plain), createGzip({ level: 6 }), createWriteStream(packed));
  const layer = {
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    digest: await digestOf(packed),
    size: statSync(packed).size,
  };
  renameSync(packed, join(blobs, layer.digest.slice(7)));
  const put = (mediaType: string, document: unknown) => {
    const text = JSON.stringify(document);
    const hash = createHash("sha256").update(text).digest("hex");
    writeFileSync(join(blobs, hash), text);
    return { mediaType, digest: `sha256:${hash}`, size: Buffer.byteLength(text) };
  };
  const config = put("application/vnd.oci.image.config.v1+json", {
    architecture: architectures[process.arch] ?? process.arch,
    os: "linux",
    config: { Entrypoint: ["argoexec"], Env: ["PATH=/bin"], WorkingDir: "/" },
    rootfs: { type: "layers", diff_ids: [await digestOf(plain)] },
  });
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const manifest = put(mediaType, { schemaVersion: 2, mediaType, config, layers: [layer] });
  const full = formatImageName(parseImageName(name));
  const annotations = {
    "io.containerd.image.name": full,
    "org.opencontainers.image.ref.name": parseImageName(name).tag ?? "latest",
  };
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{ ...manifest, annotations }],
  };
  writeFileSync(join(layout, "index.json"), JSON.stringify(index));
  writeFileSync(join(layout, "oci-layout"), JSON.stringify({ imageLayoutVersion: "1.0.0" }));
  tar(layout, output);
  return { digest: manifest.digest, bytes: statSync(output).size };
}

function tar(directory: string, output: string): void {
  const same = [
    "--sort=name",
    "--mtime=@0",
    "--owner=0",
    "--group=0",
    "--numeric-owner",
    "--format=posix",
    "--pax-option=delete=atime,delete=ctime",
  ];
  const { status, stderr, error } = spawnSync("tar", [...same, "-C", directory, "-cf", output, "."], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`tar failed: ${error?.message ?? stderr}`);
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest("hex")}`;
}
