import type { KubeObject } from "./object.ts";

/** Describes a kind and how to reach it. `T` is the type of its objects. */
export interface Resource<T extends KubeObject = KubeObject> {
  /** Empty for the core group. */
  group: string;
  version: string;
  /** Plural, lower case: the name in paths. */
  resource: string;
  kind: string;
  namespaced: boolean;
  /** Never set: carries the object's type. */
  readonly object?: T;
}

/** `group/version`, or `version` for the core group. */
export function apiVersionOf(resource: Pick<Resource, "group" | "version">): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}

/** Path of a collection, object or subresource. */
export function pathOf(resource: Resource, namespace?: string, name?: string, subresource?: string): string {
  const root = resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope = resource.namespaced && namespace ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  const object = name ? `/${encodeURIComponent(name)}` : "";
  return `${root}${scope}/${resource.resource}${object}${subresource ? `/${subresource}` : ""}`;
}
