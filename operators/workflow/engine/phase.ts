import type { NodeStatus, WorkflowPhase } from "@capstan/api/kinds/workflow";

/** The node is over: nothing will happen to it any more. */
export function isOver(node: Pick<NodeStatus, "phase">): boolean {
  return hasRun(node) || node.phase === "Skipped" || node.phase === "Omitted";
}
/** It ran, well or not. */
export function hasRun(node: Pick<NodeStatus, "phase">): boolean {
  return node.phase === "Succeeded" || hasFailed(node);
}
export function hasFailed(node: Pick<NodeStatus, "phase">): boolean {
  return node.phase === "Failed" || node.phase === "Error";
}
/** Those after it may go on: it is over, or serves them as a daemon. */
export function isFulfilled(node: NodeStatus): boolean {
  return isOver(node) || (node.daemoned === true && node.phase === "Running");
}
export function isWorkflowOver(phase: WorkflowPhase | undefined): boolean {
  return phase === "Succeeded" || phase === "Failed" || phase === "Error";
}
