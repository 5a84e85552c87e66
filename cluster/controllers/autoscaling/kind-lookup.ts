import type { APIGroup } from "@capstan/api/generated/meta-v1";
import { isReason, type Resource } from "@capstan/api/meta";
import { type Client, readText } from "@capstan/core/client";

interface ResourceList {
  resources?: { name: string; kind: string; namespaced: boolean }[];
}

/** The resource of a kind: in the version named, else in any that its group serves. Throws when nothing serves it. */
export async function findResource(client: Client, apiVersion: string, kind: string): Promise<Resource> {
  const [group, version] = splitVersion(apiVersion);
  const named = await inVersion(client, group, version, kind);
  if (named) return named;
  const { versions = [] } = group ? await read<Partial<APIGroup>>(client, `/apis/${group}`) : {};
  for (const { version: other } of versions) {
    const found = other === version ? undefined : await inVersion(client, group, other, kind);
    if (found) return found;
  }
  throw new Error(`no matches for kind "${kind}" in group "${group}"`);
}

/** Group and version. Source: apimachinery's schema.ParseGroupVersion. */
function splitVersion(apiVersion: string): [string, string] {
  const parts = apiVersion.split("/");
  if (parts.length > 2) throw new Error(`unexpected GroupVersion string: ${apiVersion}`);
  const [first = "", second] = parts;
  return second === undefined ? ["", first || "v1"] : [first, second];
}

async function inVersion(client: Client, group: string, version: string, kind: string): Promise<Resource | undefined> {
  const path = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const { resources = [] } = await read<ResourceList>(client, path);
  const found = resources.find((candidate) => candidate.kind === kind && !candidate.name.includes("/"));
  return found && { group, version, resource: found.name, kind, namespaced: found.namespaced };
}

/** Nothing where nothing is served. */
async function read<T>(client: Client, url: string): Promise<T | Record<string, never>> {
  try {
    return JSON.parse(await readText(await client.request({ url }))) as T;
  } catch (error) {
    if (isReason(error, "NotFound")) return {};
    throw error;
  }
}
