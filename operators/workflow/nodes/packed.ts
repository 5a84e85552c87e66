// Nodes of large workflows travel as base64 of gzip. Web streams: the same in a browser.
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";

export type Nodes = Record<string, NodeStatus>;

const plainLimit = 1024 * 1024;
/** Largest text that is unpacked, characters: a gzip bomb ends here. */
const unpackedLimit = 512 * 1024 * 1024;

/** Base64 of gzip. */
export async function packText(text: string): Promise<string> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const letters: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000)
    letters.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  return btoa(letters.join(""));
}

export async function unpackText(packed: string): Promise<string> {
  const bytes = Uint8Array.from(atob(packed), (letter) => letter.charCodeAt(0));
  const reader = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip")).getReader();
  const decoder = new TextDecoder();
  const parts: string[] = [];
  let length = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    const part = decoder.decode(next.value, { stream: true });
    length += part.length;
    if (length > unpackedLimit) throw new Error(`nodes are larger than ${unpackedLimit} characters (unpackedLimit)`);
    parts.push(part);
  }
  return parts.join("");
}

/** A copy with its nodes plain, where they are on the workflow. */
export async function unpackNodes(workflow: Workflow): Promise<Workflow> {
  const copy = structuredClone(workflow);
  const packed = copy.status?.compressedNodes;
  if (!copy.status || !packed) return copy;
  copy.status.nodes = JSON.parse(await unpackText(packed)) as Nodes;
  delete copy.status.compressedNodes;
  return copy;
}

/** The workflow as it is stored; its nodes are packed when they are long. */
export async function packNodes(workflow: Workflow): Promise<Workflow> {
  const { nodes, compressedNodes: _, ...status } = workflow.status ?? {};
  if (!nodes) return workflow;
  const text = JSON.stringify(nodes);
  if (text.length <= plainLimit) return { ...workflow, status: { ...status, nodes } };
  return { ...workflow, status: { ...status, compressedNodes: await packText(text) } };
}
