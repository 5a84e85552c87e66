import { apiVersionOf, StatusError } from "@capstan/api/meta";
import { isStoreError, type ListAnswer, type StoreRecord } from "@capstan/core/store";
import type { ListHeader } from "../json-lines.ts";
import { convertServed, parseServed, prefixOf } from "../objects.ts";
import type { Call, Core } from "./call.ts";
import { type Continuation, encodeContinuation, type ListOptions, listOptionsOf } from "./list-options.ts";

export interface Listing {
  header: ListHeader;
  records: StoreRecord[];
}

/** The objects that a list asks for, in the order of their keys. Throws Expired, Timeout, BadRequest. */
export async function list(core: Core, call: Call): Promise<Listing> {
  const options = listOptionsOf(call);
  const { kind, info } = call;
  const prefix = prefixOf(kind, info.namespace);
  if (options.resourceVersion) await reach(core, options.resourceVersion, call.request.signal);
  const answer = read(core, prefix, options);
  const metadata: ListHeader["metadata"] = { resourceVersion: String(answer.revision) };
  const last = answer.records.at(-1);
  if (answer.remaining > 0 && last) {
    metadata.continue = encodeContinuation({ revision: answer.revision, after: last.key.slice(prefix.length) });
    if (!options.filter) metadata.remainingItemCount = answer.remaining;
  }
  const served = kind.converter ? await convertServed(kind, answer.records) : answer.records;
  const { selects } = options;
  const records = selects ? served.filter(({ bytes }) => selects(parseServed(kind, bytes))) : served;
  return { header: { kind: kind.listKind, apiVersion: apiVersionOf(kind), metadata }, records };
}

function read(core: Core, prefix: string, options: ListOptions): ListAnswer {
  const { filter, limit, continuation } = options;
  const exact = continuation?.revision ?? (options.match === "Exact" ? options.resourceVersion : undefined);
  try {
    return core.objects.store.list(prefix, {
      ...(limit > 0 ? { limit } : {}),
      ...(continuation ? { after: prefix + continuation.after } : {}),
      ...(exact ? { revision: exact } : {}),
      ...(filter ? { filter: filter as (meta: unknown, key: string) => boolean } : {}),
    });
  } catch (thrown) {
    if (isStoreError(thrown, "Expired")) throw expired(core, continuation);
    throw thrown;
  }
}

/** With a continuation, the answer holds one that goes on from the same place in the newest state. */
function expired(core: Core, continuation: Continuation | undefined): StatusError {
  if (!continuation) return new StatusError("Expired", "The resourceVersion for the provided list is too old.");
  const fresh = encodeContinuation({ ...continuation, revision: core.objects.store.revision });
  const error = new StatusError(
    "Expired",
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.",
  );
  const status = error.toStatus();
  error.toStatus = () => ({ ...status, metadata: { continue: fresh } as unknown as Record<string, never> });
  return error;
}

/** A client may be ahead of this server for this long, in milliseconds. Source: apiserver's watch cache. */
const aheadLimit = 3000;

/** Waits until the store has reached a revision. Throws Timeout with the cause ResourceVersionTooLarge. */
export async function reach(core: Core, revision: number, signal: AbortSignal): Promise<void> {
  const { store } = core.objects;
  if (store.revision >= revision) return;
  const over = AbortSignal.any([signal, AbortSignal.timeout(aheadLimit)]);
  for await (const event of store.watch("", { signal: over })) if (event.revision >= revision) return;
  throw new StatusError("Timeout", `Too large resource version: ${revision}, current: ${store.revision}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}
