import type { APIGroup } from "@capstan/api/generated/meta-v1";
import type { Resource } from "@capstan/api/meta";
import { type Client, readText } from "@capstan/core/client";

/** A kind in the version that its group prefers. */
export interface DiscoveredKind {
  resource: Resource;
  verbs: string[];
  /** All versions that serve the kind: owner references may name any. */
  versions: string[];
}

interface ResourceList {
  resources: { name: string; kind: string; namespaced: boolean; verbs: string[] }[];
}

/** Every kind that can be listed, watched and deleted. Throws when a group cannot be asked: its objects are unknown then. */
export async function discoverKinds(client: Client): Promise<DiscoveredKind[]> {
  const read = async <T>(url: string) => JSON.parse(await readText(await client.request({ url }))) as T;
  const { groups } = await read<{ groups: APIGroup[] }>("/apis");
  const core = [{ group: "", versions: ["v1"], preferred: "v1" }];
  const named = groups.map(({ name, versions, preferredVersion }) => {
    const all = versions.map(({ version }) => version);
    return { group: name, versions: all, preferred: preferredVersion?.version ?? all[0] ?? "v1" };
  });
  const found = await Promise.all(
    [...core, ...named].map(async ({ group, versions, preferred }) => {
      const kinds = new Map<string, DiscoveredKind>();
      for (const version of [preferred, ...versions.filter((other) => other !== preferred)]) {
        const { resources } = await read<ResourceList>(group === "" ? `/api/${version}` : `/apis/${group}/${version}`);
        for (const { name, kind, namespaced, verbs } of resources) {
          const known = kinds.get(name);
          if (known) known.versions.push(version);
          else
            kinds.set(name, {
              resource: { group, version, resource: name, kind, namespaced },
              verbs,
              versions: [version],
            });
        }
      }
      return [...kinds.values()];
    }),
  );
  const usable = (kind: DiscoveredKind) =>
    !kind.resource.resource.includes("/") && ["list", "watch", "delete"].every((verb) => kind.verbs.includes(verb));
  return found.flat().filter(usable);
}
