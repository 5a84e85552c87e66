// From a location to its store.
import { type ArtifactLocation, locationKey, type StoreName, storeOf } from "@capstan/api/kinds/workflow";
import { createFileStore } from "./file-store.ts";
import { createRawStore } from "./raw.ts";
import type { StoreResources } from "./resources.ts";
import { type ArtifactStore, StoreError } from "./store.ts";

export interface OpenStore extends Disposable {
  name: StoreName;
  store: ArtifactStore;
  /** Where in it the location points. */
  key: string;
}

/**
 * Opens the store of a location. Drivers are loaded when they are first needed.
 * @throws StoreError naming a store without a driver, a field that is missing, or credentials that are.
 */
export async function openStore(
  location: ArtifactLocation,
  resources: StoreResources,
  signal: AbortSignal,
): Promise<OpenStore> {
  const name = storeOf(location);
  if (!name) throw new StoreError("no store that is supported says where the artifact is");
  const store = await drivers[name](location, resources, signal);
  return { name, store, key: locationKey(location), [Symbol.dispose]: () => store.close?.() };
}

type Driver = (
  location: ArtifactLocation,
  resources: StoreResources,
  signal: AbortSignal,
) => ArtifactStore | Promise<ArtifactStore>;
type Given<K extends StoreName> = NonNullable<ArtifactLocation[K]>;
const given = <K extends StoreName>(location: ArtifactLocation, name: K) => location[name] as Given<K>;

const drivers: Record<StoreName, Driver> = {
  file: (_, { directory }) => {
    if (!directory) throw new StoreError("file: there is no artifact directory here; name another repository");
    return createFileStore(directory.root, directory.namespace);
  },
  raw: (location) => createRawStore(given(location, "raw").data),
  async s3(location, resources, signal) {
    const { openS3 } = await import("./s3/index.ts");
    return openS3(given(location, "s3"), resources, signal);
  },
  async gcs(location, resources, signal) {
    const { openGcs } = await import("./s3/index.ts");
    return openGcs(given(location, "gcs"), resources, signal);
  },
  async oss(location, resources, signal) {
    const { openOss } = await import("./s3/index.ts");
    return openOss(given(location, "oss"), resources, signal);
  },
  async http(location, resources, signal) {
    const { openHttp } = await import("./web/index.ts");
    return openHttp(given(location, "http"), resources, signal);
  },
  async artifactory(location, resources, signal) {
    const { openArtifactory } = await import("./web/index.ts");
    return openArtifactory(given(location, "artifactory"), resources, signal);
  },
  async hdfs(location, resources, signal) {
    const { openHdfs } = await import("./hdfs/index.ts");
    return openHdfs(given(location, "hdfs"), resources, signal);
  },
  async git(location, resources, signal) {
    const { openGit } = await import("./git/index.ts");
    return openGit(given(location, "git"), resources, signal);
  },
};
