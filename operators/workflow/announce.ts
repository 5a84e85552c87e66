// Tells people by Events what happened to a workflow and its nodes. Reasons: argo-workflows docs/workflow-events.md.
import type { NodePhase, NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import type { Recorder } from "@capstan/core/reconcile";
import { label } from "./engine/index.ts";

/** A workflow has entered its phase. */
export function announceWorkflow(recorder: Recorder, workflow: Workflow): void {
  const { phase, message } = workflow.status ?? {};
  if (phase === "Running") recorder.normal(workflow, "WorkflowRunning", "Workflow Running");
  else if (phase === "Succeeded") recorder.normal(workflow, "WorkflowSucceeded", "Workflow completed");
  else if (phase === "Failed" || phase === "Error")
    recorder.warning(workflow, "WorkflowFailed", message || "Workflow failed");
}

/** Its nodes have entered phases, in this order. */
export function announceNodes(
  recorder: Recorder,
  workflow: Workflow,
  entered: { node: NodeStatus; phase: NodePhase }[],
): void {
  for (const { node, phase } of entered) {
    // What it says now, it says of the phase that it is in.
    const why = node.message && phase === node.phase ? `: ${node.message}` : "";
    const annotations = {
      [label("node-type")]: node.type,
      [label("node-name")]: node.name,
      [label("node-id")]: node.id,
    };
    const well = phase === "Running" || phase === "Succeeded";
    recorder[well ? "normal" : "warning"](
      workflow,
      `WorkflowNode${phase}`,
      `${phase} node ${node.name}${why}`,
      annotations,
    );
  }
}
