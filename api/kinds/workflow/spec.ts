// Specs of Workflow, WorkflowTemplate, ClusterWorkflowTemplate and CronWorkflow. Contract: argoproj.io/v1alpha1.
import type {
  Affinity,
  HostAlias,
  LocalObjectReference,
  ObjectReference,
  PersistentVolumeClaimSpec,
  PodDNSConfig,
  PodSecurityContext,
  ResourceRequirements,
  Toleration,
  Volume,
} from "../../generated/core-v1.ts";
import type { LabelSelector, ObjectMeta, Time } from "../../generated/meta-v1.ts";
import type { PodDisruptionBudgetSpec } from "../../generated/policy-v1.ts";
import type { KubeObject } from "../../meta/index.ts";
import type { Arguments, WorkflowArtifactGC } from "./artifact.ts";
import type { Metrics } from "./metrics.ts";
import type { Condition, WorkflowStatus } from "./status.ts";
import type { LifecycleHook, Metadata, RetryStrategy, Synchronization, Template } from "./template.ts";

export interface WorkflowSpec {
  entrypoint?: string;
  arguments?: Arguments;
  templates?: Template[];
  templateDefaults?: Template;
  workflowTemplateRef?: { name?: string; clusterScope?: boolean };
  onExit?: string;
  hooks?: Record<string, LifecycleHook>;
  suspend?: boolean;
  shutdown?: "" | "Stop" | "Terminate";
  activeDeadlineSeconds?: number;
  parallelism?: number;
  priority?: number;
  retryStrategy?: RetryStrategy;
  synchronization?: Synchronization;
  ttlStrategy?: { secondsAfterCompletion?: number; secondsAfterSuccess?: number; secondsAfterFailure?: number };
  podGC?: { strategy?: string; labelSelector?: LabelSelector; deleteDelayDuration?: string };
  archiveLogs?: boolean;
  artifactGC?: WorkflowArtifactGC;
  artifactRepositoryRef?: { configMap?: string; key?: string };
  volumes?: Volume[];
  volumeClaimTemplates?: VolumeClaimTemplate[];
  volumeClaimGC?: { strategy?: string };
  workflowMetadata?: Metadata & { labelsFrom?: Record<string, { expression: string }> };
  metrics?: Metrics;
  affinity?: Affinity;
  automountServiceAccountToken?: boolean;
  dnsConfig?: PodDNSConfig;
  dnsPolicy?: string;
  executor?: { serviceAccountName?: string };
  hostAliases?: HostAlias[];
  hostNetwork?: boolean;
  imagePullSecrets?: LocalObjectReference[];
  nodeSelector?: Record<string, string>;
  podDisruptionBudget?: PodDisruptionBudgetSpec;
  podMetadata?: Metadata;
  podPriorityClassName?: string;
  podSpecPatch?: string;
  podResources?: ResourceRequirements;
  schedulerName?: string;
  securityContext?: PodSecurityContext;
  serviceAccountName?: string;
  tolerations?: Toleration[];
}
export interface VolumeClaimTemplate {
  metadata: Partial<ObjectMeta>;
  spec: PersistentVolumeClaimSpec;
}

/** Has no status subresource: clients write spec and status in one. */
export interface Workflow extends KubeObject {
  spec: WorkflowSpec;
  status?: WorkflowStatus;
}
export interface WorkflowTemplate extends KubeObject {
  spec: WorkflowSpec;
}
export interface ClusterWorkflowTemplate extends KubeObject {
  spec: WorkflowSpec;
}

export interface CronWorkflowSpec {
  workflowSpec: WorkflowSpec;
  workflowMetadata?: Partial<ObjectMeta>;
  /** Older form of `schedules`. */
  schedule?: string;
  schedules?: string[];
  timezone?: string;
  concurrencyPolicy?: "Allow" | "Forbid" | "Replace";
  startingDeadlineSeconds?: number;
  successfulJobsHistoryLimit?: number;
  failedJobsHistoryLimit?: number;
  suspend?: boolean;
  when?: string;
  stopStrategy?: { expression: string };
}
export interface CronWorkflowStatus {
  active?: ObjectReference[];
  lastScheduledTime?: Time | null;
  conditions?: Condition[];
  succeeded?: number;
  failed?: number;
  phase?: string;
}
export interface CronWorkflow extends KubeObject {
  spec: CronWorkflowSpec;
  status?: CronWorkflowStatus;
}
