// Which artifact repository a workflow uses. Source: argo-workflows docs/artifact-repository-ref.md.
import type { ConfigMap } from "@capstan/api/generated/core-v1";
import type { ArtifactRepository, Workflow } from "@capstan/api/kinds/workflow";
import { type ResolvedRepository, readYaml } from "./engine/index.ts";
import { ExpressionError } from "./expressions/index.ts";

const defaultMap = "artifact-repositories";
const defaultKeyAnnotation = "workflows.argoproj.io/default-artifact-repository";

/**
 * The repository that the workflow names, else its namespace's default, else the built-in one.
 * @throws ExpressionError for a name that leads nowhere.
 */
export function findRepository(
  workflow: Workflow,
  find: (name: string) => ConfigMap | undefined,
  builtin: ArtifactRepository,
): ResolvedRepository {
  const spec = workflow.status?.storedWorkflowTemplateSpec ?? workflow.spec;
  const ref = workflow.spec.artifactRepositoryRef ?? spec.artifactRepositoryRef;
  const name = ref?.configMap ?? defaultMap;
  const map = find(name);
  if (!map) {
    if (!ref) return { repository: builtin };
    throw new ExpressionError(`spec.artifactRepositoryRef: ConfigMap ${name} not found`);
  }
  const key = ref?.key ?? map.metadata.annotations?.[defaultKeyAnnotation];
  if (!key) return { repository: builtin };
  const text = map.data?.[key];
  if (text === undefined) throw new ExpressionError(`spec.artifactRepositoryRef: ConfigMap ${name} has no key ${key}`);
  const repository = readYaml(text, `ConfigMap ${name}, key ${key}`);
  if (typeof repository !== "object" || repository === null) {
    throw new ExpressionError(`ConfigMap ${name}, key ${key}: not an artifact repository`);
  }
  const { namespace = "" } = workflow.metadata;
  return { ref: { namespace, configMap: name, key }, repository: repository as ArtifactRepository };
}
