// Which artifact repository a workflow uses. Source: argo-workflows docs/artifact-repository-ref.md.
import type { ConfigMap } from "@capstan/api/generated/core-v1";
import type { ArtifactRepository, Workflow } from "@capstan/api/kinds/workflow";
import { type ResolvedRepository, readYaml } from "./engine/index.ts";
import { ExpressionError } from "./expressions/index.ts";

const defaultMap = "artifact-repositories";
const defaultKeyAnnotation = "workflows.argoproj.io/default-artifact-repository";
/** The ConfigMap of the whole cluster's settings, and its key for the repository of those who name none. */
const controllerMap = "workflow-controller-configmap";
const controllerKey = "artifactRepository";

export interface RepositorySources {
  find(name: string, namespace: string): ConfigMap | undefined;
  /** Where ConfigMaps are that every namespace may use. */
  configNamespace: string;
  builtin: ArtifactRepository;
}

/**
 * The repository that the workflow names, in its own namespace or the common one; else its namespace's default, else the
 * cluster's, else the built-in one.
 * @throws ExpressionError for a name that leads nowhere.
 */
export function findRepository(workflow: Workflow, sources: RepositorySources): ResolvedRepository {
  const { find, configNamespace, builtin } = sources;
  const { namespace = "" } = workflow.metadata;
  const spec = workflow.status?.storedWorkflowTemplateSpec ?? workflow.spec;
  const ref = workflow.spec.artifactRepositoryRef ?? spec.artifactRepositoryRef;
  const name = ref?.configMap ?? defaultMap;
  for (const space of ref && configNamespace !== namespace ? [namespace, configNamespace] : [namespace]) {
    const map = find(name, space);
    const key = ref?.key ?? map?.metadata.annotations?.[defaultKeyAnnotation];
    const text = key === undefined ? undefined : map?.data?.[key];
    if (key !== undefined && text !== undefined)
      return { ref: { namespace: space, configMap: name, key }, repository: read(text, name, key) };
    if (map && key !== undefined && !ref)
      throw new ExpressionError(`ConfigMap ${name}, annotation ${defaultKeyAnnotation}: there is no key ${key}`);
  }
  if (ref) {
    const places = [...new Set([namespace, configNamespace])].join(" and ");
    const what =
      ref.key === undefined
        ? `no default repository in ConfigMap ${name}`
        : `no ConfigMap ${name} with the key ${ref.key}`;
    throw new ExpressionError(`spec.artifactRepositoryRef: there is ${what} in the namespaces ${places}`);
  }
  const text = find(controllerMap, configNamespace)?.data?.[controllerKey];
  return { repository: text === undefined ? builtin : read(text, controllerMap, controllerKey) };
}

/** Every step asks: what was read once is kept, by its text. */
const known = new Map<string, ArtifactRepository>();
const mostKnown = 100;

function read(text: string, name: string, key: string): ArtifactRepository {
  const before = known.get(text);
  if (before) return before;
  const repository = readYaml(text, `ConfigMap ${name}, key ${key}`);
  if (typeof repository !== "object" || repository === null) {
    throw new ExpressionError(`ConfigMap ${name}, key ${key}: not an artifact repository`);
  }
  if (known.size >= mostKnown) known.clear();
  known.set(text, repository as ArtifactRepository);
  return repository as ArtifactRepository;
}
