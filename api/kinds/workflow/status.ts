// Status of a workflow and of its nodes, and what the executor reports. Contract: argoproj.io/v1alpha1.
import type { Volume } from "../../generated/core-v1.ts";
import type { Time } from "../../generated/meta-v1.ts";
import type { KubeObject } from "../../meta/index.ts";
import type { ArtifactRepository, Inputs, Outputs } from "./artifact.ts";
import type { WorkflowSpec } from "./spec.ts";
import type { Template, TemplateRef } from "./template.ts";

export type NodePhase = "Pending" | "Running" | "Succeeded" | "Skipped" | "Failed" | "Error" | "Omitted";
export type NodeType =
  | "Pod"
  | "Container"
  | "Steps"
  | "StepGroup"
  | "DAG"
  | "TaskGroup"
  | "Retry"
  | "Skipped"
  | "Suspend"
  | "HTTP"
  | "Plugin";
export type WorkflowPhase = "" | "Pending" | "Running" | "Succeeded" | "Failed" | "Error";

export interface NodeStatus {
  id: string;
  name: string;
  displayName?: string;
  type: NodeType;
  templateName?: string;
  templateRef?: TemplateRef;
  /** `local/<workflow>`, `namespaced/<template>` or `cluster/<template>`. */
  templateScope?: string;
  phase?: NodePhase;
  message?: string;
  startedAt?: Time | null;
  finishedAt?: Time | null;
  /** Done and all, such as `1/3`. */
  progress?: string;
  estimatedDuration?: number;
  /** Whole seconds by resource: one core for cpu, 100 MiB for memory. */
  resourcesDuration?: Record<string, number>;
  taskResultSynced?: boolean;
  boundaryID?: string;
  children?: string[];
  outboundNodes?: string[];
  nodeFlag?: { hooked?: boolean; retried?: boolean };
  inputs?: Inputs;
  outputs?: Outputs;
  podIP?: string;
  daemoned?: boolean;
  hostNodeName?: string;
  memoizationStatus?: { hit: boolean; key: string; cacheName: string };
  synchronizationStatus?: { waiting?: string };
  failedPodRestarts?: number;
}

export interface Condition {
  type: string;
  status: "True" | "False" | "Unknown";
  message?: string;
}

export interface SynchronizationStatus {
  mutex?: { holding?: { mutex: string; holder: string }[]; waiting?: { mutex: string; holder: string }[] };
  semaphore?: {
    holding?: { semaphore: string; holders: string[] }[];
    waiting?: { semaphore: string; holders: string[] }[];
  };
}

export interface WorkflowStatus {
  phase?: WorkflowPhase;
  message?: string;
  startedAt?: Time | null;
  finishedAt?: Time | null;
  estimatedDuration?: number;
  progress?: string;
  nodes?: Record<string, NodeStatus>;
  /** base64 of the gzip of `nodes`, in its place when that is large. */
  compressedNodes?: string;
  offloadNodeStatusVersion?: string;
  storedTemplates?: Record<string, Template>;
  storedWorkflowTemplateSpec?: WorkflowSpec;
  outputs?: Outputs;
  conditions?: Condition[];
  resourcesDuration?: Record<string, number>;
  persistentVolumeClaims?: Volume[];
  synchronization?: SynchronizationStatus;
  artifactRepositoryRef?: {
    configMap?: string;
    key?: string;
    namespace?: string;
    default?: boolean;
    artifactRepository?: ArtifactRepository;
  };
  artifactGCStatus?: {
    /** Strategies whose pods were made. */
    strategiesProcessed?: Record<string, boolean>;
    /** Pods whose reports were read. */
    podsRecouped?: Record<string, boolean>;
    /** Nothing is to be collected. */
    notSpecified?: boolean;
  };
  taskResultsCompletionStatus?: Record<string, boolean>;
}

/** What the executor reports for one node. Its name is the node's ID; it has no spec. */
export interface WorkflowTaskResult extends KubeObject {
  phase?: NodePhase;
  message?: string;
  outputs?: Outputs;
  progress?: string;
}
