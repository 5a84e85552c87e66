// parallelism: of the whole workflow, which counts pods, and of the templates around.
import type { NodeStatus, Template } from "@capstan/api/kinds/workflow";
import type { Run } from "./run.ts";

/** Pods of the workflow that may be under way. */
export function podLimit(run: Run): number | undefined {
  return run.workflow.spec.parallelism ?? run.spec.parallelism;
}

/** Whether a limit keeps another node from starting inside a boundary. @param self 1 when the node counts itself already. */
export function isFull(run: Run, boundary: string | undefined, isPod: boolean, self = 0): boolean {
  const whole = podLimit(run);
  if (isPod && whole !== undefined && run.ledger.activePods - self >= whole) return true;
  const around = boundary ? run.memory.processed.get(boundary) : undefined;
  if (boundary === undefined || around?.parallelism === undefined) return false;
  if (around.failFast && run.ledger.hasFailedIn(boundary)) return true;
  return run.ledger.activeIn(boundary) - self >= around.parallelism;
}

/** With failFast and parallelism, what failed keeps the rest of a body from starting for good. */
export function isBarred(run: Run, { node, template }: { node: NodeStatus; template: Template }): boolean {
  if (!template.failFast || template.parallelism === undefined) return false;
  return run.ledger.hasFailedIn(node.id) && run.ledger.activeIn(node.id) === 0;
}
export const barredMessage = "template has failed or errored children and failFast enabled";

/** Whether a limit keeps a node from starting now. */
export function isHeldBack(
  run: Run,
  node: NodeStatus | undefined,
  { boundary, isPod }: { boundary: string | undefined; isPod: boolean },
): boolean {
  if (node && run.world.podFailure(run.podName(node))) return false;
  return isFull(run, boundary, isPod, node ? 1 : 0);
}
