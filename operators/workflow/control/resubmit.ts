// Runs a workflow again as a new one. Source: argo-workflows workflow/util FormulateResubmitWorkflow.
import { type NodeStatus, type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { type New, type ObjectRef, StatusError } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { label, labels, nodeId, onExitName } from "../engine/names.ts";
import { hasFailed } from "../engine/phase.ts";
import { createNodeCodec, type NodeCodec } from "../nodes/index.ts";
import { type FindMismatch, overrideParameters } from "./parameters.ts";
import { stamp } from "./state.ts";

export interface ResubmitOptions {
  /** Steps that succeeded are taken over with their outputs. */
  memoized?: boolean;
  parameters?: Record<string, string>;
  mismatch?: FindMismatch;
  priority?: number;
}

/** @throws StatusError */
export async function resubmitWorkflow(
  client: Client,
  ref: ObjectRef,
  options: ResubmitOptions = {},
  codec: NodeCodec = createNodeCodec(client),
): Promise<Workflow> {
  const workflow = await codec.unpack(await client.get(Workflows, ref));
  const suffix = crypto.randomUUID().slice(0, 5);
  const made = formulateResubmit(workflow, { ...options, suffix, now: Date.now() });
  return client.create(Workflows, (await codec.pack(made as Workflow)) as New<Workflow>);
}

const dropped = new Set([labels.phase, labels.completed, labels.archivingStatus].map(String));
const creator = /^workflows\.argoproj\.io\/(creator|action)/;

/**
 * The new workflow.
 * @param options.suffix ends the name of a memoized one: its nodes are named before the server names it.
 * @throws StatusError BadRequest
 */
export function formulateResubmit(
  workflow: Workflow,
  { memoized, parameters = {}, mismatch, priority, suffix, now }: ResubmitOptions & { suffix: string; now: number },
): New<Workflow> {
  const { metadata, status } = workflow;
  if (memoized && status?.phase !== "Failed" && status?.phase !== "Error") {
    throw new StatusError("BadRequest", "workflow must be Failed/Error to resubmit in memoized mode");
  }
  const generateName = metadata.generateName ?? `${metadata.name}-`;
  const spec = structuredClone(workflow.spec);
  delete spec.shutdown;
  if (spec.activeDeadlineSeconds === 0) delete spec.activeDeadlineSeconds;
  if (priority !== undefined) spec.priority = priority;
  const kept = Object.entries(metadata.labels ?? {}).filter(([key]) => !dropped.has(key) && !creator.test(key));
  const made = {
    metadata: {
      generateName,
      ...(memoized ? { name: `${generateName}${suffix}` } : {}),
      ...(metadata.namespace ? { namespace: metadata.namespace } : {}),
      labels: { ...Object.fromEntries(kept), [label("resubmitted-from-workflow")]: metadata.name },
      ...(metadata.annotations ? { annotations: { ...metadata.annotations } } : {}),
      ...(metadata.ownerReferences ? { ownerReferences: metadata.ownerReferences } : {}),
    },
    spec,
  } as Workflow;
  overrideParameters(made, parameters, mismatch);
  if (memoized) {
    made.status = {
      nodes: takeOver(workflow, made.metadata.name, now),
      ...(status?.storedTemplates ? { storedTemplates: status.storedTemplates } : {}),
      conditions: [{ type: "Completed", status: "False" }],
    };
  }
  return made as New<Workflow>;
}

/** The nodes under the new workflow's name: pods that succeeded are skipped, all else waits, and is decided about again. */
function takeOver({ metadata, status }: Workflow, name: string, now: number): Record<string, NodeStatus> {
  const nodes = status?.nodes ?? {};
  const nameOf = (old: string) => (old.startsWith(metadata.name) ? name + old.slice(metadata.name.length) : old);
  const idOf = (id: string) => nodeId(name, nameOf(nodes[id]?.name ?? ""));
  const made: Record<string, NodeStatus> = {};
  for (const node of Object.values(nodes)) {
    if (node.name.startsWith(onExitName(metadata.name))) continue;
    const isDone = !hasFailed(node) && node.type === "Pod";
    const copy = structuredClone(node);
    copy.name = nameOf(node.name);
    copy.id = idOf(node.id);
    if (copy.displayName === node.name) copy.displayName = copy.name;
    if (node.boundaryID) copy.boundaryID = idOf(node.boundaryID);
    if (node.children) copy.children = node.children.map(idOf);
    if (node.outboundNodes) copy.outboundNodes = node.outboundNodes.map(idOf);
    const waits = hasFailed(node) && node.type === "Pod";
    copy.startedAt = waits ? null : stamp(now);
    copy.finishedAt = waits ? null : stamp(now);
    delete copy.message;
    const pod = node.type === "Container" ? nodes[node.boundaryID ?? ""] : undefined;
    if (pod && !hasFailed(pod)) copy.phase = "Skipped";
    else if (isDone) Object.assign(copy, { type: "Skipped", phase: "Skipped", message: `original pod: ${node.id}` });
    else copy.phase = "Pending";
    made[copy.id] = copy;
  }
  for (const node of Object.values(made)) if (node.children) node.children = node.children.filter((id) => made[id]);
  return made;
}
