import { type Workflow, Workflows } from "@capstan/api/kinds/workflow";
import { isReason, type ObjectRef } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import { isWorkflowOver } from "../engine/index.ts";
import { createNodeCodec } from "../nodes/index.ts";

/** Each state of a workflow, the present one first; ends after its last one. Throws NotFound when it is deleted meanwhile. */
export async function* watchWorkflow(client: Client, ref: ObjectRef, signal: AbortSignal): AsyncGenerator<Workflow> {
  const { unpack } = createNodeCodec(client);
  const first = await client.get(Workflows, ref);
  yield await unpack(first);
  if (isWorkflowOver(first.status?.phase)) return;
  const { namespace = "", name } = ref;
  const stop = new AbortController();
  const both = AbortSignal.any([signal, stop.signal]);
  const options = { namespace, fieldSelector: `metadata.name=${name}`, signal: both };
  try {
    while (!both.aborted) {
      try {
        for await (const event of client.watch(Workflows, options)) {
          if (event.type === "BOOKMARK") continue;
          if (event.type === "DELETED") await client.get(Workflows, ref);
          yield await unpack(event.object);
          if (isWorkflowOver(event.object.status?.phase)) return;
        }
      } catch (error) {
        // The server ends a watch now and then: the next one starts from the present state.
        if (!isReason(error, "Expired", "Gone")) throw error;
      }
    }
  } finally {
    stop.abort();
  }
}
