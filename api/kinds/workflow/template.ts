// Templates of workflows. Contract: argoproj.io/v1alpha1.
import type {
  Affinity,
  ConfigMapKeySelector,
  Container,
  HostAlias,
  PodSecurityContext,
  ResourceRequirements,
  Toleration,
  Volume,
  VolumeMount,
} from "../../generated/core-v1.ts";
import type { Arguments, Artifact, ArtifactLocation, Inputs, Outputs } from "./artifact.ts";
import type { Metrics } from "./metrics.ts";
import type { HttpTemplate } from "./task-set.ts";

export interface Metadata {
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}
export interface TemplateRef {
  name?: string;
  template?: string;
  clusterScope?: boolean;
}
export interface LifecycleHook {
  template?: string;
  templateRef?: TemplateRef;
  arguments?: Arguments;
  expression?: string;
}
export interface Sequence {
  count?: number | string;
  start?: number | string;
  end?: number | string;
  format?: string;
}

/** What a step and a task have in common. */
export interface Invocation {
  name: string;
  template?: string;
  templateRef?: TemplateRef;
  inline?: Template;
  arguments?: Arguments;
  when?: string;
  withItems?: unknown[];
  withParam?: string;
  withSequence?: Sequence;
  continueOn?: { error?: boolean; failed?: boolean };
  onExit?: string;
  hooks?: Record<string, LifecycleHook>;
}
export type WorkflowStep = Invocation;
export interface DAGTask extends Invocation {
  dependencies?: string[];
  depends?: string;
}
export interface DAGTemplate {
  tasks: DAGTask[];
  /** Space-separated task names: only these and what they need run. */
  target?: string;
  /** Default true: after a failure nothing new starts. */
  failFast?: boolean;
}

export interface Backoff {
  duration?: string;
  factor?: number | string;
  cap?: string;
  maxDuration?: string;
}
export interface RetryStrategy {
  limit?: number | string;
  retryPolicy?: "Always" | "OnFailure" | "OnError" | "OnTransientError";
  backoff?: Backoff;
  expression?: string;
  affinity?: { nodeAntiAffinity?: Record<string, never> };
}

export interface ScriptTemplate extends Omit<Container, "name"> {
  name?: string;
  source: string;
}
export interface UserContainer extends Container {
  mirrorVolumeMounts?: boolean;
}
export interface ContainerNode extends Container {
  dependencies?: string[];
}
export interface ContainerSetTemplate {
  containers: ContainerNode[];
  volumeMounts?: VolumeMount[];
  retryStrategy?: { retries: number | string; duration?: string };
}
export interface ResourceTemplate {
  action: string;
  manifest?: string;
  manifestFrom?: { artifact: Artifact };
  mergeStrategy?: string;
  setOwnerReference?: boolean;
  successCondition?: string;
  failureCondition?: string;
  flags?: string[];
}
export interface Memoize {
  key: string;
  maxAge?: string;
  cache: { configMap: ConfigMapKeySelector };
}
export interface Mutex {
  name?: string;
  namespace?: string;
  /** Shared with other clusters, by a database. */
  database?: boolean;
}
/** Its size is in a ConfigMap or, when several clusters share it, in a database. */
export interface Semaphore {
  configMapKeyRef?: ConfigMapKeySelector;
  database?: { key: string };
  namespace?: string;
}
export interface Synchronization {
  mutex?: Mutex;
  mutexes?: Mutex[];
  semaphore?: Semaphore;
  semaphores?: Semaphore[];
}

export interface Template {
  name?: string;
  inputs?: Inputs;
  outputs?: Outputs;
  annotations?: Record<string, string>;
  container?: Omit<Container, "name"> & { name?: string };
  script?: ScriptTemplate;
  steps?: WorkflowStep[][];
  dag?: DAGTemplate;
  suspend?: { duration?: number | string };
  resource?: ResourceTemplate;
  containerSet?: ContainerSetTemplate;
  http?: HttpTemplate;
  data?: DataTemplate;
  plugin?: unknown;
  retryStrategy?: RetryStrategy;
  activeDeadlineSeconds?: number | string;
  timeout?: string;
  pendingTimeout?: string;
  parallelism?: number;
  failFast?: boolean;
  daemon?: boolean;
  memoize?: Memoize;
  synchronization?: Synchronization;
  metadata?: Metadata;
  metrics?: Metrics;
  archiveLocation?: ArtifactLocation;
  affinity?: Affinity;
  automountServiceAccountToken?: boolean;
  executor?: { serviceAccountName?: string };
  hostAliases?: HostAlias[];
  initContainers?: UserContainer[];
  sidecars?: UserContainer[];
  nodeSelector?: Record<string, string>;
  podSpecPatch?: string;
  podResources?: ResourceRequirements;
  priorityClassName?: string;
  schedulerName?: string;
  securityContext?: PodSecurityContext;
  serviceAccountName?: string;
  tolerations?: Toleration[];
  volumes?: Volume[];
}

/** Lists what a store keeps, and makes a value of the list. */
export interface DataTemplate {
  source: { artifactPaths?: Artifact };
  /** Each expression sees the value before it as `data`. */
  transformation?: { expression?: string }[];
}
