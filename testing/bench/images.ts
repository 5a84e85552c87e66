// Unpacking an image's layer: Capstan, tar and containerd, one after the other in each round.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silent } from "@capstan/base/log";
import { containerdMissing, startContainerd } from "@capstan/testing/containerd";
import { digestOf, machine, writeLayout } from "@capstan/testing/registry";
import { Images } from "../../core/runtime/images/service.ts";
import type { Figure } from "./report.ts";

const rounds = 3;
/** Of this machine: programs, and many small files. */
const content = ["usr/bin", "usr/lib/python3", "usr/lib/python3.11", "usr/share/perl", "usr/share/zoneinfo"];

interface Layer {
  archive: string;
  /** Directory of an OCI layout. */
  layout: string;
  manifest: string;
  megabytes: number;
}

/** Megabytes are a million bytes of the archive without its packing. */
export async function measureImages(): Promise<Figure[]> {
  const root = mkdtempSync(join(tmpdir(), "bench-images-"));
  try {
    const layer = await makeLayer(root);
    const samples: Record<"ours" | "tar" | "containerd", number[]> = { ours: [], tar: [], containerd: [] };
    const missing = containerdMissing();
    if (missing) console.log(`images: without containerd: ${missing}`);
    for (let round = 0; round < rounds; round++) {
      // What the one before has written must not be on the next one's account.
      execFileSync("sync");
      samples.ours.push(layer.megabytes / (await unpackOurs(root, layer)));
      execFileSync("sync");
      samples.tar.push(layer.megabytes / unpackTar(root, layer));
      execFileSync("sync");
      if (!missing) samples.containerd.push(layer.megabytes / (await unpackContainerd(root, layer)));
    }
    const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
    const figure = (name: string, value: number): Figure => ({
      name: `unpack of a layer of ${Math.round(layer.megabytes)} MB (gzip)`,
      unit: "MB/s",
      samples: samples.ours,
      peer: { name, value, wanted: { least: 1 } },
    });
    const peers = [figure("tar", median(samples.tar))];
    return missing ? peers : [...peers, figure("containerd", median(samples.containerd))];
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

async function makeLayer(root: string): Promise<Layer> {
  const plain = join(root, "layer.tar");
  const there = content.filter((path) => existsSync(`/${path}`));
  execFileSync("tar", ["-C", "/", "-cf", plain, ...there], { stdio: "ignore" });
  const megabytes = statSync(plain).size / 1e6;
  const diff = await digestOfFile(plain);
  const archive = `${plain}.gz`;
  execFileSync("gzip", ["-6", plain]);
  const layout = join(root, "layout");
  const config = Buffer.from(
    JSON.stringify({ os: "linux", architecture: machine, config: {}, rootfs: { type: "layers", diff_ids: [diff] } }),
  );
  const digest = await digestOfFile(archive);
  const blob = (mediaType: string, name: string, size: number) => ({ mediaType, digest: name, size });
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: blob("application/vnd.oci.image.config.v1+json", digestOf(config), config.length),
      layers: [blob("application/vnd.oci.image.layer.v1.tar+gzip", digest, statSync(archive).size)],
    }),
  );
  const name = { "io.containerd.image.name": "localhost/bench:1", "org.opencontainers.image.ref.name": "1" };
  const top = { ...blob("application/vnd.oci.image.manifest.v1+json", digestOf(manifest), manifest.length) };
  const blobs = new Map([config, manifest].map((bytes) => [digestOf(bytes), bytes]));
  writeLayout(layout, { blobs, top: { ...top, annotations: name } });
  renameSync(archive, join(layout, "blobs/sha256", digest.slice(7)));
  return { archive: join(layout, "blobs/sha256", digest.slice(7)), layout, manifest: digestOf(manifest), megabytes };
}

async function digestOfFile(path: string): Promise<string> {
  const sum = createHash("sha256");
  for await (const chunk of createReadStream(path)) sum.update(chunk);
  return `sha256:${sum.digest("hex")}`;
}

async function unpackOurs(root: string, { layout }: Layer): Promise<number> {
  const directory = join(root, "ours");
  const options = { directory, builtin: [], inProcess: [], inUse: () => [], log: silent };
  const images = new Images({ ...options, mappings: [{ pattern: "bench:*", rootfs: layout }] });
  await images.open();
  const began = performance.now();
  await images.pullImage("bench:1");
  const seconds = (performance.now() - began) / 1000;
  await images.close();
  rmSync(directory, { recursive: true });
  return seconds;
}

function unpackTar(root: string, { archive }: Layer): number {
  const directory = join(root, "tar");
  mkdirSync(directory);
  const began = performance.now();
  execFileSync("tar", ["-C", directory, "-xzf", archive, "-p", "--numeric-owner"], { stdio: "ignore" });
  const seconds = (performance.now() - began) / 1000;
  rmSync(directory, { recursive: true });
  return seconds;
}

async function unpackContainerd(root: string, { layout, manifest }: Layer): Promise<number> {
  await using containerd = await startContainerd();
  const image = join(root, "image.tar");
  execFileSync("tar", ["-C", layout, "-cf", image, "."]);
  containerd.ctr("images", "import", "--no-unpack", image);
  rmSync(image);
  const began = performance.now();
  containerd.ctr("snapshots", "unpack", manifest);
  return (performance.now() - began) / 1000;
}
