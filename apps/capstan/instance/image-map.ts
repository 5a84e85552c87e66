import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, isAbsolute, resolve } from "node:path";
import { messageOf, nearest } from "@capstan/base/errors";
import type { ImageMapping } from "@capstan/core/runtime";

const known = ["rootfs", "entrypoint", "cmd", "env"];

/** Reads --image-map. Errors name the file, the pattern and the field. */
export function readImageMap(file: string): ImageMapping[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`--image-map ${file}: ${messageOf(error)}`);
  }
  if (!isRecord(parsed)) throw new Error(`--image-map ${file}: must be an object of image pattern → mapping`);
  return Object.entries(parsed).map(([pattern, value]) => {
    try {
      return readMapping(pattern, value, dirname(resolve(file)));
    } catch (error) {
      throw new Error(`--image-map ${file}: "${pattern}": ${messageOf(error)}`);
    }
  });
}

function readMapping(pattern: string, value: unknown, base: string): ImageMapping {
  if (!isRecord(value)) throw new Error('must be an object such as {"rootfs": "host"}');
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue;
    const near = nearest(key, known);
    throw new Error(`${key}: unknown field${near ? `, did you mean ${near}?` : ""}`);
  }
  const { rootfs, entrypoint, cmd, env } = value;
  return {
    pattern,
    rootfs: readRoot(rootfs, base),
    ...(entrypoint === undefined ? {} : { entrypoint: words("entrypoint", entrypoint) }),
    ...(cmd === undefined ? {} : { cmd: words("cmd", cmd) }),
    ...(env === undefined ? {} : { env: variables(env) }),
  };
}

function readRoot(rootfs: unknown, base: string): string {
  if (rootfs === "host") return rootfs;
  if (typeof rootfs !== "string") throw new Error('rootfs: must be "host" or a directory');
  const path = isAbsolute(rootfs) ? rootfs : resolve(base, rootfs);
  if (!existsSync(path) || !statSync(path).isDirectory()) throw new Error(`rootfs: ${path} is not a directory`);
  return path;
}

function words(field: string, value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (Array.isArray(value) && value.every((word) => typeof word === "string")) return value;
  throw new Error(`${field}: must be a list of strings`);
}

function variables(value: unknown): Record<string, string> {
  if (Array.isArray(value)) {
    return Object.fromEntries(
      words("env", value).map((pair) => [pair.split("=")[0], pair.slice(pair.indexOf("=") + 1)]),
    );
  }
  if (isRecord(value) && Object.values(value).every((text) => typeof text === "string")) {
    return value as Record<string, string>;
  }
  throw new Error("env: must be an object of strings");
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
