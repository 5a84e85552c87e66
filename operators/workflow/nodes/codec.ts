// How the nodes of a workflow are read and written, wherever they are.
import type { Workflow } from "@capstan/api/kinds/workflow";
import type { Client } from "@capstan/core/client";
import { ChunkWriter, readChunks } from "./chunks.ts";
import { packNodes, unpackNodes } from "./packed.ts";

export interface NodeCodec {
  /** A copy whose nodes are plain. */
  unpack(workflow: Workflow): Promise<Workflow>;
  /** What is written. Nodes that lay elsewhere, or are too many, are written there. */
  pack(workflow: Workflow): Promise<Workflow>;
}

/** Longest compressed nodes on the workflow itself, characters. Source: argo-workflows docs/offloading-large-workflows.md. */
export const packedLimit = 1024 * 1024;

export function createNodeCodec(client: Client): NodeCodec {
  return {
    async unpack(workflow) {
      const plain = await unpackNodes(workflow);
      if (!plain.status?.offloadNodeStatusVersion) return plain;
      plain.status.nodes = Object.assign({}, ...(await readChunks(client, plain)));
      return plain;
    },
    async pack(workflow) {
      const { offloadNodeStatusVersion: before, ...status } = workflow.status ?? {};
      if (before === undefined) {
        const packed = await packNodes(workflow);
        if ((packed.status?.compressedNodes?.length ?? 0) <= packedLimit) return packed;
      }
      // A workflow that is still to be created owns nothing yet.
      if (!workflow.metadata.uid) throw new Error(`its nodes are longer than ${packedLimit} characters (packedLimit)`);
      const writer = new ChunkWriter(client);
      for (;;) {
        const { packed, more } = await offload({ ...workflow, status }, writer);
        if (!more) return packed;
      }
    },
  };
}

/** Writes the nodes to their chunks; answers the workflow as it is stored. With `more` it is to be done again then. */
export async function offload(workflow: Workflow, writer: ChunkWriter): Promise<{ packed: Workflow; more: boolean }> {
  const { version: offloadNodeStatusVersion, more } = await writer.write(workflow);
  const { nodes: _, compressedNodes: __, taskResultsCompletionStatus: results, ...status } = workflow.status ?? {};
  // What is complete says so on its node; a word for each would be as long as the nodes.
  const open = Object.entries(results ?? {}).filter(([, complete]) => !complete);
  const taskResultsCompletionStatus = Object.fromEntries(open);
  return {
    packed: { ...workflow, status: { ...status, taskResultsCompletionStatus, offloadNodeStatusVersion } },
    more,
  };
}
