// Numbers about workflows, for Prometheus: the operator's own, and those that workflows define.
export { createWorkflowMetrics, type WorkflowMetrics } from "./builtin.ts";
export type { Sample } from "./registry.ts";
