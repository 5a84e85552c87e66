import type { APIResource } from "@capstan/api/generated/meta-v1";
import { builtinSchema } from "@capstan/api/schema";
import type { Kind } from "../kind.ts";

/** The answer of `/apis/GROUP/VERSION`. */
export interface APIResourceList {
  resources?: APIResource[];
}

/** What another server serves, as kinds for discovery alone: nothing here answers for them. */
export function discoveredKinds(group: string, version: string, list: APIResourceList): Kind[] {
  const { resources = [] } = list;
  return resources
    .filter(({ name }) => !name.includes("/"))
    .map((resource) => kindOf(group, version, resource, resources));
}

function kindOf(group: string, version: string, resource: APIResource, all: APIResource[]): Kind {
  const { name, kind, namespaced, singularName, verbs, shortNames = [], categories = [] } = resource;
  const below = all.filter((one) => one.name.startsWith(`${name}/`));
  return {
    group: resource.group || group,
    version: resource.version || version,
    resource: name,
    kind,
    namespaced,
    singular: singularName || kind.toLowerCase(),
    shortNames,
    categories,
    listKind: `${kind}List`,
    verbs,
    subresources: below.map((one) => one.name.slice(name.length + 1)),
    subresourceFacts: Object.fromEntries(
      below.map((one) => [
        one.name.slice(name.length + 1),
        { verbs: one.verbs, kind: { group: one.group || group, version: one.version || version, kind: one.kind } },
      ]),
    ),
    statusSubresource: false,
    schema: builtinSchema("meta/v1.ObjectMeta"),
    rules: {},
    prefix: "",
    storedVersion: "",
  };
}
