// PodGroup: pods that start together or not at all. Two kinds of the field have that name: the scheduler plugins'
// (scheduling.x-k8s.io/v1alpha1) and Volcano's (scheduling.volcano.sh/v1beta1). Contracts: their definitions.
import type { CustomResourceDefinition } from "../generated/apiextensions-v1.ts";
import type { Quantity, Time } from "../generated/meta-v1.ts";
import type { KubeObject, Resource } from "../meta/index.ts";
import { about, ageColumn, definitionOf, integer, list, object, oneOf, quantity, text, time } from "./crd-schema.ts";

export interface PodGroup extends KubeObject {
  spec?: {
    /** Pods that have to be placed together. */
    minMember?: number;
    /** What the nodes must have free before any of them is tried. */
    minResources?: Record<string, Quantity>;
    /** Accepted for manifests of the field: a group is placed at once or waits, nothing is held in between. */
    scheduleTimeoutSeconds?: number;
  };
  status?: {
    phase?: "Pending" | "Scheduling" | "Scheduled" | "Running" | "Finished" | "Failed";
    scheduled?: number;
    running?: number;
    succeeded?: number;
    failed?: number;
    scheduleStartTime?: Time;
  };
}

export interface VolcanoPodGroup extends KubeObject {
  spec?: {
    minMember?: number;
    minResources?: Record<string, Quantity>;
    queue?: string;
    priorityClassName?: string;
  };
  status?: {
    phase?: "Pending" | "Inqueue" | "Running" | "Unknown" | "Completed";
    running?: number;
    succeeded?: number;
    failed?: number;
    conditions?: {
      type: string;
      status: string;
      reason?: string;
      message?: string;
      transitionID?: string;
      lastTransitionTime?: Time;
    }[];
  };
}

export const PodGroups: Resource<PodGroup> = {
  group: "scheduling.x-k8s.io",
  version: "v1alpha1",
  resource: "podgroups",
  kind: "PodGroup",
  namespaced: true,
};

export const VolcanoPodGroups: Resource<VolcanoPodGroup> = {
  group: "scheduling.volcano.sh",
  version: "v1beta1",
  resource: "podgroups",
  kind: "PodGroup",
  namespaced: true,
};

/** A pod's label that names its group of the scheduler plugins. */
export const podGroupLabel = "scheduling.x-k8s.io/pod-group";

/** A pod's annotations that name its Volcano group: the one of today, and the older one. */
export const volcanoGroupAnnotations = ["scheduling.volcano.sh/group-name", "scheduling.k8s.io/group-name"];

const count = { ...integer, minimum: 0 };
const quantities = { type: "object", additionalProperties: quantity } as const;
const members = about("Pods that start together or not at all.", { ...integer, minimum: 1 });
const spec = {
  minMember: members,
  minResources: about("What the nodes must have free before any pod is tried.", quantities),
};
const condition = object(
  { type: text, status: text, reason: text, message: text, transitionID: text, lastTransitionTime: time },
  ["type", "status"],
);

const podGroupDefinition = definitionOf({
  resource: PodGroups,
  description: "Pods with the label scheduling.x-k8s.io/pod-group that are placed together.",
  spec: object({ ...spec, scheduleTimeoutSeconds: { ...integer, minimum: 0 } }),
  status: object({
    phase: oneOf("Pending", "Scheduling", "Scheduled", "Running", "Finished", "Failed"),
    scheduled: count,
    running: count,
    succeeded: count,
    failed: count,
    scheduleStartTime: time,
  }),
  shortNames: ["pg", "pgs"],
  columns: [
    { name: "Phase", type: "string", jsonPath: ".status.phase" },
    { name: "MinMember", type: "integer", jsonPath: ".spec.minMember" },
    { name: "Running", type: "integer", jsonPath: ".status.running" },
    ageColumn,
  ],
});

const volcanoPodGroupDefinition = definitionOf({
  resource: VolcanoPodGroups,
  description: "Pods with the annotation scheduling.k8s.io/group-name that are placed together.",
  spec: object({
    ...spec,
    queue: about("Accepted for manifests of the field: there is one queue.", text),
    priorityClassName: about("Accepted for manifests of the field: the priority of the pods decides.", text),
  }),
  status: object({
    phase: oneOf("Pending", "Inqueue", "Running", "Unknown", "Completed"),
    running: count,
    succeeded: count,
    failed: count,
    conditions: list(condition),
  }),
  shortNames: ["vcpg"],
  columns: [
    { name: "STATUS", type: "string", jsonPath: ".status.phase" },
    { name: "minMember", type: "integer", jsonPath: ".spec.minMember" },
    { name: "RUNNINGS", type: "integer", jsonPath: ".status.running" },
    ageColumn,
  ],
});

export const podGroupDefinitions: CustomResourceDefinition[] = [podGroupDefinition, volcanoPodGroupDefinition];
