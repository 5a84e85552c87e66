// A live list of one kind: a watch that begins with the present state, comes back by itself, and tells React in batches.
import { isReason, type KubeObject, keyOf, type Resource, refOf, StatusError } from "@capstan/api/meta";
import { backoff, sleep } from "@capstan/base/async";
import type { Client, WatchEvent } from "@capstan/core/client";

export interface Selection {
  namespace?: string;
  labelSelector?: string;
  fieldSelector?: string;
}

export interface Snapshot<T> {
  items: T[];
  /** loading: nothing known yet. live: complete and following. stale: known, but the stream broke. failed: the API refused. */
  state: "loading" | "live" | "stale" | "failed";
  error?: StatusError;
}

export interface Collection<T> {
  /** Watches while anybody listens. */
  subscribe(listener: () => void): () => void;
  /** The same object until something changes. */
  snapshot(): Snapshot<T>;
}

const retry = { base: 250, cap: 15_000 };
/** Failed attempts before a page that has shown nothing yet says so. */
const patience = 3;

export function createCollection<T extends KubeObject>(
  client: Client,
  resource: Resource<T>,
  selection: Selection,
): Collection<T> {
  const listeners = new Set<() => void>();
  let objects = new Map<string, T>();
  let snapshot: Snapshot<T> = { items: [], state: "loading" };
  let stop: AbortController | undefined;
  let pending = false;

  const publish = (change: Omit<Snapshot<T>, "items">) => {
    snapshot = { items: [...objects.values()], ...change };
    for (const listener of listeners) listener();
  };
  // A burst of events costs one render. A timer, since hidden tabs get no animation frames.
  const publishSoon = () => {
    if (pending) return;
    pending = true;
    setTimeout(() => {
      pending = false;
      publish({ state: "live" });
    }, 30);
  };

  /** One stream, from the present state on. Known objects stay until the new state is whole. */
  const follow = async (signal: AbortSignal) => {
    let fresh: Map<string, T> | undefined = new Map();
    for await (const event of client.watch(resource, { ...selection, signal })) {
      if (event.type === "BOOKMARK") {
        if (fresh && isComplete(event)) {
          objects = fresh;
          fresh = undefined;
          publish({ state: "live" });
        }
        continue;
      }
      const key = keyOf(refOf(event.object));
      if (event.type === "DELETED") (fresh ?? objects).delete(key);
      else (fresh ?? objects).set(key, event.object);
      if (!fresh) publishSoon();
    }
  };

  const run = async (signal: AbortSignal) => {
    for (let attempt = 0; !signal.aborted; attempt++) {
      try {
        await follow(signal);
        attempt = -1;
      } catch (thrown) {
        if (signal.aborted) return;
        if (!isReason(thrown, "Expired", "Gone")) {
          const error = StatusError.from(thrown);
          const refused = error.code >= 400 && error.code < 500;
          // The first attempts may meet a connection that is just being made.
          const early = snapshot.state === "loading" && attempt < patience;
          if (refused || !early) publish({ state: refused ? "failed" : "stale", error });
        }
        await sleep(backoff(attempt, retry), signal);
      }
    }
  };

  return {
    snapshot: () => snapshot,
    subscribe(listener) {
      listeners.add(listener);
      if (!stop) {
        stop = new AbortController();
        void run(stop.signal);
      }
      return () => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        stop?.abort();
        stop = undefined;
      };
    },
  };
}

function isComplete(event: WatchEvent<unknown> & { type: "BOOKMARK" }): boolean {
  return event.object.metadata.annotations?.["k8s.io/initial-events-end"] === "true";
}
