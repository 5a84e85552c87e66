import { RuntimeError } from "../cri.ts";
import { digestOf } from "./digest.ts";
import {
  type Configuration,
  checkPlatform,
  choosePlatform,
  type Descriptor,
  type Manifest,
  parseConfiguration,
  parseManifest,
} from "./manifest.ts";
import type { UnpackJob } from "./unpack.ts";

/** Where an image comes from: a registry or a directory. All texts are what their digests say. */
export interface ImageSource {
  /** What errors call it. */
  where: string;
  /** The manifest or index that the image's name stands for. */
  top(signal?: AbortSignal): Promise<{ text: string; digest: string }>;
  /** Of the manifest that the name stands for, where it can be had for less than the manifest. */
  digest?(signal?: AbortSignal): Promise<string | undefined>;
  manifest(descriptor: Descriptor, signal?: AbortSignal): Promise<string>;
  document(descriptor: Descriptor, signal?: AbortSignal): Promise<string>;
  layer(descriptor: Descriptor, received: (bytes: number) => void, signal?: AbortSignal): Promise<LayerBlob>;
}

export interface LayerBlob extends Pick<UnpackJob, "blob" | "digest"> {
  /** It is unpacked. */
  done(): void;
}

export interface ResolvedImage {
  /** Of the configuration: the image's id. */
  id: string;
  /** Of the manifest or index that the name stands for. */
  digest: string;
  /** The base first, each with what it unpacks to. */
  layers: { blob: Descriptor; diff: string }[];
  configuration: Configuration;
}

/** An index may hold indexes, so deep. */
const depthLimit = 3;

/** Finds the image for this machine. @throws RuntimeError */
export async function resolveImage(source: ImageSource, signal?: AbortSignal): Promise<ResolvedImage> {
  const { where } = source;
  const top = await source.top(signal);
  let parsed = parseManifest(top.text, where);
  for (let depth = 0; parsed.kind === "index"; depth++) {
    if (depth >= depthLimit)
      throw new RuntimeError(
        "InvalidImage",
        `${where}: more indexes in each other than the limit depth = ${depthLimit}`,
      );
    const chosen = choosePlatform(parsed.manifests, where);
    parsed = parseManifest(await source.manifest(chosen, signal), where);
  }
  const manifest: Manifest = parsed;
  const text = await source.document(manifest.config, signal);
  const configuration = parseConfiguration(text, where);
  checkPlatform(configuration, where);
  const { diffs } = configuration;
  if (manifest.layers.length !== diffs.length)
    throw new RuntimeError("InvalidImage", `${where}: ${manifest.layers.length} layers but ${diffs.length} diff_ids`);
  const layers = manifest.layers.map((blob, at) => ({ blob, diff: diffs[at] as string }));
  return { id: digestOf(text), digest: top.digest, layers, configuration };
}
