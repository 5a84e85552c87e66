import { isReason, type KubeObject, type Resource } from "@capstan/api/meta";
import { backoff, sleep } from "@capstan/base/async";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import type { Cache } from "./cache.ts";

const initialEnd = "k8s.io/initial-events-end";

export interface ReflectorOptions<T extends KubeObject> {
  client: Pick<Client, "list" | "watch">;
  resource: Resource<T>;
  cache: Cache<T>;
  log: Logger;
  /** Resolves when a kind that the server does not know may have become known. */
  served(resource: Resource, signal: AbortSignal): Promise<void>;
}

/** Keeps a cache as the server is: watches, resumes, and lists again when its version has expired. */
export async function reflect<T extends KubeObject>(options: ReflectorOptions<T>, signal: AbortSignal): Promise<void> {
  const { resource, log, served } = options;
  const state: State = { version: undefined, lists: false };
  let failures = 0;
  while (!signal.aborted) {
    try {
      const before = state.version;
      await follow(options, state, signal);
      failures = state.version === before ? failures + 1 : 0;
      if (failures < 2) continue;
    } catch (error) {
      if (isReason(error, "Expired", "Gone")) {
        state.version = undefined;
        continue;
      }
      if (!state.lists && state.version === undefined && isReason(error, "Invalid", "BadRequest")) {
        state.lists = true;
        continue;
      }
      failures++;
      const missing = isReason(error, "NotFound");
      log[missing ? "debug" : "warn"]("the watch failed and is tried again", { resource: resource.resource, error });
      if (missing) {
        const wait = new AbortController();
        const either = AbortSignal.any([signal, wait.signal]);
        await Promise.race([served(resource, either), sleep(backoff(failures, { base: 50, cap: 30_000 }), either)]);
        wait.abort();
        continue;
      }
    }
    await sleep(backoff(failures, { base: 10, cap: 10_000 }), signal);
  }
}

interface State {
  /** Where to resume; absent: from the whole present state. */
  version: string | undefined;
  /** The server does not stream the present state: it is listed. */
  lists: boolean;
}

/** One watch, until it ends. */
async function follow<T extends KubeObject>(
  { client, resource, cache }: ReflectorOptions<T>,
  state: State,
  signal: AbortSignal,
): Promise<void> {
  if (state.version === undefined && state.lists) {
    const { items, resourceVersion } = await client.list(resource);
    cache.replace(items, resourceVersion);
    state.version = resourceVersion;
  }
  let initial: T[] | undefined = state.version === undefined ? [] : undefined;
  const start = state.version === undefined ? {} : { resourceVersion: state.version };
  for await (const { type, object } of client.watch(resource, { signal, ...start })) {
    const { resourceVersion = "" } = object.metadata;
    if (type === "BOOKMARK") {
      if (initial && object.metadata.annotations?.[initialEnd] === "true") {
        cache.replace(initial, resourceVersion);
        initial = undefined;
      } else cache.reached(resourceVersion);
    } else if (initial) {
      initial.push(object as T);
      continue;
    } else cache.apply(type, object as T);
    if (!initial) state.version = resourceVersion;
  }
}
