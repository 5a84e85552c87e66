// Workflows (argoproj.io/v1alpha1): types, descriptors, definitions. Contract: argoproj/argo-workflows' CRDs.
export type {
  AnyString,
  ArchiveStrategy,
  Arguments,
  Artifact,
  ArtifactLocation,
  ArtifactRepository,
  Inputs,
  Outputs,
  Parameter,
  S3Artifact,
  ValueFrom,
} from "./workflow/artifact.ts";
export {
  ClusterWorkflowTemplates,
  CronWorkflows,
  WorkflowEventBindings,
  Workflows,
  WorkflowTaskResults,
  WorkflowTaskSets,
  WorkflowTemplates,
  workflowDefinitions,
} from "./workflow/definitions.ts";
export type { WorkflowEventBinding } from "./workflow/event-binding.ts";
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
