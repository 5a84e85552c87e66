// Where artifacts lie: key-only ones in the workflow's repository.
import type { Artifact, ArtifactLocation, ArtifactRepository, Template } from "@capstan/api/kinds/workflow";
import { ExpressionError } from "../../expressions/index.ts";
import { hasLocation } from "../inputs.ts";
import type { Scope } from "../scope.ts";
import { substituteText } from "../substitute.ts";

const defaultKey = "{{workflow.name}}/{{pod.name}}";
const keyed = ["s3", "gcs", "oss"] as const;

/** The location under which a pod's outputs and logs are kept; none where the pod needs none and the store is not supported. */
function archiveLocation(
  repository: ArtifactRepository,
  own: ArtifactLocation | undefined,
  scope: Scope,
  needed: boolean,
): ArtifactLocation | undefined {
  const archiveLogs = own?.archiveLogs ?? repository.archiveLogs;
  const logs = archiveLogs === undefined ? {} : { archiveLogs };
  if (ownKey(own) !== undefined) return { ...relocate({ name: "archiveLocation", ...own }, repository), ...logs };
  if (repository.file) {
    return { ...logs, file: { key: substituteText(repository.file.keyFormat || defaultKey, scope) } };
  }
  if (needed || archiveLogs)
    throw new ExpressionError(`artifact repository: ${unsupported(repository)}; supported: file`);
  return undefined;
}

function ownKey(location: ArtifactLocation | undefined): string | undefined {
  return location?.file?.key ?? location?.s3?.key ?? location?.gcs?.key ?? location?.oss?.key;
}

function unsupported(repository: ArtifactRepository): string {
  const stores = Object.keys(repository).filter((name) => name !== "archiveLogs");
  return stores.length === 0 ? "names no store" : `${stores.join(", ")} is not supported`;
}

/** An artifact that has only a key lies in the repository, whichever store's word it uses for the key. */
export function relocate<T extends Artifact>(artifact: T, repository: ArtifactRepository): T {
  for (const store of keyed) {
    const location = artifact[store] as { key?: string; bucket?: string; endpoint?: string } | undefined;
    if (!location?.key || location.bucket || location.endpoint) continue;
    if (!repository.file) throw new ExpressionError(`artifact ${artifact.name}: ${unsupported(repository)}`);
    const { [store]: _, ...rest } = artifact;
    return { ...(rest as T), file: { key: location.key } };
  }
  for (const store of ["s3", "git", "gcs", "azure", "oss", "hdfs", "artifactory"] as const) {
    if (artifact[store]) throw new ExpressionError(`artifact ${artifact.name}: the store ${store} is not supported`);
  }
  return artifact;
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
  const needed = (template.outputs?.artifacts ?? []).some((artifact) => !hasLocation(artifact));
  const location = archiveLocation(repository, own, scope, needed);
  const inputs = template.inputs?.artifacts?.map((artifact) => relocate(artifact, repository));
  const outputs = template.outputs?.artifacts?.map((artifact) => relocate(artifact, repository));
  const { archiveLocation: _, ...rest } = template;
  return {
    ...rest,
    ...(location ? { archiveLocation: location } : {}),
    inputs: inputs ? { artifacts: inputs } : {},
    outputs: { ...template.outputs, ...(outputs ? { artifacts: outputs } : {}) },
  };
}
