// The operator's own copy of a workflow, with what it remembers of it.
import type { Pod } from "@capstan/api/generated/core-v1";
import type { Workflow } from "@capstan/api/kinds/workflow";
import type { KubeObject } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import type { PodFailure } from "./carry-out.ts";
import { pack, unpack } from "./compress.ts";
import { createMemory, type Effect, type Memory } from "./engine/index.ts";
import { ChunkWriter, offload, packedLimit, readChunks } from "./nodes/index.ts";

export interface Held {
  /** The operator's own copy, as last written or read. */
  workflow: Workflow;
  memory: Memory;
  /** Pods that the informer may not have seen yet. */
  made: Map<string, Pod>;
  failures: Map<string, PodFailure & { node: string; until: number; tries: number }>;
  /** What is to be written, and what may only be done after that. */
  unwritten: boolean;
  later: Effect[];
  /** When it may be written again, epoch milliseconds. */
  writeAt: number;
  /** Keeps nodes elsewhere, once they are too many. */
  chunks: ChunkWriter | undefined;
  /** While it is being written: versions of it that were seen meanwhile. */
  seen: Set<string> | undefined;
}
export const hold = (workflow: Workflow, before?: Held): Held => ({
  workflow,
  memory: createMemory(),
  made: before?.made ?? new Map(),
  failures: before?.failures ?? new Map(),
  unwritten: false,
  later: [],
  writeAt: before?.writeAt ?? 0,
  chunks: undefined,
  seen: undefined,
});

/** What somebody has written; nodes that lie elsewhere are read, or are those that were written here. */
export async function readHeld(client: Client, stored: Workflow, before: Held | undefined): Promise<Held> {
  const fresh = hold(unpack(stored), before);
  const { status } = fresh.workflow;
  const version = status?.offloadNodeStatusVersion;
  if (!status || !version) return fresh;
  if (before?.chunks && before.workflow.status?.offloadNodeStatusVersion === version) {
    status.nodes = before.workflow.status.nodes ?? {};
    return { ...fresh, chunks: before.chunks };
  }
  const chunks = await readChunks(client, stored);
  status.nodes = Object.assign({}, ...chunks) as NonNullable<typeof status.nodes>;
  return { ...fresh, chunks: new ChunkWriter(client, chunks) };
}

/** The workflow as it is stored, the size of its nodes, and whether it is to be written again after that. */
export async function packHeld(client: Client, held: Held): Promise<{ packed: Workflow; size: number; more: boolean }> {
  const { workflow } = held;
  if (!held.chunks) {
    const { packed, size } = pack(workflow);
    if ((packed.status?.compressedNodes?.length ?? 0) <= packedLimit) return { packed, size, more: false };
  }
  held.chunks ??= new ChunkWriter(client);
  const { packed, more } = await offload(workflow, held.chunks);
  const version = packed.status?.offloadNodeStatusVersion;
  if (workflow.status && version) workflow.status.offloadNodeStatusVersion = version;
  return { packed, size: packedLimit, more };
}

/** Resource versions of one server grow. */
export function isNewer(a: KubeObject, b: KubeObject): boolean {
  return BigInt(a.metadata.resourceVersion ?? 0) > BigInt(b.metadata.resourceVersion ?? 0);
}
