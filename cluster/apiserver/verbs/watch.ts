import { apiVersionOf, type KubeObject, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { isStoreError, type Progress, type StoreEvent, type Watch } from "@capstan/core/store";
import { eventLine } from "../json-lines.ts";
import type { ObjectMeta } from "../object-meta.ts";
import { encodeObject, prefixOf } from "../objects.ts";
import type { Call, Core } from "./call.ts";
import type { EventForm } from "./event-form.ts";
import { reach } from "./list.ts";
import { type ListOptions, listOptionsOf } from "./list-options.ts";

/** Milliseconds between bookmarks. Source: apiserver's bookmarkFrequency. */
const bookmarkPeriod = 60_000;
/** A watch without timeoutSeconds ends after one to two of these, in seconds. Source: apiserver's MinRequestTimeout. */
const defaultTimeout = 1800;

const initialEventsEnd = "k8s.io/initial-events-end";

interface WatchOptions extends ListOptions {
  initial: "none" | "all" | "all-and-bookmark";
  bookmarks: boolean;
  timeout: number;
}

function watchOptionsOf(call: Call): WatchOptions {
  const { query } = call.info;
  const options = listOptionsOf(call);
  const send = query.get("sendInitialEvents");
  const bookmarks = query.get("allowWatchBookmarks") === "true" || query.get("allowWatchBookmarks") === "1";
  if (send !== null && options.match !== "NotOlderThan") {
    throw new StatusError(
      "Invalid",
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
    );
  }
  if (send === null && options.match !== "") {
    throw new StatusError(
      "Invalid",
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
    );
  }
  const replays = send === null ? !options.resourceVersion : send === "true";
  const seconds = Number(query.get("timeoutSeconds") ?? 0);
  return {
    ...options,
    initial: !replays ? "none" : send === null || !bookmarks ? "all" : "all-and-bookmark",
    bookmarks,
    timeout: seconds > 0 ? seconds : defaultTimeout * (1 + Math.random()),
  };
}

/**
 * Opens a watch: the subscription stands when this resolves, the lines come as they are read.
 * Throws BadRequest and Invalid; what goes wrong later is an ERROR event, after which the stream ends.
 */
export async function watch(core: Core, call: Call, form: EventForm): Promise<AsyncIterable<Uint8Array>> {
  const options = watchOptionsOf(call);
  const prefix = prefixOf(call.kind, call.info.namespace);
  if (options.resourceVersion) await reach(core, options.resourceVersion, call.request.signal);
  const ending = AbortSignal.timeout(Math.min(Math.ceil(options.timeout * 1000), 2 ** 31 - 1));
  const signal = AbortSignal.any([call.request.signal, ending]);
  const { store } = core.objects;
  try {
    const revision = store.revision;
    const start = options.initial === "none" && options.resourceVersion ? options.resourceVersion : revision;
    const events = store.watch(prefix, { after: start, signal });
    const initial = options.initial === "none" ? [] : readInitial(core, prefix, options, form);
    return stream(call, options, { events, initial, revision, ending, form });
  } catch (thrown) {
    return one(form.error(toStatusError(thrown)));
  }
}

function readInitial(core: Core, prefix: string, { filter }: ListOptions, form: EventForm): Uint8Array[] {
  const query = filter ? { filter: filter as (meta: unknown, key: string) => boolean } : {};
  return core.objects.store.list(prefix, query).records.map((record) => form.added(record));
}

async function* one(line: Uint8Array): AsyncGenerator<Uint8Array> {
  yield line;
}

interface Opened {
  events: Watch;
  initial: Uint8Array[];
  revision: number;
  ending: AbortSignal;
  form: EventForm;
}

async function* stream(call: Call, options: WatchOptions, opened: Opened): AsyncGenerator<Uint8Array> {
  const { events, initial, revision, ending, form } = opened;
  const bookmark = (at: number, annotations?: Record<string, string>) => bookmarkLine(call, at, annotations);
  let last = options.resourceVersion ?? revision;
  const next = () => armBookmark(events);
  let timer = options.bookmarks ? next() : undefined;
  try {
    for (const line of initial) yield line;
    if (options.initial !== "none") last = revision;
    if (options.initial === "all-and-bookmark") yield bookmark(revision, { [initialEventsEnd]: "true" });
    for await (const event of events) {
      last = event.revision;
      const line = event.type === "progress" ? bookmark(last) : lineOf(event, options, form);
      if (line) yield line;
      if (event.type === "progress") timer = next();
    }
    if (options.bookmarks && ending.aborted && !call.request.signal.aborted) yield bookmark(last);
  } catch (thrown) {
    yield form.error(toStatusError(thrown));
  } finally {
    clearTimeout(timer);
  }
}

/** One deadline: the next is set when this bookmark has been read, so that a slow reader gathers none. */
function armBookmark(events: Watch): NodeJS.Timeout {
  return setTimeout(() => events.requestProgress(), bookmarkPeriod).unref();
}

function bookmarkLine({ kind }: Call, revision: number, annotations?: Record<string, string>): Uint8Array {
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(annotations ? { annotations } : {}),
  };
  return eventLine("BOOKMARK", encodeObject({ kind: kind.kind, apiVersion: apiVersionOf(kind), metadata }));
}

/** What an event means to a watcher with a selector: entering is ADDED, leaving is DELETED. */
function lineOf(
  event: Exclude<StoreEvent, Progress>,
  { filter }: ListOptions,
  form: EventForm,
): Uint8Array | undefined {
  if (!filter) return form.event(event);
  const before = event.previous !== undefined && filter((event.previous.meta ?? {}) as ObjectMeta, event.key);
  const after = event.type !== "deleted" && filter((event.value.meta ?? {}) as ObjectMeta, event.key);
  if (event.type === "deleted") return before ? form.event(event) : undefined;
  if (after) return before ? form.event(event) : form.entered(event);
  return before ? form.left(event) : undefined;
}

function toStatusError(thrown: unknown): StatusError {
  if (isStoreError(thrown, "Expired"))
    return new StatusError("Expired", `too old resource version: ${messageOf(thrown)}`);
  if (isStoreError(thrown, "Overflow", "Closed")) return new StatusError("Expired", messageOf(thrown));
  return StatusError.from(thrown);
}

export type { KubeObject };
