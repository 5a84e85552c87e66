import type { StatusError } from "@capstan/api/meta";
import type { StoreEvent, StoreRecord } from "@capstan/core/store";
import { eventLine } from "../json-lines.ts";
import type { Kind } from "../kind.ts";
import { encodeObject, parseServed, servedBytes } from "../objects.ts";

/** Writes the lines of a watch in the form that its client asked for. */
export interface EventForm {
  added(record: StoreRecord): Uint8Array;
  event(event: StoreEvent): Uint8Array;
  /** The object came to meet the selector. */
  entered(event: StoreEvent): Uint8Array;
  /** The object no longer meets the selector: its old body, stamped with the event's revision. */
  left(event: StoreEvent): Uint8Array;
  error(error: StatusError): Uint8Array;
}

const types = { created: "ADDED", updated: "MODIFIED", deleted: "DELETED" } as const;

/** Lines of plain objects: each event is encoded once for all watchers of the served version. */
export function objectForm(kind: Kind): EventForm {
  const cache = cacheOf(kind);
  return {
    added: (record) => eventLine("ADDED", servedBytes(kind, record.bytes)),
    event: (event) =>
      once(cache.events, event, () => eventLine(types[event.type], servedBytes(kind, event.value.bytes))),
    entered: (event) =>
      event.type === "created"
        ? once(cache.events, event, () => eventLine("ADDED", servedBytes(kind, event.value.bytes)))
        : eventLine("ADDED", servedBytes(kind, event.value.bytes)),
    left: (event) => once(cache.left, event, () => eventLine("DELETED", encodeObject(leftObject(kind, event)))),
    error: errorLine,
  };
}

/** Lines that hold what `render` makes of each object, such as a Table of one row. */
export function renderedForm(kind: Kind, render: (object: ReturnType<typeof parseServed>) => unknown): EventForm {
  const line = (type: string, bytes: Uint8Array) => eventLine(type, encodeObject(render(parseServed(kind, bytes))));
  return {
    added: (record) => line("ADDED", record.bytes),
    event: (event) => line(types[event.type], event.value.bytes),
    entered: (event) => line("ADDED", event.value.bytes),
    left: (event) => eventLine("DELETED", encodeObject(render(leftObject(kind, event)))),
    error: errorLine,
  };
}

const errorLine = (error: StatusError): Uint8Array => eventLine("ERROR", encodeObject(error.toStatus()));

function leftObject(kind: Kind, event: StoreEvent): ReturnType<typeof parseServed> {
  const object = parseServed(kind, event.previous?.bytes ?? event.value.bytes);
  object.metadata.resourceVersion = String(event.revision);
  return object;
}

interface Cache {
  events: WeakMap<StoreEvent, Uint8Array>;
  left: WeakMap<StoreEvent, Uint8Array>;
}
const caches = new WeakMap<Kind, Cache>();

function cacheOf(kind: Kind): Cache {
  let cache = caches.get(kind);
  if (!cache) {
    cache = { events: new WeakMap(), left: new WeakMap() };
    caches.set(kind, cache);
  }
  return cache;
}

function once(cache: WeakMap<StoreEvent, Uint8Array>, event: StoreEvent, make: () => Uint8Array): Uint8Array {
  let line = cache.get(event);
  if (!line) {
    line = make();
    cache.set(event, line);
  }
  return line;
}
