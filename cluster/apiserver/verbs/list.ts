import { apiVersionOf, StatusError } from "@capstan/api/meta";
import { isStoreError, type ListAnswer, type StoreRecord } from "@capstan/core/store";
import type { ListHeader } from "../json-lines.ts";
import type { Kind } from "../kind.ts";
import { convertServed, parseServed, prefixOf, requireReadable } from "../objects.ts";
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
  if (options.selects && options.limit > 0) return listSelected(core, call, prefix, options, options.selects);
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
  return { header: headerOf(kind, metadata), records };
}

/** Lists of custom kinds always say where they go on. */
function headerOf(kind: Kind, metadata: ListHeader["metadata"]): ListHeader {
  if (kind.custom) metadata.continue ??= "";
  return { kind: kind.listKind, apiVersion: apiVersionOf(kind), metadata };
}

/** Objects read at a time where only their contents tell whether they are asked for. */
const pageSize = 500;

/** A page of a list by fields that only the objects themselves tell. */
async function listSelected(
  core: Core,
  { kind }: Call,
  prefix: string,
  options: ListOptions,
  selects: NonNullable<ListOptions["selects"]>,
): Promise<Listing> {
  const records: StoreRecord[] = [];
  let continuation = options.continuation;
  let revision = 0;
  for (;;) {
    const answer = read(core, prefix, { ...options, continuation, limit: pageSize });
    revision ||= answer.revision;
    const served = kind.converter ? await convertServed(kind, answer.records) : answer.records;
    for (const record of served) {
      if (!selects(parseServed(kind, record.bytes))) continue;
      // One more than asked for: there is a next page.
      if (records.length === options.limit) return page(kind, prefix, revision, records, true);
      records.push(record);
    }
    const last = answer.records.at(-1);
    if (answer.remaining === 0 || !last) return page(kind, prefix, revision, records, false);
    continuation = { revision, after: last.key.slice(prefix.length) };
  }
}

function page(kind: Kind, prefix: string, revision: number, records: StoreRecord[], more: boolean): Listing {
  const last = records.at(-1);
  const metadata: ListHeader["metadata"] = { resourceVersion: String(revision) };
  if (more && last) metadata.continue = encodeContinuation({ revision, after: last.key.slice(prefix.length) });
  return { header: headerOf(kind, metadata), records };
}

function read(core: Core, prefix: string, options: ListOptions): ListAnswer {
  const { filter, limit, continuation } = options;
  const exact = continuation?.revision ?? (options.match === "Exact" ? options.resourceVersion : undefined);
  requireReadable(core.objects.store, prefix);
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
  throw new StatusError("Timeout", `Timeout: Too large resource version: ${revision}, current: ${store.revision}`, {
    causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
    retryAfterSeconds: 1,
  });
}
