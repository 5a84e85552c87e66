import { apiVersionOf, type KubeObject, type Resource } from "@capstan/api/meta";
import type { StoreRecord } from "@capstan/core/store";
import type { Kind } from "./kind.ts";
import { convertBetween, type Objects, parseServed, prefixOf } from "./objects.ts";
import type { Registry } from "./registry.ts";
import type { View } from "./request.ts";

/** A parsed object and the revision it was parsed at. */
interface Parsed {
  revision: number;
  object: KubeObject;
}
interface CachedList {
  /** The store's revision when the list was last compared. */
  at: number;
  records: readonly StoreRecord[];
  objects: KubeObject[];
}

/** Objects read one by one that are kept parsed at most: the oldest go first. */
const cacheLimit = 4096;

/** Sees the store as typed objects; parses each version of an object once. */
export function createView(registry: Registry, objects: Objects): View {
  const parsed = new Map<string, Parsed>();
  const lists = new Map<string, CachedList>();
  const parse = (kind: Kind, record: StoreRecord): KubeObject => {
    const id = `${kind.version}:${record.key}`;
    const cached = parsed.get(id);
    if (cached?.revision === record.revision) return cached.object;
    if (parsed.size >= cacheLimit) parsed.delete(parsed.keys().next().value ?? "");
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
      const at = objects.store.revision;
      const cached = lists.get(id);
      if (cached?.at === at) return cached.objects as T[];
      const { records } = objects.list(kind, namespace ?? "");
      if (cached && isSame(cached.records, records)) {
        cached.at = at;
        return cached.objects as T[];
      }
      const list = parseAll(kind, records, cached);
      lists.set(id, { at, records, objects: list });
      return list as T[];
    },
    resource: (group, version, resource) => registry.find({ group, version, resource }),
    resourceOfKind: (group, version, kind) => registry.findKind(group, version, kind),
    equivalents: createEquivalents(registry),
  };
}

/** Kinds that share their place in the store are versions of one another. */
function createEquivalents(registry: Registry): NonNullable<View["equivalents"]> {
  let generation = -1;
  const places = new Map<string, Kind[]>();
  return (resource) => {
    if (generation !== registry.generation) {
      places.clear();
      for (const kind of registry.all()) places.set(kind.prefix, [...(places.get(kind.prefix) ?? []), kind]);
      generation = registry.generation;
    }
    const own = registry.find(resource);
    const others = (own && places.get(own.prefix)?.filter((kind) => kind !== own)) ?? [];
    return others.map((other) => ({
      resource: other,
      convert: (object) => convertBetween(own as Kind, other, object),
      restore: (object) => convertBetween(other, own as Kind, object),
    }));
  };
}

/** Parses what has changed since the list before. */
function parseAll(kind: Kind, records: readonly StoreRecord[], before: CachedList | undefined): KubeObject[] {
  const places = new Map(before?.records.map((record, i) => [record.key, i]));
  return records.map((record) => {
    const at = places.get(record.key) ?? -1;
    const known = before?.records[at]?.revision === record.revision ? before.objects[at] : undefined;
    return known ?? parseServed(kind, record.bytes);
  });
}

function isSame(a: readonly StoreRecord[], b: readonly StoreRecord[]): boolean {
  return (
    a.length === b.length && a.every((record, i) => record.revision === b[i]?.revision && record.key === b[i]?.key)
  );
}
