import { apiVersionOf, type KubeObject, StatusError } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import {
  type Encoded,
  isStoreError,
  type Progress,
  type StoreEvent,
  type StoreRecord,
  type Watch,
} from "@capstan/core/store";
import { eventLine } from "../json-lines.ts";
import type { Kind } from "../kind.ts";
import type { ObjectMeta } from "../object-meta.ts";
import { convertServed, encodeObject, parseServed, prefixOf, requireReadable } from "../objects.ts";
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
    const records = options.initial === "none" ? [] : readInitial(core, prefix, options);
    const initial = (await servedInitial(call.kind, records, options)).map((record) => form.added(record));
    const removal = call.kind.custom ? core.registry.removalOf(call.kind) : undefined;
    return stream(call, options, { events, initial, revision, ending, form, removal });
  } catch (thrown) {
    return one(form.error(toStatusError(thrown)));
  }
}

function readInitial(core: Core, prefix: string, { filter }: ListOptions): StoreRecord[] {
  requireReadable(core.objects.store, prefix);
  const query = filter ? { filter: filter as (meta: unknown, key: string) => boolean } : {};
  return core.objects.store.list(prefix, query).records;
}

async function servedInitial(kind: Kind, records: StoreRecord[], { selects }: ListOptions): Promise<StoreRecord[]> {
  const served = kind.converter ? await convertServed(kind, records) : records;
  return selects ? served.filter(({ bytes }) => selects(parseServed(kind, bytes))) : served;
}

type Change = Exclude<StoreEvent, Progress>;
const converted = new WeakMap<Kind, WeakMap<Change, Promise<Change>>>();

/** An event with the bytes of the served version: a webhook is asked once for all watchers. */
function servedEvent(kind: Kind, event: Change): Change | Promise<Change> {
  if (!kind.converter) return event;
  let known = converted.get(kind);
  if (!known) {
    known = new WeakMap();
    converted.set(kind, known);
  }
  let served = known.get(event);
  if (!served) {
    served = convertEvent(kind, event);
    known.set(event, served);
  }
  return served;
}

async function convertEvent(kind: Kind, event: Change): Promise<Change> {
  const { value, previous } = event;
  const [next = value, before] = await convertServed<Encoded>(kind, previous ? [value, previous] : [value]);
  return { ...event, value: next, ...(previous && before ? { previous: { ...previous, bytes: before.bytes } } : {}) };
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
  /** Of a custom kind: its definition is gone, or says something else. */
  removal: AbortSignal | undefined;
}

async function* stream(call: Call, options: WatchOptions, opened: Opened): AsyncGenerator<Uint8Array> {
  const { events, initial, revision, ending, form, removal } = opened;
  // What happened before is told first: the progress comes behind it.
  const finish = () => events.requestProgress();
  removal?.addEventListener("abort", finish, { once: true });
  const bookmark = (at: number, annotations?: Record<string, string>) => bookmarkLine(call, at, annotations);
  let last = options.resourceVersion ?? revision;
  const next = () => armBookmark(events);
  let timer = options.bookmarks ? next() : undefined;
  try {
    for (const line of initial) yield line;
    if (options.initial !== "none") last = revision;
    if (options.initial === "all-and-bookmark") yield bookmark(revision, { [initialEventsEnd]: "true" });
    if (removal?.aborted) finish();
    for await (const event of events) {
      if (event.type === "progress" && removal?.aborted) break;
      const line =
        event.type === "progress"
          ? bookmark(event.revision)
          : lineOf(call.kind, await servedEvent(call.kind, event), options, form);
      last = event.revision;
      if (line) yield line;
      if (event.type === "progress") timer = next();
    }
    if (options.bookmarks && ending.aborted && !call.request.signal.aborted) yield bookmark(last);
  } catch (thrown) {
    yield form.error(toStatusError(thrown));
  } finally {
    removal?.removeEventListener("abort", finish);
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
function lineOf(kind: Kind, event: Change, options: ListOptions, form: EventForm): Uint8Array | undefined {
  const { filter, selects } = options;
  if (!filter && !selects) return form.event(event);
  const passes = ({ bytes, meta }: Encoded) =>
    (!filter || filter((meta ?? {}) as ObjectMeta, event.key)) && (!selects || selects(parseServed(kind, bytes)));
  const before = event.previous !== undefined && passes(event.previous);
  const after = event.type !== "deleted" && passes(event.value);
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
