// Images of an OCI image layout (image-spec, image-layout.md): a directory of blobs named by their digests.
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { RuntimeError } from "../cri.ts";
import { digestOf, hexOf } from "./digest.ts";
import { type Descriptor, documentLimit, parseManifest } from "./manifest.ts";
import type { ImageSource } from "./source.ts";

export function isLayout(directory: string): boolean {
  return existsSync(join(directory, "oci-layout"));
}

/** @param name of the image: where the layout has several, the one with its reference name is meant. */
export function layoutSource(layout: string, name: string): ImageSource {
  const document = async ({ digest }: Descriptor) => {
    const text = bounded(blobPath(layout, digest));
    if (digestOf(text) !== digest) throw new RuntimeError("InvalidImage", `blob ${digest} has another digest`);
    return text;
  };
  return {
    where: layout,
    async top() {
      const text = bounded(join(layout, "index.json"));
      const index = parseManifest(text, layout);
      if (index.kind !== "index") throw new RuntimeError("InvalidImage", `${layout}: index.json is no index`);
      const manifests = namedOf(index.manifests, name);
      return { text: JSON.stringify({ manifests }), digest: manifests[0]?.digest ?? digestOf(text) };
    },
    manifest: document,
    document,
    async layer({ digest, size }, received) {
      const blob = blobPath(layout, digest);
      received(size);
      return { blob, digest, done() {} };
    },
  };
}

function namedOf(manifests: Descriptor[], name: string): Descriptor[] {
  const tag = /:([^/:]+)$/.exec(name)?.[1];
  const named = manifests.filter(({ annotations }) => {
    const reference = annotations["org.opencontainers.image.ref.name"];
    return reference !== undefined && (reference === tag || reference === name);
  });
  return named.length > 0 ? named : manifests;
}

function blobPath(layout: string, digest: string): string {
  const path = join(layout, "blobs/sha256", hexOf(digest));
  if (!existsSync(path)) throw new RuntimeError("InvalidImage", `${layout} has no blob ${digest}`);
  return path;
}

function bounded(path: string): string {
  const { size } = statSync(path);
  if (size > documentLimit) throw new RuntimeError("InvalidImage", `${path} is larger than ${documentLimit} bytes`);
  return readFileSync(path, "utf8");
}
