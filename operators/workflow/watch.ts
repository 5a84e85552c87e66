// Follows a workflow for people: its states, its tree, its logs.
import { Pods } from "@capstan/api/generated/resources";
import { type NodeStatus, type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef, pathOf } from "@capstan/api/meta";
import { bytesOf, type Client, readLines } from "@capstan/core/client";
import { unpack } from "./compress.ts";
import { isWorkflowOver, labels, podName } from "./engine/index.ts";

/** Each state of a workflow, the present one first; ends after its last one. Throws NotFound when it is deleted meanwhile. */
export async function* watchWorkflow(client: Client, ref: ObjectRef, signal: AbortSignal): AsyncGenerator<Workflow> {
  const first = await client.get(Workflows, ref);
  yield unpack(first);
  if (isWorkflowOver(first.status?.phase)) return;
  const { namespace = "", name } = ref;
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  try {
    for await (const event of client.watch(Workflows, {
      namespace,
      fieldSelector: `metadata.name=${name}`,
      signal: both,
    })) {
      if (event.type === "BOOKMARK") continue;
      if (event.type === "DELETED") await client.get(Workflows, ref);
      yield unpack(event.object);
      if (isWorkflowOver(event.object.status?.phase)) return;
    }
  } finally {
    stop.abort();
  }
}

const signs: Record<string, string> = {
  Pending: "◷",
  Running: "●",
  Succeeded: "✔",
  Skipped: "○",
  Failed: "✖",
  Error: "⚠",
  Omitted: "○",
};

/** The nodes as lines of a tree, in the order in which they started. */
export function renderTree({ metadata, status }: Workflow): string[] {
  const nodes = status?.nodes ?? {};
  const lines = [`${metadata.name}  ${status?.phase ?? "Pending"}  ${status?.progress ?? ""}`.trimEnd()];
  if (status?.message) lines[0] += `  ${status.message}`;
  const inside = new Map<string, NodeStatus[]>();
  for (const node of Object.values(nodes)) {
    const key = parentOf(node, nodes);
    if (key !== undefined) inside.set(key, [...(inside.get(key) ?? []), node]);
  }
  const draw = (id: string, indent: string) => {
    const children = (inside.get(id) ?? []).sort((a, b) => String(a.startedAt).localeCompare(String(b.startedAt)));
    for (const [i, node] of children.entries()) {
      const last = i === children.length - 1;
      lines.push(`${indent}${last ? "└" : "├"} ${lineOf(node)}`);
      draw(node.id, `${indent}${last ? "  " : "│ "}`);
    }
  };
  const root = nodes[metadata.name];
  if (root && root.type === "Pod") lines.push(`└ ${lineOf(root)}`);
  draw(metadata.name, "");
  return lines;
}

/** Attempts lie below their Retry node, iterations below their group, all else below its template. Step groups are not drawn. */
function parentOf(node: NodeStatus, nodes: Record<string, NodeStatus>): string | undefined {
  if (node.type === "StepGroup") return undefined;
  const owner = Object.values(nodes).find(
    (other) =>
      (other.type === "Retry" || other.type === "TaskGroup") &&
      node.name.startsWith(`${other.name}(`) &&
      other.children?.includes(node.id),
  );
  if (owner) return owner.id;
  if (node.boundaryID) return node.boundaryID;
  const hook = /^(.+?)\.(onExit|hooks\..+)$/.exec(node.name);
  return hook ? Object.keys(nodes)[0] : undefined;
}

function lineOf(node: NodeStatus): string {
  const seconds =
    node.startedAt && node.finishedAt ? ` ${(Date.parse(node.finishedAt) - Date.parse(node.startedAt)) / 1000}s` : "";
  return `${signs[node.phase ?? ""] ?? "·"} ${node.displayName ?? node.name}${seconds}${node.message ? `  ${node.message}` : ""}`;
}

export interface LogLine {
  /** The node's name as people see it. */
  node: string;
  pod: string;
  text: string;
}

/** What the workflow's own containers print, pod after pod as they start; with `follow` until the workflow is over. */
export async function* logsOf(
  client: Client,
  ref: ObjectRef,
  { follow = false, signal }: { follow?: boolean; signal: AbortSignal },
): AsyncGenerator<LogLine> {
  const seen = new Set<string>();
  const states = follow ? watchWorkflow(client, ref, signal) : [unpack(await client.get(Workflows, ref))];
  for await (const workflow of states) {
    const format = workflow.metadata.annotations?.[labels.podNameFormat];
    for (const node of Object.values(workflow.status?.nodes ?? {})) {
      if (node.type !== "Pod" || seen.has(node.id) || node.phase === "Pending") continue;
      seen.add(node.id);
      const template = node.templateRef?.template ?? node.templateName ?? "";
      const pod = podName(workflow.metadata.name, node.name, template, node.id, format);
      yield* podLogs(client, { namespace: ref.namespace ?? "", name: pod }, node.displayName ?? node.name, {
        follow,
        signal,
      });
    }
  }
}

async function* podLogs(
  client: Client,
  pod: Required<ObjectRef>,
  node: string,
  { follow, signal }: { follow: boolean; signal: AbortSignal },
): AsyncGenerator<LogLine> {
  const found = await client.find(Pods, pod);
  const containers = found?.metadata.annotations?.["capstan.dev/main-containers"]?.split(",") ?? ["main"];
  if (!found) return;
  for (const container of containers) {
    const url = `${pathOf(Pods, pod.namespace, pod.name, "log")}?container=${encodeURIComponent(container)}${follow ? "&follow=true" : ""}`;
    try {
      const { body } = await client.request({ url, signal });
      for await (const text of readLines(bytesOf(body))) yield { node, pod: pod.name, text };
    } catch (error) {
      // A container that never started has no logs.
      if (!isReason(error, "BadRequest", "NotFound")) throw error;
    }
  }
}
