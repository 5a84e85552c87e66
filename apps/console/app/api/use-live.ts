import type { KubeObject, ObjectRef, Resource } from "@capstan/api/meta";
import { useMemo, useSyncExternalStore } from "react";
import { client } from "./client.ts";
import { type Collection, createCollection, type Selection, type Snapshot } from "./collection.ts";

// Shared by all components that show the same selection; one that nobody watches keeps its last state for a quick return.
const collections = new Map<string, Collection<KubeObject>>();
const kept = 40;

function shared<T extends KubeObject>(resource: Resource<T>, selection: Selection): Collection<T> {
  const key = JSON.stringify([resource.group, resource.resource, selection]);
  const known = collections.get(key) ?? createCollection(client, resource, selection);
  collections.delete(key);
  collections.set(key, known as Collection<KubeObject>);
  for (const oldest of collections.keys()) {
    if (collections.size <= kept) break;
    collections.delete(oldest);
  }
  return known as Collection<T>;
}

const nothing: Snapshot<never> = { items: [], state: "live" };
const idle: Collection<never> = { subscribe: () => () => {}, snapshot: () => nothing };

/** All objects of a kind in a selection, kept up to date. An empty namespace is all of them; `undefined` in place of the selection watches nothing. */
export function useLive<T extends KubeObject>(
  resource: Resource<T>,
  selection: Selection | undefined = {},
): Snapshot<T> {
  const { namespace, labelSelector, fieldSelector } = selection ?? {};
  const off = selection === undefined;
  const collection = useMemo(() => {
    if (off) return idle as Collection<T>;
    return shared(resource, {
      ...(namespace ? { namespace } : {}),
      ...(labelSelector ? { labelSelector } : {}),
      ...(fieldSelector ? { fieldSelector } : {}),
    });
  }, [resource, namespace, labelSelector, fieldSelector, off]);
  return useSyncExternalStore(collection.subscribe, collection.snapshot);
}

export interface LiveObject<T> extends Omit<Snapshot<T>, "items"> {
  object: T | undefined;
}

/** One object, kept up to date; state "live" without an object means that there is none. */
export function useLiveObject<T extends KubeObject>(resource: Resource<T>, ref: ObjectRef | undefined): LiveObject<T> {
  const selection = ref && {
    ...(ref.namespace ? { namespace: ref.namespace } : {}),
    fieldSelector: `metadata.name=${ref.name}`,
  };
  const { items, ...rest } = useLive(resource, selection);
  return { ...rest, object: items[0] };
}
