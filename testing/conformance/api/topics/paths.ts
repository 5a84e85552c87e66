// Methods and paths off the usual road, the form of errors, and bodies at the edge of JSON.
import type { Scenarios } from "../recording.ts";

export const paths: Scenarios = {
  async "methods that a path does not have"({ ask, namespace }) {
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    for (const path of [maps, `${maps}/none`, "/api/v1", "/version", "/healthz", "/apis"]) await ask("HEAD", path);
    for (const path of ["/version", "/healthz", "/api", "/apis/apps/v1", "/nothing"]) {
      await ask("PUT", path, { body: {} });
      await ask("POST", path, { body: {} });
      await ask("DELETE", path);
    }
    await ask("OPTIONS", maps);
    await ask("TRACE", maps);
  },
  async "empty segments and slashes at the end"({ ask, namespace }) {
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    for (const path of [
      `/api//v1/namespaces/${namespace}/configmaps/none`,
      `//api/v1/namespaces/${namespace}/configmaps/none`,
      `/api/v1//namespaces/${namespace}/configmaps/none`,
      `/api/v1/namespaces/${namespace}//configmaps/none`,
      `${maps}//none`,
      `${maps}/none/`,
      "/apis//apps/v1",
      "/healthz/",
      "/readyz/ping/",
      "//version",
      `/api/v1/namespaces/../namespaces/${namespace}/configmaps/none`,
    ]) {
      await ask("GET", path);
    }
  },
  async "errors in the form that is asked for"({ ask, namespace }) {
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    const yaml = { accept: "application/yaml" };
    await ask("GET", `${maps}/none`, yaml);
    await ask("POST", maps, { ...yaml, body: { metadata: { name: "UPPER" } } });
    await ask("GET", "/apis/none/v1/things", yaml);
    await ask("GET", `${maps}/none`, { accept: "application/json;as=Table;g=meta.k8s.io;v=v1" });
    await ask("GET", `${maps}/none`, { accept: "text/plain" });
    await ask("GET", maps, { ...yaml, token: "x.y.z" });
    await ask("GET", maps, { ...yaml, token: "" });
  },
  async "credentials of other kinds are none"({ ask, namespace }) {
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    for (const authorization of ["Basic YWRtaW46YWRtaW4=", "Bearer", "Bearer ", "bearer x.y.z", "Negotiate abc", "x"]) {
      await ask("GET", maps, { token: "", headers: { authorization } });
    }
  },
  async "bodies at the edge"({ ask, namespace }) {
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    const text = JSON.stringify({ metadata: { name: "edge" } });
    await ask("POST", `${maps}?dryRun=All`, { body: `\ufeff${text}` });
    await ask("POST", `${maps}?dryRun=All`, { body: `${text} ` });
    await ask("POST", `${maps}?dryRun=All`, { body: `${text}x` });
    await ask("POST", `${maps}?dryRun=All`, { body: `${text}${text}` });
    await ask("POST", `${maps}?dryRun=All`, { body: "" });
    await ask("POST", `${maps}?dryRun=All`, { body: "null" });
    await ask("POST", `${maps}?dryRun=All`, { body: "[]" });
    const set = (replicas: string) =>
      `{"metadata":{"name":"rs"},"spec":{"replicas":${replicas},"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}`;
    for (const number of ["1.5", "-0", '"1"', "true"]) {
      await ask("POST", `/apis/apps/v1/namespaces/${namespace}/replicasets?dryRun=All`, { body: set(number) });
    }
  },
  async "directives of strategic patches"({ ask, namespace }) {
    const pods = `/api/v1/namespaces/${namespace}/pods`;
    const containers = [{ name: "a", image: "i" }];
    await ask("POST", pods, { body: { metadata: { name: "p" }, spec: { containers } } });
    const type = "application/strategic-merge-patch+json";
    for (const patch of [
      { spec: { containers: [{ $patch: "replace" }, { image: "j" }] } },
      { spec: { containers: [{ $patch: "delete" }] } },
      { spec: { containers: [{ $patch: "other", name: "a" }] } },
      { spec: { $patch: "other" } },
      { metadata: { "$deleteFromPrimitiveList/finalizers": "x" } },
      { spec: { "$setElementOrder/containers": [{ name: "z" }] } },
      { spec: { $retainKeys: ["none"], containers } },
    ]) {
      await ask("PATCH", `${pods}/p?dryRun=All`, { type, body: patch });
    }
  },
};
