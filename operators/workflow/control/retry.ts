// Runs a workflow's failed part again, in the same object. Source: argo-workflows workflow/util FormulateRetryWorkflow.
import { Pods } from "@capstan/api/generated/resources";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef, StatusError } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { labels, onExitName, podName } from "../engine/names.ts";
import { hasFailed } from "../engine/phase.ts";
import { createNodeCodec, type NodeCodec } from "../nodes/index.ts";
import { changeWhole } from "./change.ts";
import { type FindMismatch, overrideParameters } from "./parameters.ts";
import { createTree, hasSucceededBelow, resetPath, type Tree } from "./retry-tree.ts";
import { matchesNode, parseNodeSelector } from "./selector.ts";
import { stamp, templateOf } from "./state.ts";

export interface RetryOptions {
  /** Nodes that the selector matches run again although they succeeded. */
  restartSuccessful?: boolean;
  nodeFieldSelector?: string;
  /** Values over those of the workflow's parameters. */
  parameters?: Record<string, string>;
  mismatch?: FindMismatch;
}

/** Deletes the pods of what runs again and writes the workflow. @throws StatusError */
export async function retryWorkflow(
  client: Client,
  ref: ObjectRef,
  options: RetryOptions = {},
  codec: NodeCodec = createNodeCodec(client),
): Promise<Workflow> {
  const { namespace = "" } = ref;
  return changeWhole(client, ref, codec, async (workflow) => {
    const { workflow: retried, pods } = formulateRetry(workflow, options, Date.now());
    for (const name of pods) {
      await client.delete(Pods, { namespace, name }, { propagationPolicy: "Background" }).catch((thrown: unknown) => {
        if (!isReason(thrown, "NotFound")) throw thrown;
      });
    }
    return retried;
  });
}

/**
 * What a retry makes of a workflow that is over, and the pods that have to go first. Nodes that failed are forgotten
 * with all that came after them; the steps, tasks and attempts around them run again.
 * @param workflow with plain nodes; is not changed.
 * @throws StatusError BadRequest
 */
export function formulateRetry(
  workflow: Workflow,
  options: RetryOptions,
  now: number,
): { workflow: Workflow; pods: string[] } {
  check(workflow, options);
  const { name } = workflow.metadata;
  const nodes = workflow.status?.nodes ?? {};
  const tree = createTree(nodes);
  const gone = new Set<string>();
  const reset = new Set<string>();
  const again = chosen(nodes, options);
  for (const node of failedAtLast(tree, again)) again.add(node.id);
  for (const id of tree.order(name)) {
    const node = nodes[id];
    if (!node || !again.has(id) || gone.has(id)) continue;
    const path = resetPath(tree, node);
    for (const one of path.gone) gone.add(one);
    for (const one of path.reset) reset.add(one);
  }
  const exit = onExitName(name);
  for (const node of Object.values(nodes)) if (node.name.startsWith(exit)) gone.add(node.id);
  const format = workflow.metadata.annotations?.[labels.podNameFormat];
  const pods = Object.values(nodes)
    .filter(({ id, type }) => type === "Pod" && gone.has(id))
    .map((node) => podName(name, node.name, templateOf(node), node.id, format));
  const retried = restarted(workflow, now);
  if (retried.status) retried.status.nodes = remaining(nodes, gone, reset, now);
  overrideParameters(retried, options.parameters ?? {}, options.mismatch);
  return { workflow: retried, pods };
}

function check({ status }: Workflow, { restartSuccessful, nodeFieldSelector }: RetryOptions): void {
  const phase = status?.phase ?? "";
  if (phase === "Failed" || phase === "Error") return;
  if (phase !== "Succeeded") throw new StatusError("BadRequest", `Cannot retry a workflow in phase ${phase}`);
  if (!restartSuccessful || !nodeFieldSelector) {
    const hint = "To retry a succeeded workflow, set the options restartSuccessful and nodeFieldSelector";
    throw new StatusError("BadRequest", hint);
  }
}

function chosen(nodes: Record<string, NodeStatus>, { restartSuccessful, nodeFieldSelector }: RetryOptions) {
  if (!restartSuccessful || !nodeFieldSelector) return new Set<string>();
  const requirements = parseNodeSelector(nodeFieldSelector);
  return new Set(Object.keys(nodes).filter((id) => matchesNode(nodes[id] as NodeStatus, requirements)));
}

const executed = new Set(["Pod", "Container", "HTTP", "Plugin", "Suspend", "Skipped"]);

/** Nodes that failed for good: nothing that came of them, or of their further attempts, has succeeded since. */
function failedAtLast(tree: Tree, again: Set<string>): NodeStatus[] {
  return tree.all.filter((node) => {
    if (!hasFailed(node) || !executed.has(node.type) || isSuperseded(tree, node)) return false;
    const top = node.nodeFlag?.retried ? (retryOf(tree, node) ?? node) : node;
    return !hasSucceededBelow(tree, top, again);
  });
}

const retryOf = (tree: Tree, { id }: NodeStatus) => tree.parents(id).find(({ type }) => type === "Retry");

/** Part of an attempt that another one followed. */
function isSuperseded(tree: Tree, node: NodeStatus): boolean {
  for (let at = tree.boundary(node); at; at = tree.boundary(at)) {
    if (!at.nodeFlag?.retried) continue;
    const retry = retryOf(tree, at);
    const attempts = retry ? tree.children(retry).filter(({ nodeFlag }) => nodeFlag?.retried) : [];
    if (attempts.length > 0 && attempts.at(-1) !== at) return true;
  }
  return false;
}

/** The workflow as if it had just begun, but for its nodes. */
function restarted(workflow: Workflow, now: number): Workflow {
  const copy = structuredClone(workflow);
  const { spec, metadata } = copy;
  const status = copy.status ?? {};
  copy.status = status;
  for (const label of [labels.completed, labels.archivingStatus]) delete metadata.labels?.[label];
  const others = (status.conditions ?? []).filter(({ type }) => type !== "Completed");
  status.conditions = [...others, { type: "Completed", status: "False" }];
  delete status.phase;
  delete status.message;
  delete status.persistentVolumeClaims;
  status.startedAt = stamp(now);
  status.finishedAt = null;
  for (const one of [spec, status.storedWorkflowTemplateSpec]) {
    if (!one) continue;
    delete one.shutdown;
    if (one.activeDeadlineSeconds === 0) delete one.activeDeadlineSeconds;
  }
  return copy;
}

function remaining(nodes: Record<string, NodeStatus>, gone: Set<string>, reset: Set<string>, now: number) {
  const kept: Record<string, NodeStatus> = {};
  for (const [id, node] of Object.entries(nodes)) {
    if (gone.has(id)) continue;
    const copy = structuredClone(node);
    if (copy.children) copy.children = copy.children.filter((child) => !gone.has(child));
    if (copy.outboundNodes) copy.outboundNodes = copy.outboundNodes.filter((end) => !gone.has(end));
    if (reset.has(id)) begin(copy, now);
    kept[id] = copy;
  }
  return kept;
}

function begin(node: NodeStatus, now: number): void {
  if (node.phase !== "Skipped") node.phase = "Running";
  delete node.message;
  node.startedAt = stamp(now);
  node.finishedAt = null;
}
