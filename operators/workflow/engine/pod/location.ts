// Where artifacts lie: what a location leaves out comes from the workflow's repository.
import {
  type Artifact,
  type ArtifactLocation,
  type ArtifactRepository,
  isLocated,
  isPartial,
  locationKey,
  storeOf,
  type Template,
  withKey,
} from "@capstan/api/kinds/workflow";
import { ExpressionError } from "../../expressions/index.ts";
import type { Scope } from "../scope.ts";
import { substituteText } from "../substitute.ts";

/** Source: argo-workflows docs/key-only-artifacts.md and docs/configure-artifact-repository.md. */
const defaultKey = "{{workflow.name}}/{{pod.name}}";

/** The place that a repository describes, with the form of its keys in the key's place. @throws ExpressionError for a store without a driver. */
export function repositoryLocation(repository: ArtifactRepository): ArtifactLocation {
  const { archiveLogs, file, s3, gcs, oss, hdfs, artifactory } = repository;
  const logs = archiveLogs === undefined ? {} : { archiveLogs };
  if (file) return { ...logs, file: { key: file.keyFormat || defaultKey } };
  if (s3) {
    const { keyFormat, keyPrefix, ...bucket } = s3;
    const key = keyFormat || (keyPrefix ? `${keyPrefix.replace(/\/+$/, "")}/${defaultKey}` : defaultKey);
    return { ...logs, s3: { ...bucket, key } };
  }
  if (gcs) {
    const { keyFormat, ...bucket } = gcs;
    return { ...logs, gcs: { ...bucket, key: keyFormat || defaultKey } };
  }
  if (oss) {
    const { keyFormat, ...bucket } = oss;
    return { ...logs, oss: { ...bucket, key: keyFormat || defaultKey } };
  }
  if (hdfs) {
    const { pathFormat, ...config } = hdfs;
    return { ...logs, hdfs: { ...config, path: pathFormat || `/${defaultKey}` } };
  }
  if (artifactory) {
    const { keyFormat, repoURL = "", ...auth } = artifactory;
    return { ...logs, artifactory: { ...auth, url: `${repoURL.replace(/\/*$/, "/")}${keyFormat || defaultKey}` } };
  }
  const stores = Object.keys(repository).filter((name) => name !== "archiveLogs");
  const problem = stores.length === 0 ? "names no store" : `${stores.join(", ")} is not supported`;
  throw new ExpressionError(`artifact repository: ${problem}; supported: file, s3, gcs, oss, hdfs, artifactory`);
}

/** An artifact that does not say all of its store lies in the repository, whichever store's word it uses for the key. */
export function relocate<T extends Artifact>(artifact: T, repository: ArtifactRepository): T {
  const store = storeOf(artifact);
  if (!store) {
    if (artifact.azure) throw new ExpressionError(`artifact ${artifact.name}: the store azure is not supported`);
    return artifact;
  }
  if (!isPartial(artifact)) return artifact;
  const { archiveLogs: _, ...place } = repositoryLocation(repository);
  const there = storeOf(place);
  const { [store]: own, ...rest } = artifact;
  if (there !== store) return { ...(rest as T), ...withKey(place, locationKey(artifact)) };
  // The form of the repository's keys is for outputs that say none.
  const { [store]: base } = withKey(place, locationKey(artifact));
  return { ...(rest as T), [store]: { ...(base as object), ...(own as object) } };
}

/** The location under which a pod's outputs and logs are kept. */
function archiveLocation(
  repository: ArtifactRepository,
  own: ArtifactLocation,
  scope: Scope,
  needed: boolean,
): ArtifactLocation | undefined {
  const archiveLogs = own.archiveLogs ?? repository.archiveLogs;
  const logs = archiveLogs === undefined ? {} : { archiveLogs };
  const isOwn = storeOf(own) !== undefined;
  // A pod that keeps nothing needs no store.
  if (!isOwn && !needed && !archiveLogs && !repository.file) return undefined;
  const { name: _, ...place } = isOwn
    ? relocate({ ...own, name: "archiveLocation" }, repository)
    : { name: "", ...repositoryLocation(repository) };
  const key = substituteText(locationKey(place) || defaultKey, scope);
  return { ...withKey(place, key), ...logs };
}

/** The template as the executor gets it: artifacts located, parameters left out. */
export function locate(
  template: Template,
  repository: ArtifactRepository,
  scope: Scope,
  archiveLogs: boolean | undefined,
): Template {
  const logs = template.archiveLocation?.archiveLogs ?? archiveLogs;
  const own = { ...template.archiveLocation, ...(logs === undefined ? {} : { archiveLogs: logs }) };
  const needed = (template.outputs?.artifacts ?? []).some((artifact) => !isLocated(artifact));
  const location = archiveLocation(repository, own, scope, needed);
  const inputs = template.inputs?.artifacts?.map((artifact) => relocate(artifact, repository));
  const outputs = template.outputs?.artifacts?.map((artifact) => relocate(artifact, repository));
  const { archiveLocation: _, ...rest } = template;
  const source = template.data?.source.artifactPaths;
  return {
    ...rest,
    ...(source ? { data: { ...template.data, source: { artifactPaths: relocate(source, repository) } } } : {}),
    ...(location ? { archiveLocation: location } : {}),
    inputs: inputs ? { artifacts: inputs } : {},
    outputs: { ...template.outputs, ...(outputs ? { artifacts: outputs } : {}) },
  };
}

/** A place in the workflow's repository is reported by its key alone: whoever reads it finds the rest there. */
export function shorten<T extends Artifact>(artifact: T, repository: ArtifactRepository): T {
  const store = storeOf(artifact);
  if (!store || !isKeyed(store) || !repository[store]) return artifact;
  const field = store === "hdfs" ? "path" : "key";
  const key = locationKey(artifact);
  const bare = (place: ArtifactLocation) =>
    JSON.stringify(
      Object.entries(place[store] ?? {})
        .filter(([n]) => n !== field)
        .sort(),
    );
  if (bare(artifact) !== bare(repositoryLocation(repository))) return artifact;
  return { ...artifact, [store]: { [field]: key } };
}
const isKeyed = (store: string): store is "s3" | "gcs" | "oss" | "hdfs" => ["s3", "gcs", "oss", "hdfs"].includes(store);
