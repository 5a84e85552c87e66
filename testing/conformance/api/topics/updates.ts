// Updates: conflicts, preconditions, immutable fields, what each endpoint may change.
import type { Scenarios } from "../recording.ts";

const container = { name: "c", image: "i:1" };

export const updates: Scenarios = {
  async "config map"({ ask, namespace }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const made = await ask("POST", path, {
      body: { metadata: { name: "a", annotations: { x: "1" } }, data: { k: "v" } },
    });
    const object = made.json;
    await ask("PUT", `${path}/a`, { body: { ...object, data: { k: "w" } } });
    await ask("PUT", `${path}/a`, { body: { ...object, data: { k: "x" } } });
    const metadata = (changes: object) => ({ ...object, metadata: { name: "a", namespace, ...changes } });
    await ask("PUT", `${path}/a`, { body: metadata({}) });
    await ask("PUT", `${path}/a`, { body: metadata({}) });
    await ask("PUT", `${path}/a`, { body: metadata({ resourceVersion: "x" }) });
    await ask("PUT", `${path}/a`, { body: metadata({ resourceVersion: "0" }) });
    await ask("PUT", `${path}/a`, { body: metadata({ uid: "other" }) });
    await ask("PUT", `${path}/a`, { body: { ...object, metadata: { name: "b", namespace } } });
    await ask("PUT", `${path}/a`, { body: { ...object, metadata: { name: "a", namespace: "other" } } });
    await ask("PUT", `${path}/a`, { body: { metadata: { name: "a" } } });
    await ask("PUT", `${path}/a`, { body: { data: {} } });
    await ask("PUT", `${path}/none`, { body: { metadata: { name: "none" } } });
    await ask("PUT", `${path}/none`, { body: { metadata: { name: "none", resourceVersion: "1" } } });
    await ask("PUT", `${path}/none`, { body: { metadata: { name: "none", uid: "x" } } });
    await ask("PUT", `${path}/a`, { body: { apiVersion: "v1", kind: "Secret", metadata: { name: "a" } } });
    await ask("PUT", `${path}/a`, { body: { ...metadata({}), apiVersion: "v2" } });
    await ask("PUT", `${path}/a`, { body: { ...metadata({}), immutable: true, data: { k: "1" } } });
    await ask("PUT", `${path}/a`, { body: { ...metadata({}), immutable: true, data: { k: "2" } } });
    await ask("PUT", `${path}/a`, { body: { ...metadata({}), data: { k: "1" } } });
    await ask("PUT", `${path}/a?dryRun=All`, { body: metadata({ labels: { l: "1" } }) });
    await ask("PUT", `${path}/a?dryRun=Some`, { body: metadata({}) });
    await ask("PUT", `${path}/a?fieldManager=${"m".repeat(129)}`, { body: metadata({}) });
    await ask("PUT", `${path}/a?fieldManager=a%00b`, { body: metadata({}) });
    await ask("POST", path, { body: { ...object, metadata: { name: "c", resourceVersion: "5" } } });
    await ask("POST", path, { body: { ...object, metadata: { name: "c", namespace: "other" } } });
    await ask("POST", path, {
      body: {
        metadata: {
          name: "c",
          uid: "mine",
          creationTimestamp: "2020-01-01T00:00:00Z",
          generation: 7,
          deletionTimestamp: "2020-01-01T00:00:00Z",
          selfLink: "x",
        },
      },
    });
    await ask("POST", path, { body: { metadata: {} } });
    await ask("POST", path, { body: {} });
    await ask("POST", path, { body: "" });
    await ask("POST", path, { body: "null" });
    await ask("POST", path, { body: "[]" });
    await ask("POST", path, { body: '"x"' });
    await ask("POST", path, { body: "{" });
    await ask("POST", path, { body: '{"metadata":{"name":"x"}}{}' });
    await ask("POST", path, { body: { metadata: "x" } });
    await ask("POST", path, { body: { metadata: { name: 5 } } });
    await ask("POST", path, { body: { metadata: { name: "x" }, data: "x" } });
    await ask("POST", path, { body: { metadata: { name: "x" }, data: { k: 1 } } });
    await ask("POST", path, { body: { metadata: { name: "x" }, data: { k: null } } });
    await ask("POST", path, { body: { metadata: { name: "y" }, data: { "a b": "1" }, binaryData: { c: "###" } } });
    await ask("POST", path, {
      body: { metadata: { name: "y" }, data: { "a b": "1", "..": "", d: "" }, binaryData: { d: "AA==" } },
    });
    await ask("POST", `/api/v1/namespaces/none-${namespace}/configmaps`, { body: { metadata: { name: "x" } } });
  },
  async deployment({ ask, namespace, subject }) {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    const labels = { app: "a" };
    const spec = {
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [container] } },
    };
    const made = await ask("POST", path, {
      body: { metadata: { name: "a", generation: 5 }, spec, status: { replicas: 3 } },
    });
    const object = made.json;
    const put = (changes: object, subresource = "") =>
      ask("PUT", `${path}/a${subresource}`, { body: { ...object, metadata: { name: "a" }, ...changes } });
    await put({ spec: { ...object.spec, replicas: 2 } });
    await put({ spec: { ...object.spec, replicas: 2 }, status: { replicas: 9, updatedReplicas: 3 } });
    await put({ metadata: { name: "a", labels: { x: "y" } }, spec: { ...object.spec, replicas: 2 } });
    await put({ spec: { ...object.spec, replicas: 4 }, status: { replicas: 2, updatedReplicas: 1 } }, "/status");
    await put({ status: { replicas: -1, availableReplicas: 5 } }, "/status");
    await put({ metadata: { name: "a", labels: { z: "1" }, annotations: { z: "1" } }, status: {} }, "/status");
    await put({ spec: { ...object.spec, selector: { matchLabels: { app: "b" } } } });
    await put({ spec: { ...object.spec, replicas: -1 } });
    await put({ spec: { ...object.spec, strategy: { type: "Recreate" } } });
    await put({ spec: { ...object.spec, strategy: { type: "Recreate", rollingUpdate: { maxSurge: 1 } } } });
    await put({ spec: { ...object.spec, strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: "0%" } } } });
    await put({ spec: { ...object.spec, strategy: { rollingUpdate: { maxSurge: "x", maxUnavailable: "101%" } } } });
    await ask("GET", `${path}/a/status`);
    await ask("GET", `${path}/a/scale`);
    await ask("PUT", `${path}/a/scale`, { body: { metadata: { name: "a" }, spec: { replicas: 5 } } });
    await ask("PUT", `${path}/a/scale`, { body: { metadata: { name: "a" }, spec: { replicas: -5 } } });
    await ask("PUT", `${path}/a/scale`, {
      body: { metadata: { name: "a", resourceVersion: "1" }, spec: { replicas: 5 } },
    });
    await ask("PUT", `${path}/a/scale`, { body: { metadata: { name: "b" }, spec: { replicas: 5 } } });
    await ask("PUT", `${path}/a/scale`, { body: { spec: { replicas: 6 } } });
    await ask("PATCH", `${path}/a/scale`, { body: { spec: { replicas: 7 } }, type: "application/merge-patch+json" });
    await ask("PATCH", `${path}/a/scale?dryRun=All`, {
      body: { spec: { replicas: 8 } },
      type: "application/merge-patch+json",
    });
    await ask("PATCH", `${path}/a/scale`, {
      body: { spec: { replicas: 8 } },
      type: "application/strategic-merge-patch+json",
    });
    await ask("PATCH", `${path}/a/scale`, {
      body: [{ op: "replace", path: "/spec/replicas", value: 9 }],
      type: "application/json-patch+json",
    });
    await ask("GET", `${path}/none/scale`);
    await ask("DELETE", `${path}/a/scale`);
    await ask("POST", `${path}/a/scale`, { body: {} });
    await subject.send("DELETE", `${path}/a`);
  },
  async generation({ note, subject, namespace }) {
    const resources: [string, object, object][] = [
      [`/api/v1/namespaces/${namespace}/services`, { ports: [{ port: 80 }] }, { ports: [{ port: 81 }] }],
      [
        `/apis/batch/v1/namespaces/${namespace}/jobs`,
        { template: { spec: { restartPolicy: "Never", containers: [container] } } },
        { parallelism: 2 },
      ],
      [
        `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`,
        { podSelector: {} },
        { policyTypes: ["Egress"] },
      ],
      [
        `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`,
        { minAvailable: 1, selector: {} },
        { minAvailable: 2 },
      ],
      [`/api/v1/namespaces/${namespace}/pods`, { containers: [container] }, { activeDeadlineSeconds: 5 }],
      [`/apis/coordination.k8s.io/v1/namespaces/${namespace}/leases`, { holderIdentity: "a" }, { holderIdentity: "b" }],
      [`/api/v1/namespaces/${namespace}/resourcequotas`, { hard: { pods: "5" } }, { hard: { pods: "6" } }],
      [
        `/apis/networking.k8s.io/v1/namespaces/${namespace}/ingresses`,
        { defaultBackend: { service: { name: "a", port: { number: 1 } } } },
        { ingressClassName: "x" },
      ],
      [
        `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers`,
        { maxReplicas: 2, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "a" } },
        { maxReplicas: 3 },
      ],
    ];
    for (const [path, spec, change] of resources) {
      const body = { metadata: { name: "g" }, spec };
      const made = await subject.send("POST", path, { body });
      const patch = (changes: object) =>
        subject.send("PATCH", `${path}/g`, { body: changes, type: "application/merge-patch+json" });
      const labelled = await patch({ metadata: { labels: { a: "b" } } });
      const changed = await patch({ spec: change });
      const seen = [made, labelled, changed].map(
        ({ status, json }) => `${status} ${json.metadata?.generation ?? "none"}`,
      );
      note(path, made.status === 201 ? seen : made.json);
    }
  },
};
