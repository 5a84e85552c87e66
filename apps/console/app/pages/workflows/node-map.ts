import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { messageOf } from "@capstan/base/errors";
import { readChunks } from "@capstan/operators/workflow/nodes";
import { useEffect, useState } from "react";
import { client } from "../../api/client.ts";

export type NodeMap = Record<string, NodeStatus>;

export interface Nodes {
  nodes: NodeMap;
  /** Why the compressed list could not be unpacked. */
  error?: string;
}

/** Largest list of nodes that is unpacked, bytes: a gzip bomb ends here. */
const maxUnpacked = 64 * 1024 * 1024;

/** Nodes of a workflow, unpacked where the operator stored them compressed, fetched where they lie elsewhere. */
export function useNodes(workflow: Workflow | undefined): Nodes {
  const packed = workflow?.status?.compressedNodes;
  const version = workflow?.status?.offloadNodeStatusVersion;
  const [unpacked, setUnpacked] = useState<Nodes>({ nodes: {} });
  useEffect(() => {
    if (!workflow || !(packed || version)) return;
    let current = true;
    const reading = packed
      ? unpack(packed)
      : readChunks(client, workflow).then((chunks) => Object.assign({}, ...chunks));
    reading.then(
      (nodes) => current && setUnpacked({ nodes }),
      (error) => current && setUnpacked({ nodes: {}, error: messageOf(error) }),
    );
    return () => {
      current = false;
    };
  }, [packed, version]);
  if (packed || version) return unpacked;
  return { nodes: workflow?.status?.nodes ?? {} };
}

async function unpack(packed: string): Promise<NodeMap> {
  const bytes = Uint8Array.from(atob(packed), (char) => char.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const reader = stream.getReader();
  const decoder = new TextDecoder();
  let text = "";
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    text += decoder.decode(next.value, { stream: true });
    if (text.length > maxUnpacked) throw new Error(`it is larger than ${maxUnpacked} bytes (maxUnpacked)`);
  }
  return JSON.parse(text) as NodeMap;
}

export function labelOf(node: NodeStatus): string {
  return node.displayName ?? node.name;
}

/** Nodes that do work, as against those that only hold others together. */
export function isStep(node: NodeStatus): boolean {
  return !/^(Steps|StepGroup|DAG|TaskGroup|Retry)$/.test(node.type);
}
