import { apiVersionOf, type KubeObject, type Resource } from "@capstan/api/meta";
import type { StoreRecord } from "@capstan/core/store";
import type { Kind } from "./kind.ts";
import { type Objects, parseServed, prefixOf } from "./objects.ts";
import type { Registry } from "./registry.ts";
import type { View } from "./request.ts";

/** A parsed object and the record it was parsed from: the store hands out the same record until its key changes. */
interface Parsed {
  revision: number;
  object: KubeObject;
}
interface CachedList {
  /** The store's revision when the list was last compared: nothing has changed while that stays. */
  at: number;
  revisions: string;
  objects: KubeObject[];
}

/** Parsed objects kept at most. */
const cacheLimit = 4096;

/** Sees the store as typed objects; parses each version of an object once. */
export function createView(registry: Registry, objects: Objects): View {
  const parsed = new Map<string, Parsed>();
  const lists = new Map<string, CachedList>();
  const parse = (kind: Kind, record: StoreRecord): KubeObject => {
    const id = `${kind.version}:${record.key}`;
    const cached = parsed.get(id);
    if (cached?.revision === record.revision) return cached.object;
    if (parsed.size >= cacheLimit) parsed.clear();
    const object = parseServed(kind, record.bytes);
    parsed.set(id, { revision: record.revision, object });
    return object;
  };
  return {
    get<T extends KubeObject>(resource: Resource<T>, ref: { namespace?: string; name: string }) {
      const kind = registry.find(resource);
      const record = kind && objects.find(kind, ref);
      return record ? (parse(kind, record) as T) : undefined;
    },
    list<T extends KubeObject>(resource: Resource<T>, namespace?: string) {
      const kind = registry.find(resource);
      if (!kind) return [];
      const id = `${apiVersionOf(kind)}:${prefixOf(kind, namespace)}`;
      const cached = lists.get(id);
      const at = objects.store.revision;
      if (cached?.at === at) return cached.objects as T[];
      const { records } = objects.list(kind, namespace ?? "");
      const revisions = records.map(({ revision }) => revision).join();
      if (cached?.revisions === revisions) {
        cached.at = at;
        return cached.objects as T[];
      }
      const list = records.map((record) => parse(kind, record));
      lists.set(id, { at, revisions, objects: list });
      return list as T[];
    },
    resource: (group, version, resource) => registry.find({ group, version, resource }),
    resourceOfKind: (group, version, kind) => registry.findKind(group, version, kind),
  };
}
