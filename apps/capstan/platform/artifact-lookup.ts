import { createHash } from "node:crypto";
import { lstat } from "node:fs/promises";
import { join } from "node:path";
import type { Artifact } from "@capstan/api/kinds/workflow";
import { openStore, type StoreResources } from "@capstan/core/artifacts";
import type { ArtifactLookup } from "@capstan/operators/workflow";

/** Files whose digests are remembered. */
const kept = 1000;

/**
 * Tells of artifacts in the artifact directory. Other stores would have to be asked with the Secrets of whoever uses
 * them, from the platform's own network: of those nothing is known.
 * @param root below it one directory for each namespace
 */
export function createArtifactLookup(root: string): ArtifactLookup {
  const never = new AbortController().signal;
  /** By path, as long as the file is as it was. */
  const digests = new Map<string, { state: string; digest: string }>();
  const open = (namespace: string, { file }: Artifact) => {
    const resources: StoreResources = {
      directory: { root, namespace },
      secret: async () => undefined,
      env: {},
      readText: (path) => Promise.reject(new Error(`${path}: the artifact directory needs no files`)),
    };
    return openStore(file ? { file } : {}, resources, never);
  };
  return {
    async exists(namespace, artifact) {
      if (!artifact.file?.key) return false;
      using opened = await open(namespace, artifact);
      return (await opened.store.stat(opened.key)) !== undefined;
    },
    async digest(namespace, artifact) {
      if (!artifact.file?.key) return undefined;
      using opened = await open(namespace, artifact);
      if ((await opened.store.stat(opened.key))?.kind !== "file") return undefined;
      const path = join(root, namespace, opened.key);
      const { ino, size, mtimeMs, ctimeMs } = await lstat(path);
      const state = [ino, size, mtimeMs, ctimeMs].join();
      const known = digests.get(path);
      if (known?.state === state) return known.digest;
      const hash = createHash("sha256");
      for await (const chunk of opened.store.stream(opened.key)) hash.update(chunk);
      const digest = `sha256:${hash.digest("hex")}`;
      const oldest = digests.keys().next().value;
      if (digests.size >= kept && oldest !== undefined) digests.delete(oldest);
      digests.set(path, { state, digest });
      return digest;
    },
  };
}
