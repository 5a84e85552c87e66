// Workflows (argoproj.io): Argo's manifests, run by watching, without waiting.

export { type CommandFinderOptions, createCommandFinder, type FindCommand } from "./command/index.ts";
export type { ArtifactLookup } from "./content-memos.ts";
export {
  createLockTable,
  createMemory,
  type Effect,
  type Memory,
  type Outcome,
  operate,
  type World,
} from "./engine/index.ts";
export { createEventHandler, type EventHandlerOptions, eventsPath } from "./events/index.ts";
export {
  type Environment,
  evaluateCondition,
  evaluateExpression,
  holdsFor,
  kubectlJsonPath,
  parseConditions,
  queryJq,
} from "./expressions/index.ts";
export { readManifests } from "./manifest.ts";
export { createWorkflowMetrics, type WorkflowMetrics } from "./metrics/index.ts";
export {
  createWorkflowController,
  createWorkflowOperator,
} from "./operator.ts";
export type { WorkflowChecker, WorkflowOperatorOptions } from "./options.ts";
export { givenMismatch, specWithTypes, typesAnnotation } from "./parameter-types/index.ts";
export { fetchTemplates, InvalidWorkflow, type SubmitOptions, submitFrom, submitWorkflow } from "./submit.ts";
export { type GetTemplates, type Problem, validateWorkflow } from "./validate/index.ts";
export { yamlAsGo } from "./yaml-as-go.ts";
