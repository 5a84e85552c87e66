import { apiVersionOf } from "@capstan/api/meta";
import type { HttpRequest, HttpResponse } from "@capstan/base/http";
import type { Kind, SubresourceFact } from "../kind.ts";
import { parseAccept } from "../negotiation.ts";
import { encodeObject } from "../objects.ts";
import type { Registry } from "../registry.ts";
import { type Group, groupsOf } from "./groups.ts";
import { subresourceFact } from "./subresource.ts";

interface Cached {
  generation: number;
  answers: Map<string, { bytes: Uint8Array; type: string }>;
}
const caches = new WeakMap<Registry, Cached>();

/** Answers /api, /apis, /api/v1, /apis/GROUP and /apis/GROUP/VERSION; undefined for any other path. */
export function answerDiscovery(request: HttpRequest, path: string, registry: Registry): HttpResponse | undefined {
  let cache = caches.get(registry);
  if (!cache || cache.generation !== registry.generation) {
    cache = { generation: registry.generation, answers: new Map() };
    caches.set(registry, cache);
  }
  const aggregated = path === "/api" || path === "/apis" ? aggregatedVersion(request.headers.accept) : undefined;
  const id = `${path} ${aggregated ?? ""}`;
  let answer = cache.answers.get(id);
  if (!answer) {
    const groups = groupsOf(registry);
    const document = aggregated ? aggregate(path, groups, aggregated) : legacy(path, groups);
    if (!document) return undefined;
    const type = aggregated
      ? `application/json;g=apidiscovery.k8s.io;v=${aggregated};as=APIGroupDiscoveryList`
      : "application/json";
    answer = { bytes: encodeObject(document), type };
    cache.answers.set(id, answer);
  }
  const etag = `"${registry.instance}-${registry.generation}"`;
  const headers: Record<string, string> = { "content-type": answer.type, vary: "Accept", etag };
  if (request.headers["if-none-match"] === etag) return { status: 304, headers };
  return { status: 200, headers, body: answer.bytes };
}

function aggregatedVersion(accept: string | undefined): string | undefined {
  for (const { type, parameters } of parseAccept(accept)) {
    if (type !== "application/json") continue;
    if (parameters.as === undefined) return undefined;
    if (parameters.as !== "APIGroupDiscoveryList" || parameters.g !== "apidiscovery.k8s.io") continue;
    if (parameters.v === "v2" || parameters.v === "v2beta1") return parameters.v;
  }
  return undefined;
}

function aggregate(path: string, groups: Group[], version: string): object {
  const wanted = groups.filter(({ name }) => (path === "/api") === (name === ""));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: wanted.map(({ name, versions }) => ({
      metadata: { name, creationTimestamp: null },
      versions: versions.map(({ version: served, kinds }) => ({
        version: served,
        resources: kinds.map(aggregateResource),
        freshness: "Current",
      })),
    })),
  };
}

/** As upstream does, built-in kinds leave the group and version of the document that they stand in to the reader. */
function kindRef(response: SubresourceFact["kind"], { group, version, schema }: Kind): SubresourceFact["kind"] {
  const implied = schema.type && response.group === group && response.version === version;
  return implied ? { group: "", version: "", kind: response.kind } : response;
}

function aggregateResource(kind: Kind): object {
  return {
    resource: kind.resource,
    responseKind: kindRef(kind, kind),
    scope: kind.namespaced ? "Namespaced" : "Cluster",
    singularResource: kind.singular,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
    ...(kind.subresources.length > 0
      ? {
          subresources: kind.subresources.map((subresource) => {
            const { verbs, kind: response } = subresourceFact(kind, subresource);
            return { subresource, responseKind: kindRef(response, kind), verbs };
          }),
        }
      : {}),
  };
}

function legacy(path: string, groups: Group[]): object | undefined {
  const named = groups.filter(({ name }) => name !== "");
  if (path === "/api") {
    const serverAddressByClientCIDRs = [{ clientCIDR: "0.0.0.0/0", serverAddress: "" }];
    return { kind: "APIVersions", versions: ["v1"], serverAddressByClientCIDRs };
  }
  if (path === "/apis") return { kind: "APIGroupList", apiVersion: "v1", groups: named.map(groupDocument) };
  const [, root, ...rest] = path.split("/");
  const [name, version] = root === "api" ? ["", rest[0]] : rest;
  if ((root !== "api" && root !== "apis") || rest.length > (root === "api" ? 1 : 2) || name === undefined)
    return undefined;
  const group = groups.find((candidate) => candidate.name === name);
  if (!group || (root === "apis" && name === "")) return undefined;
  if (version === undefined) return { kind: "APIGroup", apiVersion: "v1", ...groupDocument(group) };
  const served = group.versions.find((candidate) => candidate.version === version);
  if (!served) return undefined;
  const groupVersion = apiVersionOf({ group: name, version });
  const resources = served.kinds.flatMap(legacyResources);
  // The core group's own document has none upstream.
  return { kind: "APIResourceList", ...(name === "" ? {} : { apiVersion: "v1" }), groupVersion, resources };
}

function groupDocument({ name, versions }: Group): object {
  const list = versions.map(({ version }) => ({ groupVersion: apiVersionOf({ group: name, version }), version }));
  return { name, versions: list, preferredVersion: list[0] };
}

function legacyResources(kind: Kind): object[] {
  const own = {
    name: kind.resource,
    singularName: kind.singular,
    namespaced: kind.namespaced,
    kind: kind.kind,
    verbs: kind.verbs,
    ...(kind.shortNames.length > 0 ? { shortNames: kind.shortNames } : {}),
    ...(kind.categories.length > 0 ? { categories: kind.categories } : {}),
  };
  const below = kind.subresources.map((subresource) => {
    const { verbs, kind: response } = subresourceFact(kind, subresource);
    const foreign = response.group !== kind.group || response.version !== kind.version;
    return {
      name: `${kind.resource}/${subresource}`,
      singularName: "",
      namespaced: kind.namespaced,
      ...(foreign ? { group: response.group, version: response.version } : {}),
      kind: response.kind,
      verbs,
    };
  });
  return [own, ...below];
}
