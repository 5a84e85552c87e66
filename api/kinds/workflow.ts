// Workflows (argoproj.io/v1alpha1): types, descriptors, definitions. Contract: argoproj/argo-workflows' CRDs.
export type {
  AnyString,
  ArchiveStrategy,
  Arguments,
  Artifact,
  ArtifactGC,
  ArtifactGCStrategy,
  ArtifactLocation,
  ArtifactoryArtifact,
  ArtifactRepository,
  BasicAuth,
  GcsArtifact,
  GitArtifact,
  HdfsArtifact,
  HttpArtifact,
  Inputs,
  OssArtifact,
  Outputs,
  Parameter,
  S3Artifact,
  S3Encryption,
  ValueFrom,
  WorkflowArtifactGC,
} from "./workflow/artifact.ts";
export {
  type ArtifactResult,
  artifactGCFinalizer,
  artifactGCPodLabel,
  artifactGCPodVariable,
  type WorkflowArtifactGCTask,
} from "./workflow/artifact-gc.ts";
export {
  ClusterWorkflowTemplates,
  CronWorkflows,
  WorkflowArtifactGCTasks,
  WorkflowEventBindings,
  Workflows,
  WorkflowTaskResults,
  WorkflowTaskSets,
  WorkflowTemplates,
  workflowDefinitions,
} from "./workflow/definitions.ts";
export type { WorkflowEventBinding } from "./workflow/event-binding.ts";
export {
  isLocated,
  isPartial,
  locationKey,
  type StoreName,
  secretsOf,
  storeOf,
  withKey,
} from "./workflow/location.ts";
export type { Metrics, PrometheusMetric } from "./workflow/metrics.ts";
export {
  argumentsShape,
  cronWorkflowSpecShape,
  eventBindingSpecShape,
  type Shape,
  templateShape,
  workflowSpecShape,
} from "./workflow/shapes.ts";
export type {
  ClusterWorkflowTemplate,
  CronWorkflow,
  CronWorkflowSpec,
  CronWorkflowStatus,
  VolumeClaimTemplate,
  Workflow,
  WorkflowSpec,
  WorkflowTemplate,
} from "./workflow/spec.ts";
export type {
  Condition,
  NodePhase,
  NodeStatus,
  NodeType,
  SynchronizationStatus,
  WorkflowPhase,
  WorkflowStatus,
  WorkflowTaskResult,
} from "./workflow/status.ts";
export type { HttpHeader, HttpTemplate, NodeResult, WorkflowTaskSet } from "./workflow/task-set.ts";
export type {
  Backoff,
  ContainerNode,
  ContainerSetTemplate,
  DAGTask,
  DAGTemplate,
  DataTemplate,
  Invocation,
  LifecycleHook,
  Memoize,
  Metadata,
  ResourceTemplate,
  RetryStrategy,
  ScriptTemplate,
  Sequence,
  Synchronization,
  Template,
  TemplateRef,
  UserContainer,
  WorkflowStep,
} from "./workflow/template.ts";
