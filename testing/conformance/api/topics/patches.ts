// The three patches that merge: what they do and what they refuse.
import type { Asking, Scenarios } from "../recording.ts";

const json = "application/json-patch+json";
const merge = "application/merge-patch+json";
const strategic = "application/strategic-merge-patch+json";
const container = { name: "c", image: "i:1" };

const deploymentSpec = {
  selector: { matchLabels: { app: "a" } },
  template: {
    metadata: { labels: { app: "a" } },
    spec: {
      containers: [
        {
          name: "c",
          image: "i:1",
          env: [
            { name: "A", value: "1" },
            { name: "B", value: "2" },
          ],
          ports: [{ containerPort: 80 }],
        },
        { name: "d", image: "i:2" },
      ],
      volumes: [{ name: "v", emptyDir: {} }],
      tolerations: [{ key: "k", operator: "Exists" }],
    },
  },
};

export const patches: Scenarios = {
  async json(asking) {
    const { ask, namespace } = asking;
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    await ask("POST", path, { body: { metadata: { name: "a", labels: { x: "y" } }, data: { k: "v" } } });
    const patch = (body: unknown) => ask("PATCH", `${path}/a`, { body: body as object, type: json });
    await patch([{ op: "add", path: "/data/n", value: "w" }]);
    await patch([{ op: "replace", path: "/data/n", value: "x" }]);
    await patch([
      { op: "test", path: "/data/n", value: "x" },
      { op: "remove", path: "/data/n" },
    ]);
    await patch([{ op: "test", path: "/data/k", value: "other" }]);
    await patch([{ op: "remove", path: "/data/none" }]);
    await patch([{ op: "replace", path: "/data/none", value: "1" }]);
    await patch([{ op: "add", path: "/none/deep", value: "1" }]);
    await patch([
      { op: "copy", from: "/data/k", path: "/data/c" },
      { op: "move", from: "/data/k", path: "/data/m" },
    ]);
    await patch([{ op: "add", path: "/metadata/annotations", value: { "a/b": "1" } }]);
    await patch([{ op: "replace", path: "/metadata/annotations/a~1b", value: "2" }]);
    await patch([{ op: "unknown", path: "/data" }]);
    await patch([{ op: "add", path: "data/x", value: "1" }]);
    await patch([{ op: "add", path: "/data/x" }]);
    await patch({ op: "add" });
    await patch("nothing");
    await patch([]);
    await patch([{ op: "replace", path: "/metadata/name", value: "b" }]);
    await patch([{ op: "replace", path: "/apiVersion", value: "v2" }]);
    await patch([{ op: "replace", path: "/metadata/resourceVersion", value: "1" }]);
    await patch([{ op: "replace", path: "/metadata/uid", value: "other" }]);
    await patch([{ op: "add", path: "/data/number", value: 5 }]);
    await patch([{ op: "add", path: "/data", value: null }]);
    await patch([{ op: "add", path: "/unknown", value: 5 }]);
    await ask("PATCH", `${path}/none`, { body: [], type: json });
    await ask("PATCH", `${path}/a?force=true`, { body: [], type: json });
    await patch(Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "ConfigMap" })));
    await patch(Array.from({ length: 10_000 }, () => ({ op: "test", path: "/kind", value: "ConfigMap" })));
  },
  async merge({ ask, namespace }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    await ask("POST", path, { body: { metadata: { name: "a", labels: { x: "y" } }, data: { k: "v", l: "w" } } });
    const patch = (body: unknown, query = "") =>
      ask("PATCH", `${path}/a${query}`, { body: body as object, type: merge });
    await patch({ data: { k: null, n: "1" } });
    await patch({});
    await patch({ metadata: { labels: null } });
    await patch({ data: "x" });
    await patch([]);
    await patch("x");
    await patch("{");
    await patch({ metadata: { name: "b" } });
    await patch({ metadata: { namespace: "b" } });
    await patch({ metadata: { resourceVersion: "1" } });
    await patch({ metadata: { resourceVersion: null } });
    await patch({ unknown: 1 }, "?fieldValidation=Strict");
    await patch({ unknown: 1, other: { x: 1 } }, "?fieldValidation=Warn");
    await patch({ unknown: 1 }, "?fieldValidation=Ignore");
    await patch('{"data":{"k":"1","k":"2"}}', "?fieldValidation=Strict");
    await patch('{"data":{"k":"1","k":"2"}}', "?fieldValidation=Warn");
    await patch({ data: { z: "1" } }, "?fieldManager=other");
    await patch({ data: { z: "2" } }, "?dryRun=All");
    await patch({ data: { "bad key": "2" } });
  },
  async strategic(asking) {
    const { ask, namespace } = asking;
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    await ask("POST", path, { body: { metadata: { name: "a" }, spec: deploymentSpec } });
    const patch = (spec: unknown) =>
      ask("PATCH", `${path}/a`, { body: { spec: { template: { spec } } }, type: strategic });
    await patch({ containers: [{ name: "c", image: "i:3" }] });
    await patch({ containers: [{ name: "e", image: "i:4" }] });
    await patch({ containers: [{ name: "d", $patch: "delete" }] });
    await patch({
      containers: [
        {
          name: "c",
          env: [
            { name: "A", value: "5" },
            { name: "C", value: "6" },
          ],
        },
      ],
    });
    await patch({ containers: [{ name: "c", env: [{ name: "A", $patch: "delete" }] }] });
    await patch({ containers: [{ name: "c", env: [{ $patch: "replace" }, { name: "Z", value: "1" }] }] });
    await patch({
      $setElementOrder: undefined,
      "$setElementOrder/containers": [{ name: "e" }, { name: "c" }],
      containers: [{ name: "c", image: "i:9" }],
    });
    await patch({ tolerations: [{ key: "z", operator: "Exists" }] });
    await patch({ volumes: [{ name: "v", $retainKeys: ["name", "configMap"], configMap: { name: "x" } }] });
    await patch({ nodeSelector: { a: "b" } });
    await patch({ nodeSelector: { a: null, c: "d" } });
    await patch({ $patch: "replace", containers: [container] });
    await patch({ containers: [{ image: "no-name" }] });
    await patch({ containers: [{ name: "c", $patch: "wrong" }] });
    await patch({ containers: {} });
    await patch({ containers: null });
    await patch({ containers: [{ name: "c", image: 5 }] });
    await ask("PATCH", `${path}/a`, { body: { metadata: { finalizers: ["a/b"] } }, type: strategic });
    await ask("PATCH", `${path}/a`, { body: { metadata: { finalizers: ["a/c"] } }, type: strategic });
    await ask("PATCH", `${path}/a`, {
      body: { metadata: { "$deleteFromPrimitiveList/finalizers": ["a/b", "a/c"] } },
      type: strategic,
    });
    await ask("PATCH", `${path}/a`, { body: { spec: { replicas: 4 } }, type: strategic });
    await ask("PATCH", `${path}/a`, { body: { spec: { replicas: null } }, type: strategic });
    await ask("PATCH", `${path}/a`, {
      body: { spec: { strategy: { $retainKeys: ["type"], type: "Recreate" } } },
      type: strategic,
    });
    await ask("PATCH", `${path}/a/status`, {
      body: { status: { replicas: 1, conditions: [{ type: "Available", status: "True" }] } },
      type: strategic,
    });
    await ask("PATCH", `${path}/a/status`, {
      body: { status: { conditions: [{ type: "Other", status: "True" }] } },
      type: strategic,
    });
    await ask("PATCH", `${path}/a`, { body: "[]", type: strategic });
    await ask("PATCH", `${path}/a`, { body: "{", type: strategic });
    await services(asking);
  },
};

async function services({ ask, namespace }: Asking) {
  const path = `/api/v1/namespaces/${namespace}/services`;
  const ports = [
    { name: "a", port: 80 },
    { name: "b", port: 81 },
  ];
  await ask("POST", path, { body: { metadata: { name: "s" }, spec: { ports, selector: { a: "b" } } } });
  await ask("PATCH", `${path}/s`, { body: { spec: { ports: [{ port: 80, name: "z" }] } }, type: strategic });
  await ask("PATCH", `${path}/s`, { body: { spec: { ports: [{ port: 81, $patch: "delete" }] } }, type: strategic });
  await ask("PATCH", `${path}/s`, { body: { spec: { ports: [{ port: 80 }] } }, type: merge });
}
