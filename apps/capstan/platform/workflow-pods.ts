// How the workflow operator makes pods whose executor is an image: on clusters whose nodes do not do its work themselves.
import type { Volume } from "@capstan/api/generated/core-v1";
import type { ClusterRole } from "@capstan/api/generated/rbac-v1";
import type { New } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import type { Informers } from "@capstan/core/reconcile";
import { createImageLookup, type RegistryOptions } from "@capstan/core/runtime";
import { createCommandFinder, type WorkflowOperatorOptions } from "@capstan/operators/workflow";

export interface ExecutorPodsOptions {
  client: Client;
  informers: Informers;
  executorImage: string;
  /** Where the artifact directory is; absent: the repositories are others. */
  artifactVolume?: Omit<Volume, "name"> | undefined;
  registries?: RegistryOptions;
  /** Where the ConfigMap workflow-controller-configmap is. */
  configNamespace?: string;
}

type PodOptions = Required<Pick<WorkflowOperatorOptions, "executorImage" | "findCommand" | "configNamespace">> &
  Pick<WorkflowOperatorOptions, "artifactVolume">;

export function createExecutorPods(options: ExecutorPodsOptions): PodOptions {
  const { client, informers, executorImage, artifactVolume, registries, configNamespace = "argo" } = options;
  // Its idle connections keep no process alive.
  const lookup = createImageLookup(registries);
  return {
    executorImage,
    configNamespace,
    findCommand: createCommandFinder({ client, informers, lookup, configNamespace }),
    ...(artifactVolume ? { artifactVolume } : {}),
  };
}

const rule = (group: string, resources: string[], verbs: string[]) => ({ apiGroups: [group], resources, verbs });
const read = ["get", "list", "watch"];
const write = [...read, "create", "update", "patch", "delete", "deletecollection"];

/** What the account needs that the workflow operators act as. It may give to executors what it holds itself. */
export const workflowOperatorRole: New<ClusterRole> = {
  metadata: { name: "capstan-workflow-operator" },
  rules: [
    rule("argoproj.io", ["*"], write),
    rule("", ["pods", "persistentvolumeclaims", "configmaps"], write),
    rule("", ["serviceaccounts", "secrets", "namespaces"], read),
    rule("", ["events"], ["create", "patch", "update"]),
    rule("events.k8s.io", ["events"], ["create", "patch", "update"]),
    rule("policy", ["poddisruptionbudgets"], write),
    rule("rbac.authorization.k8s.io", ["roles", "rolebindings"], ["get", "create", "patch", "update"]),
    rule("coordination.k8s.io", ["leases"], ["get", "create", "update"]),
  ],
};
