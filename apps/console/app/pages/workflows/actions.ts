// What a person may do to a workflow: the same as on the command line.
import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { refOf } from "@capstan/api/meta";
import {
  resubmitWorkflow,
  resumeWorkflow,
  retryWorkflow,
  shutDownWorkflow,
  suspendWorkflow,
} from "@capstan/operators/workflow/control";
import { client } from "../../api/client.ts";

export { isSuspended } from "@capstan/operators/workflow/control";

export function isOver(workflow: Workflow): boolean {
  return /^(Succeeded|Failed|Error)$/.test(workflow.status?.phase ?? "");
}

export function hasFailed(workflow: Workflow): boolean {
  return /^(Failed|Error)$/.test(workflow.status?.phase ?? "");
}

export const shutDown = (workflow: Workflow, how: "Stop" | "Terminate") =>
  shutDownWorkflow(client, refOf(workflow), how);
export const suspend = (workflow: Workflow) => suspendWorkflow(client, refOf(workflow));
export const resume = (workflow: Workflow) => resumeWorkflow(client, refOf(workflow));
export const retry = (workflow: Workflow) => retryWorkflow(client, refOf(workflow));
export const runAgain = (workflow: Workflow) => resubmitWorkflow(client, refOf(workflow));

export async function remove(workflow: Workflow): Promise<void> {
  await client.delete(Workflows, refOf(workflow), { propagationPolicy: "Background" });
}
