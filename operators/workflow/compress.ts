// Large statuses: beyond 1 MiB the nodes travel as base64 of gzip, as upstream's `compressedNodes`.
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";

const plainLimit = 1024 * 1024;
/** Largest nodes that are unpacked. */
const unpackedLimit = 512 * 1024 * 1024;

/** Workflows whose nodes are not longer are written at each change; characters. */
const smallSize = 16 * 1024;
/** Of the time, writing a larger one may take one part in so many; and the longest rest in milliseconds. */
const share = 15;
const longestRest = 5000;

/** How long a workflow is left alone, when writing it took so many milliseconds: a large one costs everybody who sees it. */
export function restAfter(size: number, took: number): number {
  return size <= smallSize ? 0 : Math.min(longestRest, took * share);
}

/** The workflow as it is stored, and the size of its nodes. The given one is not changed. */
export function pack(workflow: Workflow): { packed: Workflow; size: number } {
  const { nodes, ...status } = workflow.status ?? {};
  if (!nodes) return { packed: workflow, size: 0 };
  const text = JSON.stringify(nodes);
  const size = text.length;
  const { compressedNodes: _, ...rest } = status;
  if (size <= plainLimit) return { packed: { ...workflow, status: { ...rest, nodes } }, size };
  const compressedNodes = gzipSync(text, { level: 1 }).toString("base64");
  return { packed: { ...workflow, status: { ...rest, compressedNodes } }, size };
}

/** A copy with its nodes readable. */
export function unpack(workflow: Workflow): Workflow {
  const copy = structuredClone(workflow);
  const packed = copy.status?.compressedNodes;
  if (!packed || !copy.status) return copy;
  const text = gunzipSync(Buffer.from(packed, "base64"), { maxOutputLength: unpackedLimit }).toString();
  copy.status.nodes = JSON.parse(text) as Record<string, NodeStatus>;
  delete copy.status.compressedNodes;
  return copy;
}
