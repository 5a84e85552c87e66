import { isReason, type KubeObject, type ObjectRef, type Resource } from "@capstan/api/meta";
import type { Client } from "./client.ts";

/** Every state of one object, the present one first, until the signal aborts. */
export async function* statesOf<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  { namespace, name }: ObjectRef,
  signal: AbortSignal,
): AsyncGenerator<T> {
  while (!signal.aborted) {
    const scope = namespace === undefined ? {} : { namespace };
    try {
      for await (const event of client.watch(resource, { ...scope, fieldSelector: `metadata.name=${name}`, signal })) {
        if (event.type === "ADDED" || event.type === "MODIFIED") yield event.object;
      }
    } catch (error) {
      // The server ends a watch now and then: the next one starts from the present state.
      if (!signal.aborted && !isReason(error, "Expired", "Gone")) throw error;
    }
  }
}

/** Resolves with the first state that passes; rejects when the signal aborts before. */
export async function waitFor<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  ref: ObjectRef,
  passes: (object: T) => boolean,
  signal: AbortSignal,
): Promise<T> {
  const local = new AbortController();
  const either = AbortSignal.any([signal, local.signal]);
  try {
    for await (const object of statesOf(client, resource, ref, either)) if (passes(object)) return object;
    throw signal.reason;
  } finally {
    local.abort();
  }
}

/** Resolves when the object of this uid is there no more; rejects when the signal aborts before. */
export async function waitGone<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  ref: ObjectRef,
  uid: string,
  signal: AbortSignal,
): Promise<void> {
  const { namespace, name } = ref;
  const scope = namespace === undefined ? {} : { namespace };
  const isThere = async () => (await client.find(resource, ref))?.metadata.uid === uid;
  while (await isThere()) {
    signal.throwIfAborted();
    const local = new AbortController();
    const either = AbortSignal.any([signal, local.signal]);
    try {
      const events = client.watch(resource, { ...scope, fieldSelector: `metadata.name=${name}`, signal: either });
      for await (const event of events) {
        if (event.type === "DELETED") return;
        // What went before the watch began is seen by asking again once its first state is in.
        if (event.type === "BOOKMARK" && !(await isThere())) return;
      }
    } catch (error) {
      if (!isReason(error, "Expired", "Gone")) throw error;
    } finally {
      local.abort();
    }
  }
}
