import type { ObjectMeta } from "../generated/meta-v1.ts";

/** What every stored API object has. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
}

/** An object to be created: the server fills in what is missing. */
export type New<T extends KubeObject> = Omit<T, "metadata" | "apiVersion" | "kind" | "status"> & {
  apiVersion?: string;
  kind?: string;
  metadata: Partial<ObjectMeta>;
};

/** Names one object of a known resource; `namespace` is absent for cluster-scoped ones. */
export interface ObjectRef {
  namespace?: string;
  name: string;
}

/** `namespace/name`, or `name` when cluster-scoped. */
export function keyOf(ref: ObjectRef): string {
  return ref.namespace ? `${ref.namespace}/${ref.name}` : ref.name;
}

export function refOf(object: { metadata: { namespace?: string; name: string } }): ObjectRef {
  const { namespace, name } = object.metadata;
  return namespace ? { namespace, name } : { name };
}

export function parseKey(key: string): ObjectRef {
  const slash = key.indexOf("/");
  return slash < 0 ? { name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}
