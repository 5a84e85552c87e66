// What is served, in both forms of discovery and in OpenAPI.
import type { Loose } from "../exchange.ts";
import type { Asking, Scenarios } from "../recording.ts";

const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

const byName = (a: Loose, b: Loose) => (String(a.name ?? a.resource) < String(b.name ?? b.resource) ? -1 : 1);

/** Every built-in group and version, as in `/apis`. */
export async function groupVersions({ subject }: Asking): Promise<string[]> {
  const { json } = await subject.send("GET", "/apis");
  const versions = json.groups.flatMap((group: Loose) => group.versions.map((version: Loose) => version.groupVersion));
  return ["v1", ...versions.sort()];
}
export const rootOf = (groupVersion: string) => (groupVersion === "v1" ? "/api/v1" : `/apis/${groupVersion}`);

export const discovery: Scenarios = {
  async groups({ ask, note, subject }) {
    const { json } = await subject.send("GET", "/apis");
    note("GET /apis", { ...json, groups: json.groups.sort(byName) });
    const api = await subject.send("GET", "/api");
    note("GET /api", api.json.versions);
    await ask("GET", "/apis/apps");
    await ask("GET", "/apis/apps/");
    await ask("GET", "/apis/none.example.com");
    await ask("GET", "/apis/apps/v9");
    await ask("GET", "/api/v2");
    await ask("GET", "/nothing");
    await ask("POST", "/apis/apps/v1", { body: {} });
    await ask("GET", "/apis/none.example.com/v1/things");
    await ask("POST", "/apis/none.example.com/v1/namespaces/default/things", { body: {} });
    await ask("GET", "/api/v1/things");
    await ask("GET", "/api/v1/namespaces/default/things/a");
    await ask("GET", "/apis/apps/v9/deployments");
    await ask("GET", "/api/v1/namespaces/default/pods/a/nothing");
    await ask("GET", "/api/v1/namespaces/default/nodes");
    await ask("GET", "/api/v1/pods/a");
    await ask("POST", "/api/v1/pods", { body: {} });
    await ask("POST", "/api/v1/namespaces/default/pods/a", { body: {} });
    await ask("PUT", "/api/v1/namespaces/default/pods", { body: {} });
    await ask("DELETE", "/api/v1/pods");
    await ask("DELETE", "/api/v1/namespaces");
    await ask("PATCH", "/api/v1/componentstatuses/a", { body: {}, type: "application/merge-patch+json" });
  },
  async resources(asking) {
    for (const groupVersion of await groupVersions(asking)) {
      const { json } = await asking.subject.send("GET", rootOf(groupVersion));
      const resources = json.resources.sort(byName).map(({ storageVersionHash: _, ...rest }: Loose) => rest);
      asking.note(groupVersion, { ...json, resources });
    }
  },
  async aggregated({ subject, note }) {
    for (const path of ["/api", "/apis"]) {
      const { json, headers } = await subject.send("GET", path, { accept: aggregated });
      note(`GET ${path}`, { kind: json.kind, apiVersion: json.apiVersion, type: headers["content-type"] });
      for (const group of json.items.sort((a: Loose, b: Loose) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
        for (const version of group.versions) {
          version.resources?.sort(byName);
          for (const resource of version.resources ?? [])
            resource.subresources?.sort((a: Loose, b: Loose) => (a.subresource < b.subresource ? -1 : 1));
          note(`${group.metadata.name ?? ""} ${version.version}`, version);
        }
      }
    }
    const plain = await subject.send("GET", "/apis", { accept: "*/*" });
    note("any", { type: plain.headers["content-type"], kind: plain.json.kind });
  },
  async "openapi index"({ subject, note }) {
    const { json } = await subject.send("GET", "/openapi/v3");
    note(
      "paths",
      Object.keys(json.paths)
        .filter((path) => /^apis?\/.*v\d/.test(path))
        .sort(),
    );
    const first = json.paths["apis/apps/v1"].serverRelativeURL as string;
    const { status, headers } = await subject.send("GET", first);
    note("document", { status, type: headers["content-type"], cache: headers["cache-control"] });
  },
  /** By what an operation takes: the deprecated paths below /watch/ and the lists of resources are left out. */
  async "openapi operations"(asking) {
    for (const groupVersion of await groupVersions(asking)) {
      const { json } = await asking.subject.send("GET", `/openapi/v3${rootOf(groupVersion)}`);
      const operations: Record<string, string[]> = {};
      for (const [path, item] of Object.entries<Loose>(json.paths)) {
        if (path.includes("/watch/") || path.endsWith("/")) continue;
        for (const [method, operation] of Object.entries<Loose>(item)) {
          if (method === "parameters") continue;
          const all = [...(operation.parameters ?? []), ...(item.parameters ?? [])];
          const parameters = all.map(({ name }: Loose) => name).filter((name: string) => !path.includes(`{${name}}`));
          const takes = Object.keys(operation.requestBody?.content ?? {}).sort();
          const { group = "-", version, kind } = operation["x-kubernetes-group-version-kind"] ?? {};
          const key = `${operation["x-kubernetes-action"]}(${parameters.sort().join()}) ${takes.join()}`;
          operations[key] ??= [];
          operations[key].push(`${method} ${path.split(`${rootOf(groupVersion)}/`)[1]} ${group}/${version} ${kind}`);
        }
      }
      const sorted = Object.entries(operations).map(([key, paths]) => [key, paths.sort()]);
      asking.note(groupVersion, Object.fromEntries(sorted));
    }
  },
};
