// Nodes of large workflows travel as base64 of gzip. Web streams: the same in a browser.
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";

/** How the nodes of a workflow are read and written. */
export interface NodeCodec {
  /** A copy whose nodes are plain. */
  unpack(workflow: Workflow): Promise<Workflow>;
  /** What is written. */
  pack(workflow: Workflow): Promise<Workflow>;
}

const plainLimit = 1024 * 1024;

export async function unpackNodes(workflow: Workflow): Promise<Workflow> {
  const copy = structuredClone(workflow);
  const packed = copy.status?.compressedNodes;
  if (!copy.status || !packed) return copy;
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const text = await new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
  copy.status.nodes = JSON.parse(text) as Record<string, NodeStatus>;
  delete copy.status.compressedNodes;
  return copy;
}

export async function packNodes(workflow: Workflow): Promise<Workflow> {
  const { nodes, compressedNodes: _, ...status } = workflow.status ?? {};
  if (!nodes) return workflow;
  const text = JSON.stringify(nodes);
  if (text.length <= plainLimit) return { ...workflow, status: { ...status, nodes } };
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  let letters = "";
  for (const byte of bytes) letters += String.fromCharCode(byte);
  return { ...workflow, status: { ...status, compressedNodes: btoa(letters) } };
}
