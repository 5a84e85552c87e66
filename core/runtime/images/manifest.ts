// The documents that describe an image: indexes, manifests, configurations. Source: OCI image-spec 1.1; Docker's image
// manifest version 2, schema 2.
import { RuntimeError } from "../cri.ts";
import { hexOf } from "./digest.ts";
import type { ImageSettings } from "./image.ts";

export interface Platform {
  os: string;
  architecture: string;
  variant?: string;
}

export interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
  platform?: Platform;
  annotations: Record<string, string>;
}

export interface Manifest {
  config: Descriptor;
  layers: Descriptor[];
}

export interface Configuration {
  platform: Platform;
  /** Of the layers, the base first. */
  diffs: string[];
  settings: ImageSettings;
}

/** Bytes of a document: it is held in memory. */
export const documentLimit = 4 * 1024 * 1024;
// The kernel takes a page of an overlay's options: so many layers fit, with what lies between them.
const layersLimit = 160;

export const indexTypes = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
];
export const manifestTypes = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];
const layerTypes =
  /^application\/vnd\.(oci\.image\.layer(\.nondistributable)?\.v1\.tar(\+gzip|\+zstd)?|docker\.image\.rootfs\.diff\.tar(\.gzip|\.zstd)?)$/;

export const machinePlatform: Platform = {
  os: "linux",
  architecture: { x64: "amd64", ia32: "386" }[process.arch as string] ?? process.arch,
};

/** An index's manifests, or a manifest. @throws RuntimeError InvalidImage naming what is wrong. */
export function parseManifest(
  text: string,
  where: string,
): { kind: "index"; manifests: Descriptor[] } | ({ kind: "manifest" } & Manifest) {
  const document = record(parse(text, where), where);
  const type = typeof document.mediaType === "string" ? document.mediaType : "";
  if (document.schemaVersion === 1) {
    throw new RuntimeError("InvalidImage", `${where}: manifests of schema version 1 are not supported: push it again`);
  }
  if (indexTypes.includes(type) || (type === "" && document.manifests !== undefined)) {
    const manifests = list(document.manifests, `${where}: manifests`).map((one, at) =>
      descriptor(one, `${where}: manifests[${at}]`),
    );
    return { kind: "index", manifests };
  }
  if (type !== "" && !manifestTypes.includes(type))
    throw new RuntimeError("InvalidImage", `${where}: mediaType "${type.slice(0, 100)}" is not an image's`);
  const layers = list(document.layers, `${where}: layers`).map((one, at) => {
    const layer = descriptor(one, `${where}: layers[${at}]`);
    if (layerTypes.test(layer.mediaType)) return layer;
    const shown = layer.mediaType.slice(0, 100);
    throw new RuntimeError("InvalidImage", `${where}: layers[${at}].mediaType "${shown}" is not supported`);
  });
  if (layers.length > layersLimit)
    throw new RuntimeError("InvalidImage", `${where}: more layers than the limit layers = ${layersLimit}`);
  return { kind: "manifest", config: descriptor(document.config, `${where}: config`), layers };
}

/** The manifest for this machine. @throws RuntimeError InvalidImage naming the platforms that there are. */
export function choosePlatform(manifests: Descriptor[], where: string, platform = machinePlatform): Descriptor {
  const images = manifests.filter((one) => one.annotations["vnd.docker.reference.type"] !== "attestation-manifest");
  const fits = ({ platform: given }: Descriptor) =>
    given?.os === platform.os && given.architecture === platform.architecture;
  // Of several variants the first, which builders put in order of preference.
  const found = images.find(fits) ?? images.find((one) => one.platform === undefined);
  if (found) return found;
  const there = images.flatMap((one) => (one.platform ? [formatPlatform(one.platform)] : []));
  throw wrongPlatform(where, there.slice(0, 20).join(", ") || "no platform", platform);
}

/** @throws RuntimeError InvalidImage when the image is another machine's. */
export function checkPlatform({ platform: is }: Configuration, where: string, platform = machinePlatform): void {
  if (is.os !== platform.os || is.architecture !== platform.architecture)
    throw wrongPlatform(where, formatPlatform(is), platform);
}

function wrongPlatform(where: string, there: string, platform: Platform): RuntimeError {
  return new RuntimeError(
    "InvalidImage",
    `${where}: no match for platform in manifest: it is for ${there}, and this machine is ${formatPlatform(platform)}: not found`,
  );
}

const formatPlatform = ({ os, architecture, variant }: Platform) =>
  `${os}/${architecture}${variant ? `/${variant}` : ""}`;

export function parseConfiguration(text: string, where: string): Configuration {
  const document = record(parse(text, where), where);
  const rootfs = record(document.rootfs, `${where}: rootfs`);
  const diffs = list(rootfs.diff_ids, `${where}: rootfs.diff_ids`).map((one, at) => {
    const diff = string(one, `${where}: rootfs.diff_ids[${at}]`);
    hexOf(diff);
    return diff;
  });
  const config = record(document.config ?? {}, `${where}: config`);
  const strings = (key: string) =>
    list(config[key] ?? [], `${where}: config.${key}`).map((one, at) => string(one, `${where}: config.${key}[${at}]`));
  const text_ = (key: string) => string(config[key] ?? "", `${where}: config.${key}`);
  return {
    platform: platformOf(document, where),
    diffs,
    settings: {
      entrypoint: strings("Entrypoint"),
      cmd: strings("Cmd"),
      env: Object.fromEntries(strings("Env").map(variable)),
      workingDir: text_("WorkingDir"),
      user: text_("User"),
      volumes: Object.keys(record(config.Volumes ?? {}, `${where}: config.Volumes`)),
      stopSignal: text_("StopSignal"),
    },
  };
}

function variable(pair: string): [string, string] {
  const equal = pair.indexOf("=");
  return equal < 0 ? [pair, ""] : [pair.slice(0, equal), pair.slice(equal + 1)];
}

function descriptor(value: unknown, where: string): Descriptor {
  const { mediaType, digest, size, platform, annotations } = record(value, where);
  if (typeof size !== "number" || !Number.isSafeInteger(size) || size < 0)
    throw new RuntimeError("InvalidImage", `${where}.size is no size`);
  hexOf(string(digest, `${where}.digest`));
  return {
    mediaType: string(mediaType ?? "", `${where}.mediaType`),
    digest: digest as string,
    size,
    ...(platform === undefined || platform === null
      ? {}
      : { platform: platformOf(record(platform, `${where}.platform`), `${where}.platform`) }),
    annotations: record(annotations ?? {}, `${where}.annotations`) as Record<string, string>,
  };
}

/** What says nothing is taken for this machine's, as images of one platform often do. */
function platformOf(value: Record<string, unknown>, where: string): Platform {
  const os = string(value.os ?? "", `${where}.os`) || machinePlatform.os;
  const architecture = string(value.architecture ?? "", `${where}.architecture`) || machinePlatform.architecture;
  const variant = string(value.variant ?? "", `${where}.variant`);
  return variant === "" ? { os, architecture } : { os, architecture, variant };
}

function parse(text: string, where: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new RuntimeError("InvalidImage", `${where} is not JSON`);
  }
}

function record(value: unknown, where: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new RuntimeError("InvalidImage", `${where} is not an object`);
}

function list(value: unknown, where: string): unknown[] {
  if (Array.isArray(value)) return value;
  throw new RuntimeError("InvalidImage", `${where} is not a list`);
}

function string(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  throw new RuntimeError("InvalidImage", `${where} is not a string`);
}
