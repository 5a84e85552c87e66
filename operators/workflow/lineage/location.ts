// What an artifact is known by, and where it is kept, in one line.
import { createHash } from "node:crypto";
import type { Artifact } from "@capstan/api/kinds/workflow";

type Fields = Record<string, unknown>;
const text = (value: unknown) => (typeof value === "string" ? value : "");
const joined = (...parts: unknown[]) =>
  parts
    .map(text)
    .filter((part) => part !== "")
    .join("/");

const places: Record<string, (location: Fields) => string> = {
  file: ({ key }) => text(key),
  s3: ({ endpoint, bucket, key }) => joined(endpoint, bucket, key),
  gcs: ({ bucket, key }) => joined(bucket, key),
  oss: ({ endpoint, bucket, key }) => joined(endpoint, bucket, key),
  azure: ({ endpoint, container, blob }) => joined(endpoint, container, blob),
  hdfs: ({ path }) => text(path),
  http: ({ url }) => withoutLogin(text(url)),
  artifactory: ({ url }) => withoutLogin(text(url)),
  git: ({ repo, revision }) => `${withoutLogin(text(repo))}${revision ? `@${text(revision)}` : ""}`,
};

/** `store:place`; undefined for an artifact that is nowhere. */
export function locationOf(artifact: Artifact): string | undefined {
  if (artifact.raw) return "raw:";
  for (const [store, place] of Object.entries(places)) {
    const location = artifact[store as keyof Artifact] as Fields | undefined;
    if (location) return `${store}:${place(location)}`;
  }
  return undefined;
}

/** `sha256:…` of the content where that is known; `#path` after it of what lies in it there. */
export function digestOf(artifact: Artifact): string | undefined {
  if (artifact.digest) return artifact.subPath ? `${artifact.digest}#${artifact.subPath}` : artifact.digest;
  return artifact.raw && `sha256:${createHash("sha256").update(artifact.raw.data).digest("hex")}`;
}

/** Names and passwords in URLs are nobody's business. */
function withoutLogin(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, "$1");
}
