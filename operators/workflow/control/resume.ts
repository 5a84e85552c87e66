// Ends suspend nodes that wait. Source: argo-workflows workflow/util ResumeWorkflow and updateSuspendedNode.
import type { NodePhase, NodeStatus, Parameter, Workflow } from "@capstan/api/kinds/workflow";
import { StatusError } from "@capstan/api/meta";
import { isOver } from "../engine/phase.ts";
import { matchesNode, parseNodeSelector } from "./selector.ts";
import { stamp, waitsForResume } from "./state.ts";

const refuse = (message: string) => new StatusError("BadRequest", message);

/**
 * Clears spec.suspend and ends every suspend node that waits.
 * @returns whether anything changed
 * @throws StatusError BadRequest when a node lacks a value that somebody has to supply.
 */
export function resume(workflow: Workflow, now: number): boolean {
  const waiting = Object.values(workflow.status?.nodes ?? {}).filter(waitsForResume);
  for (const node of waiting) {
    for (const parameter of node.outputs?.parameters ?? []) takeDefault(workflow, node, parameter);
    node.phase = "Succeeded";
    node.finishedAt = stamp(now);
  }
  if (!workflow.spec.suspend) return waiting.length > 0;
  delete workflow.spec.suspend;
  return true;
}

function takeDefault(workflow: Workflow, node: NodeStatus, parameter: Parameter): void {
  if (!parameter.valueFrom?.supplied) return;
  const value = parameter.valueFrom.default ?? parameter.default;
  if (value === undefined) {
    const given = `capstan workflow node set ${workflow.metadata.name} -p ${parameter.name}=VALUE`;
    const name = node.displayName ?? node.name;
    throw refuse(
      `outputs.parameters.${parameter.name} of ${name} has no value and no default; give it one first: ${given} --node-field-selector id=${node.id}`,
    );
  }
  supply(workflow, parameter, String(value));
}

export interface SetValues {
  phase?: NodePhase;
  message?: string;
  /** Values of outputs with `valueFrom.supplied`. */
  outputs?: Record<string, string>;
}

const phases: NodePhase[] = ["Pending", "Running", "Succeeded", "Skipped", "Failed", "Error", "Omitted"];

/** @throws StatusError BadRequest when no waiting node matches, or it does not take these values. */
export function setNodes(workflow: Workflow, nodeFieldSelector: string, values: SetValues, now: number): void {
  if (!nodeFieldSelector) throw refuse("a node field selector is required: only suspend nodes can be set");
  const { phase, message } = values;
  if (phase && !phases.includes(phase)) throw refuse(`phase ${phase} is none of ${phases.join(", ")}`);
  const requirements = parseNodeSelector(nodeFieldSelector);
  const chosen = Object.values(workflow.status?.nodes ?? {}).filter(
    (node) => waitsForResume(node) && matchesNode(node, requirements),
  );
  if (chosen.length === 0) {
    throw refuse(
      `currently, set only targets suspend nodes: no suspend nodes matching nodeFieldSelector: ${nodeFieldSelector}`,
    );
  }
  for (const node of chosen) {
    for (const [name, value] of Object.entries(values.outputs ?? {})) setOutput(workflow, node, name, value);
    if (message) node.message = message;
    if (!phase) continue;
    node.phase = phase;
    if (isOver(node)) node.finishedAt = stamp(now);
  }
}

function setOutput(workflow: Workflow, node: NodeStatus, name: string, value: string): void {
  if (!node.outputs) throw refuse("cannot set output parameters because node is not expecting any raw parameters");
  const parameter = node.outputs.parameters?.find((output) => output.name === name);
  if (!parameter) throw refuse(`node is not expecting output parameter '${name}'`);
  if (!parameter.valueFrom?.supplied) {
    throw refuse(
      `cannot set output parameter '${name}' because it does not use valueFrom.supplied or it was already set`,
    );
  }
  const allowed = parameter.enum ?? node.inputs?.parameters?.find((input) => input.name === name)?.enum;
  if (allowed && !allowed.map(String).includes(value)) {
    throw refuse(`outputs.parameters.${name}: ${JSON.stringify(value)} is none of ${allowed.join(", ")}`);
  }
  supply(workflow, parameter, value);
}

/** Gives an output its value, and publishes it where it has a global name. */
function supply({ status }: Workflow, parameter: Parameter, value: string): void {
  parameter.value = value;
  delete parameter.valueFrom;
  const { globalName } = parameter;
  if (!globalName || !status) return;
  const others = (status.outputs?.parameters ?? []).filter(({ name }) => name !== globalName);
  status.outputs = { ...status.outputs, parameters: [...others, { name: globalName, value }] };
}
