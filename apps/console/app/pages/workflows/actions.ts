// What a person may do to a workflow. Each is one request that is harmless to send twice.
import { type NodeStatus, type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { refOf } from "@capstan/api/meta";
import { client } from "../../api/client.ts";

export function isOver(workflow: Workflow): boolean {
  return /^(Succeeded|Failed|Error)$/.test(workflow.status?.phase ?? "");
}

/** Stop lets exit handlers run, Terminate does not. Source: argo's spec.shutdown. */
export async function shutDown(workflow: Workflow, how: "Stop" | "Terminate"): Promise<void> {
  await patch(workflow, { spec: { shutdown: how } });
}

export async function suspend(workflow: Workflow): Promise<void> {
  await patch(workflow, { spec: { suspend: true } });
}

const waitsForResume = (node: NodeStatus) => node.type === "Suspend" && node.phase === "Running";

export function isSuspended(workflow: Workflow): boolean {
  return workflow.spec.suspend === true || Object.values(workflow.status?.nodes ?? {}).some(waitsForResume);
}

/** Source: argo resume: clears spec.suspend and ends the suspend nodes that wait. */
export async function resume(workflow: Workflow): Promise<void> {
  const waiting = Object.values(workflow.status?.nodes ?? {}).filter(waitsForResume);
  const over = { phase: "Succeeded", finishedAt: new Date().toISOString().replace(/\.\d+Z$/, "Z") };
  const nodes = Object.fromEntries(waiting.map((node) => [node.id, over]));
  await patch(workflow, { spec: { suspend: null }, ...(waiting.length > 0 ? { status: { nodes } } : {}) });
}

/** The same spec as a new workflow. Source: argo resubmit. */
export async function runAgain(workflow: Workflow): Promise<Workflow> {
  const { name, namespace, generateName } = workflow.metadata;
  const { shutdown: _, suspend: __, ...spec } = workflow.spec;
  return client.create(Workflows, {
    metadata: {
      generateName: generateName ?? `${name}-`,
      ...(namespace ? { namespace } : {}),
      labels: { "workflows.argoproj.io/resubmitted-from-workflow": name },
    },
    spec,
  });
}

export async function remove(workflow: Workflow): Promise<void> {
  await client.delete(Workflows, refOf(workflow), { propagationPolicy: "Background" });
}

async function patch(workflow: Workflow, body: unknown): Promise<void> {
  await client.patch(Workflows, refOf(workflow), { type: "merge", body });
}
