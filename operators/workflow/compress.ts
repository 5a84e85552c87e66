// Large statuses: beyond 1 MiB the nodes travel as base64 of gzip, as upstream's `compressedNodes`.
import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync } from "node:zlib";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";

const plainLimit = 1024 * 1024;
/** Largest nodes that are unpacked. */
const unpackedLimit = 512 * 1024 * 1024;

/** The workflow as it is stored. The given one is not changed. */
export function pack(workflow: Workflow): Workflow {
  const { nodes, ...status } = workflow.status ?? {};
  if (!nodes) return workflow;
  // A node is seldom shorter than 200 characters: few nodes need no measuring.
  if (Object.keys(nodes).length < 500 && !status.compressedNodes) {
    const size = JSON.stringify(nodes).length;
    if (size <= plainLimit) return workflow;
  }
  const text = JSON.stringify(nodes);
  const { compressedNodes: _, ...rest } = status;
  if (text.length <= plainLimit) return { ...workflow, status: { ...rest, nodes } };
  return { ...workflow, status: { ...rest, compressedNodes: gzipSync(text, { level: 1 }).toString("base64") } };
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
