// A View over objects in memory, for tests of the API server's rooms one by one.
export { attributesFor, runAdmission, type Write } from "./attributes.ts";

import { Namespaces } from "@capstan/api/generated/resources";
import { type KubeObject, keyOf, type ObjectRef, type Resource, refOf } from "@capstan/api/meta";
import type { View } from "@capstan/cluster/apiserver";

interface Named {
  metadata: { namespace?: string; name: string };
}

export interface MemoryView extends View {
  /** Adds an object, or replaces the one of that name. */
  put<T extends KubeObject, O extends Named>(resource: Resource<T>, object: O): T;
  remove(resource: Resource, ref: ObjectRef): void;
}

/** @param namespaces that exist from the start. */
export function createMemoryView(...namespaces: string[]): MemoryView {
  const stored = new Map<string, Map<string, KubeObject>>();
  const lists = new Map<string, readonly KubeObject[]>();
  const resources = new Map<string, Resource>();
  const tableOf = ({ group, resource }: Resource) => {
    const id = `${group}/${resource}`;
    const table = stored.get(id) ?? new Map<string, KubeObject>();
    stored.set(id, table);
    return { id, table };
  };
  const changed = (id: string) => {
    for (const key of lists.keys()) if (key.startsWith(`${id} `)) lists.delete(key);
  };
  const view: MemoryView = {
    put: <T extends KubeObject, O extends Named>(resource: Resource<T>, object: O) => {
      const { id, table } = tableOf(resource);
      const { group, version, kind } = resource;
      const metadata = { uid: `uid-${object.metadata.name}`, ...object.metadata };
      const whole = { apiVersion: group ? `${group}/${version}` : version, kind, ...object, metadata } as unknown as T;
      table.set(keyOf(refOf(whole)), whole);
      resources.set(id, resource);
      changed(id);
      return whole;
    },
    remove: (resource, ref) => {
      const { id, table } = tableOf(resource);
      table.delete(keyOf(ref));
      changed(id);
    },
    get: <T extends KubeObject>(resource: Resource<T>, ref: ObjectRef) =>
      tableOf(resource).table.get(keyOf(ref)) as T | undefined,
    list: <T extends KubeObject>(resource: Resource<T>, namespace?: string) => {
      const { id, table } = tableOf(resource);
      const key = `${id} ${namespace ?? ""}`;
      const all = lists.get(key) ?? [...table.values()].filter((o) => !namespace || o.metadata.namespace === namespace);
      lists.set(key, all);
      return all as readonly T[];
    },
    resource: (group, _version, resource) => resources.get(`${group}/${resource}`),
    resourceOfKind: (group, _version, kind) =>
      [...resources.values()].find((r) => r.group === group && r.kind === kind),
  };
  for (const name of namespaces)
    view.put(Namespaces, { metadata: { name, labels: { "kubernetes.io/metadata.name": name } } });
  return view;
}
