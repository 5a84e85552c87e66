// Finds how to reach a kind, by the server's discovery.
import type { KubeObject, Resource } from "@capstan/api/meta";
import { type Client, readText } from "@capstan/core/client";

interface ApiResource {
  name: string;
  singularName?: string;
  kind: string;
  namespaced: boolean;
  shortNames?: string[];
}

async function resourcesOf(client: Client, group: string, version: string): Promise<ApiResource[]> {
  const url = group ? `/apis/${group}/${version}` : `/api/${version}`;
  const list = JSON.parse(await readText(await client.request({ url }))) as { resources: ApiResource[] };
  return list.resources.filter(({ name }) => !name.includes("/"));
}

/** @throws Error when the server has no such kind. */
export async function findKind(client: Client, apiVersion: string, kind: string): Promise<Resource<KubeObject>> {
  const [group, version] = apiVersion.includes("/") ? (apiVersion.split("/") as [string, string]) : ["", apiVersion];
  const found = (await resourcesOf(client, group, version)).find((resource) => resource.kind === kind);
  if (!found) throw new Error(`the server has no kind ${kind} in ${apiVersion}`);
  return { group, version, resource: found.name, kind, namespaced: found.namespaced };
}

/** By the name that a person types: `pod`, `po`, `deployments.apps`. @throws Error when there is none such. */
export async function findNamed(client: Client, name: string): Promise<Resource<KubeObject>> {
  const [resource = "", ...rest] = name.toLowerCase().split(".");
  const wanted = rest.join(".");
  const groups = JSON.parse(await readText(await client.request({ url: "/apis" }))) as {
    groups: { name: string; preferredVersion: { version: string } }[];
  };
  const all = [{ name: "", preferredVersion: { version: "v1" } }, ...groups.groups];
  for (const group of all) {
    if (wanted && group.name !== wanted) continue;
    const { version } = group.preferredVersion;
    const found = (await resourcesOf(client, group.name, version)).find(
      (one) =>
        one.name === resource ||
        one.singularName === resource ||
        one.kind.toLowerCase() === resource ||
        one.shortNames?.includes(resource),
    );
    if (found)
      return { group: group.name, version, resource: found.name, kind: found.kind, namespaced: found.namespaced };
  }
  throw new Error(`the server has no resource ${name}`);
}
