import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";

/** A suspend node that waits for somebody, or for its time. */
export function waitsForResume({ type, phase }: NodeStatus): boolean {
  return type === "Suspend" && phase === "Running";
}

export function isSuspended({ spec, status }: Workflow): boolean {
  return spec.suspend === true || Object.values(status?.nodes ?? {}).some(waitsForResume);
}

/** The time as the API writes it: whole seconds. */
export function stamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+Z$/, "Z");
}

/** The template's name by which a node's pod is named. */
export function templateOf({ templateRef, templateName }: NodeStatus): string {
  return templateRef?.template ?? templateName ?? "";
}
