import type { Artifact } from "@capstan/api/kinds/workflow";
import { openStore, type StoreResources } from "@capstan/core/artifacts";

/**
 * Says whether an artifact is still in the artifact directory. Other stores would have to be asked with the Secrets of
 * whoever uses them, from the platform's own network: of those it says no.
 * @param root below it one directory for each namespace
 */
export function createArtifactLookup(root: string): (namespace: string, artifact: Artifact) => Promise<boolean> {
  const never = new AbortController().signal;
  return async (namespace, { file }) => {
    if (!file?.key) return false;
    const resources: StoreResources = {
      directory: { root, namespace },
      secret: async () => undefined,
      env: {},
      readText: (path) => Promise.reject(new Error(`${path}: the artifact directory needs no files`)),
    };
    using open = await openStore({ file }, resources, never);
    return (await open.store.stat(open.key)) !== undefined;
  };
}
