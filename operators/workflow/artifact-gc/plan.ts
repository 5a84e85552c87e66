// The pods that delete a workflow's artifacts, and their tasks: one pod for each strategy and set of rights.
import type { Pod, PodSpec, Volume } from "@capstan/api/generated/core-v1";
import {
  type Artifact,
  type ArtifactGCStrategy,
  type ArtifactRepository,
  artifactGCPodLabel,
  artifactGCPodVariable,
  type Workflow,
  type WorkflowArtifactGCTask,
} from "@capstan/api/kinds/workflow";
import type { New } from "@capstan/api/meta";
import {
  collectable,
  directoryVolumes,
  fnv1a32,
  type Kept,
  label,
  labels,
  patchSpec,
  relocate,
  secretVolumes,
  strategyOf,
} from "../engine/index.ts";

export const gcComponent = "artifact-gc";
export const strategyAnnotation = label("artifact-gc-strategy");
/** An object has at most about 1.5 MB: so many artifacts to a task. */
const artifactsPerTask = 1000;

interface Rights {
  serviceAccountName?: string;
  labels: Record<string, string>;
  annotations: Record<string, string>;
}

export interface Plan {
  strategy: ArtifactGCStrategy;
  pod: New<Pod>;
  tasks: New<WorkflowArtifactGCTask>[];
}

const short: Partial<Record<ArtifactGCStrategy, string>> = {
  OnWorkflowCompletion: "wfcomp",
  OnWorkflowDeletion: "wfdel",
};

export interface Means {
  /** The executor's. */
  image: string;
  artifactVolume: Omit<Volume, "name"> | undefined;
}

export function planCollection(
  workflow: Workflow,
  strategy: ArtifactGCStrategy,
  repository: ArtifactRepository,
  means: Means,
): Plan[] {
  const spec = workflow.status?.storedWorkflowTemplateSpec ?? workflow.spec;
  const groups = new Map<string, { rights: Rights; kept: Kept[] }>();
  for (const kept of collectable(workflow)) {
    if (strategyOf(kept.artifact, spec) !== strategy) continue;
    const rights = rightsOf(workflow, kept.artifact);
    const name = `${workflow.metadata.name}-artgc-${short[strategy]}-${hashOf(rights)}`;
    const group = groups.get(name) ?? { rights, kept: [] };
    groups.set(name, group);
    group.kept.push({ ...kept, artifact: relocate(kept.artifact, repository) });
  }
  return [...groups].map(([name, { rights, kept }]) => {
    const tasks = tasksOf(workflow, name, kept);
    return { strategy, tasks, pod: podOf(workflow, { name, strategy, rights, kept, means }) };
  });
}

function rightsOf({ spec, status }: Workflow, { artifactGC }: Artifact): Rights {
  const whole = (status?.storedWorkflowTemplateSpec ?? spec).artifactGC;
  const account = artifactGC?.serviceAccountName || whole?.serviceAccountName;
  return {
    ...(account ? { serviceAccountName: account } : {}),
    labels: { ...whole?.podMetadata?.labels, ...artifactGC?.podMetadata?.labels },
    annotations: { ...whole?.podMetadata?.annotations, ...artifactGC?.podMetadata?.annotations },
  };
}

function hashOf({ serviceAccountName = "", labels: own, annotations }: Rights): number {
  const sorted = (record: Record<string, string>) => Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1));
  return fnv1a32(serviceAccountName + [...sorted(own), ...sorted(annotations)].flat().join(""));
}

function tasksOf(workflow: Workflow, pod: string, kept: Kept[]): New<WorkflowArtifactGCTask>[] {
  const { namespace = "", name, uid = "" } = workflow.metadata;
  const tasks: New<WorkflowArtifactGCTask>[] = [];
  for (let at = 0; at < kept.length; at += artifactsPerTask) {
    const artifactsByNode: NonNullable<WorkflowArtifactGCTask["spec"]["artifactsByNode"]> = {};
    for (const { node, artifact } of kept.slice(at, at + artifactsPerTask)) {
      const known = artifactsByNode[node.id]?.artifacts ?? {};
      artifactsByNode[node.id] = { artifacts: { ...known, [artifact.name]: artifact } };
    }
    const owner = {
      apiVersion: "argoproj.io/v1alpha1",
      kind: "Workflow",
      name,
      uid,
      controller: true,
      blockOwnerDeletion: true,
    };
    tasks.push({
      metadata: {
        name: `${pod}-${tasks.length}`,
        namespace,
        labels: { [artifactGCPodLabel]: String(fnv1a32(pod)) },
        ownerReferences: [owner],
      },
      spec: { artifactsByNode },
    });
  }
  return tasks;
}

interface PodPlan {
  name: string;
  strategy: ArtifactGCStrategy;
  rights: Rights;
  kept: Kept[];
  means: Means;
}

/** Its owners are the tasks: whoever makes it fills them in. */
function podOf(workflow: Workflow, { name, strategy, rights, kept, means }: PodPlan): New<Pod> {
  const { namespace = "", name: of, uid = "" } = workflow.metadata;
  const places = kept.map(({ artifact }) => artifact);
  const secrets = secretVolumes(places);
  const directory = directoryVolumes(means.artifactVolume, namespace, places);
  // What lies in the directory belongs to whom the steps ran as.
  const stranger = { runAsNonRoot: true, runAsUser: 8737 };
  const spec: PodSpec = {
    restartPolicy: "Never",
    ...(rights.serviceAccountName ? { serviceAccountName: rights.serviceAccountName } : {}),
    automountServiceAccountToken: true,
    securityContext: { ...(directory.volumes.length > 0 ? {} : stranger), seccompProfile: { type: "RuntimeDefault" } },
    containers: [
      {
        name: "main",
        image: means.image,
        command: ["argoexec"],
        args: ["artifact", "delete"],
        env: [
          { name: "ARGO_POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
          { name: "ARGO_WORKFLOW_NAME", value: of },
          { name: "ARGO_WORKFLOW_UID", value: uid },
          { name: "ARGO_TEMPLATE", value: "{}" },
          { name: "ARGO_NODE_ID", value: "" },
          { name: "ARGO_CONTAINER_NAME", value: "main" },
          { name: "ARGO_INCLUDE_SCRIPT_OUTPUT", value: "false" },
          { name: artifactGCPodVariable, value: String(fnv1a32(name)) },
        ],
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        resources: { requests: { cpu: "50m", memory: "64Mi" }, limits: { cpu: "500m", memory: "512Mi" } },
        volumeMounts: [...secrets.mounts, ...directory.mounts],
      },
    ],
    volumes: [...secrets.volumes, ...directory.volumes],
  };
  const patch = (workflow.status?.storedWorkflowTemplateSpec ?? workflow.spec).artifactGC?.podSpecPatch;
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      labels: { [labels.workflow]: of, [labels.component]: gcComponent, [labels.completed]: "false", ...rights.labels },
      annotations: { [strategyAnnotation]: strategy, ...rights.annotations },
    },
    spec: patchSpec(spec, [patch]),
  };
}
