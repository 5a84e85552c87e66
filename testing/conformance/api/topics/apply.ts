// Server-side apply: owners, conflicts, how ownership moves, what each kind of list does.
import type { Asking, Scenarios } from "../recording.ts";

const type = "application/apply-patch+yaml";

function applier({ ask }: Asking, path: string, base: object) {
  return (manager: string, changes: object, query = "") =>
    ask("PATCH", `${path}?fieldManager=${manager}${query}`, { body: { ...base, ...changes }, type });
}

const container = { name: "c", image: "i:1" };

export const apply: Scenarios = {
  async "config map"(asking) {
    const { ask, namespace } = asking;
    const path = `/api/v1/namespaces/${namespace}/configmaps/a`;
    const base = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
    const run = applier(asking, path, base);
    await run("one", { data: { a: "1", b: "2" } });
    await run("one", { data: { a: "1", b: "2" } });
    await run("one", { data: { a: "1" } });
    await run("two", { data: { a: "2" } });
    await run("two", { data: { a: "1", c: "3" } });
    await run("two", { data: { a: "2" } }, "&force=true");
    await run("one", { data: { a: "1" } });
    await run("one", { data: {} });
    await run("one", {});
    await ask("PATCH", path, { body: { ...base, data: {} }, type });
    await run("one", { kind: "Secret" });
    await run("one", { apiVersion: "v2" });
    await ask("PATCH", `${path}?fieldManager=one`, { body: { data: {} }, type });
    await ask("PATCH", `${path}?fieldManager=one`, { body: { kind: "ConfigMap", metadata: { name: "a" } }, type });
    await run("one", { metadata: { name: "b" } });
    await run("one", { metadata: {} });
    await run("one", { metadata: { name: "a", managedFields: [{ manager: "x", operation: "Apply" }] } });
    await run("one", { metadata: { name: "a", resourceVersion: "1" } });
    await run("one", { metadata: { name: "a", uid: "other" } });
    await run("one", { metadata: { name: "a", labels: { l: "1" }, annotations: { n: "1" }, finalizers: ["a/b"] } });
    await run("one", { data: { a: 5 } });
    await run("one", { unknown: 1 });
    await run("one", { unknown: 1 }, "&fieldValidation=Strict");
    await run("one", { data: { x: null } });
    await run("one", { data: { "bad key": "x" } }, "&force=true");
    await ask("PATCH", `${path}?fieldManager=one`, { body: "", type });
    await ask("PATCH", `${path}?fieldManager=one`, { body: "- x", type });
    await ask("PATCH", `${path}?fieldManager=one`, {
      body: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n  k: w\n",
      type,
    });
    await ask("PATCH", `${path}?fieldManager=yaml&force=true`, {
      body: "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: v\n",
      type,
    });
    await run("one", { data: { dry: "1" } }, "&dryRun=All&force=true");
    await run("three", { metadata: { name: "a", uid: "given" } }).then(() =>
      ask("PATCH", path.replace(/a$/, "fresh?fieldManager=x"), {
        body: { ...base, metadata: { name: "fresh", uid: "given" } },
        type,
      }),
    );
    await ask("PATCH", path.replace(/a$/, "fresh?fieldManager=x"), {
      body: { ...base, metadata: { name: "fresh", resourceVersion: "5" } },
      type,
    });
    await ask("PATCH", path.replace(/a$/, "fresh?fieldManager=x&dryRun=All"), {
      body: { ...base, metadata: { name: "fresh" } },
      type,
    });
  },
  async deployment(asking) {
    const { ask, namespace } = asking;
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments/a`;
    const base = { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "a" } };
    const run = applier(asking, path, base);
    const spec = (podSpec: object, rest: object = {}) => ({
      spec: {
        selector: { matchLabels: { app: "a" } },
        template: { metadata: { labels: { app: "a" } }, spec: podSpec },
        ...rest,
      },
    });
    await run("one", spec({ containers: [container] }, { replicas: 2 }));
    await run("two", { spec: { replicas: 3 } });
    await ask("PATCH", `${path}/scale?fieldManager=scaler`, {
      body: { spec: { replicas: 4 } },
      type: "application/merge-patch+json",
    });
    await run("one", spec({ containers: [container] }, { replicas: 2 }));
    await run("one", spec({ containers: [container] }));
    await run("two", { spec: { template: { spec: { containers: [{ name: "d", image: "i:2" }] } } } });
    await run("two", { spec: { template: { spec: { containers: [{ name: "c", image: "i:2" }] } } } });
    await run("two", {
      spec: {
        template: {
          spec: { containers: [{ name: "c", env: [{ name: "A", value: "1" }], ports: [{ containerPort: 80 }] }] },
        },
      },
    });
    await run("one", spec({ containers: [{ ...container, ports: [{ containerPort: 80, protocol: "UDP" }] }] }));
    await run("two", { spec: {} });
    await run(
      "one",
      spec({ containers: [container], tolerations: [{ key: "a", operator: "Exists" }], nodeSelector: { a: "b" } }),
    );
    await run("two", { spec: { template: { spec: { tolerations: [{ key: "b", operator: "Exists" }] } } } });
    await run("two", {
      spec: { template: { spec: { nodeSelector: { c: "d" }, volumes: [{ name: "v", emptyDir: {} }] } } },
    });
    await ask("PUT", `${path}?fieldManager=putter`, {
      body: { ...(await asking.subject.send("GET", path)).json, metadata: { name: "a", labels: { put: "1" } } },
    });
    await ask("PATCH", `${path}/status?fieldManager=st`, { body: { ...base, status: { replicas: 1 } }, type });
    await ask("PATCH", `${path}/status?fieldManager=st`, {
      body: { ...base, spec: { replicas: 9 }, status: { replicas: 2 } },
      type,
    });
    await run("one", { ...spec({ containers: [container] }), status: { replicas: 9 } });
    await run("one", spec({ containers: [container, container] }));
    await run("one", spec({ containers: [{ image: "x" }] }));
    await run("one", spec({ containers: "x" }));
    await ask("PATCH", `${path}/scale?fieldManager=sc`, {
      body: { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "a" }, spec: { replicas: 6 } },
      type,
    });
    await ask("PATCH", `${path}/scale?fieldManager=sc&force=true`, {
      body: { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "a" }, spec: { replicas: 6 } },
      type,
    });
    await ask("GET", path);
  },
  async migration(asking) {
    const { ask, namespace, subject } = asking;
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const base = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "m" } };
    await ask("POST", `${path}?fieldManager=kubectl-create`, { body: { ...base, data: { a: "1", b: "2" } } });
    const run = applier(asking, `${path}/m`, base);
    await run("kubectl", { data: { a: "1" } });
    await run("kubectl", { data: { a: "2" } });
    await run("kubectl", { data: { a: "2", b: "2" } }, "&force=true");
    await run("kubectl", { data: { b: "2" } }, "&force=true");
    const { json } = await subject.send("GET", `${path}/m`);
    const reset = { ...json, metadata: { ...json.metadata, managedFields: [{}] } };
    await ask("PUT", `${path}/m`, { body: reset });
    await run("kubectl", { data: { b: "3" } });
    await ask("PATCH", `${path}/m`, {
      body: [{ op: "replace", path: "/metadata/managedFields", value: [{}] }],
      type: "application/json-patch+json",
    });
    await ask("PATCH", `${path}/m`, {
      body: { metadata: { managedFields: null } },
      type: "application/merge-patch+json",
    });
    for (let i = 0; i < 12; i++) {
      await subject.send("PATCH", `${path}/m?fieldManager=m${i}`, {
        body: { data: { [`k${i}`]: "1" } },
        type: "application/merge-patch+json",
      });
    }
    await ask("GET", `${path}/m`);
  },
  async service(asking) {
    const { namespace } = asking;
    const path = `/api/v1/namespaces/${namespace}/services/s`;
    const run = applier(asking, path, { apiVersion: "v1", kind: "Service", metadata: { name: "s" } });
    await run("one", { spec: { selector: { a: "b" }, ports: [{ port: 80 }] } });
    await run("one", { spec: { selector: { a: "b" }, ports: [{ port: 80 }, { port: 81, name: "x" }] } });
    await run("one", {
      spec: {
        selector: { a: "b" },
        ports: [
          { port: 80, name: "w" },
          { port: 81, name: "x" },
          { port: 81, protocol: "UDP", name: "y" },
        ],
      },
    });
    await run("two", { spec: { selector: { a: "c" } } });
    await run("two", { spec: { type: "NodePort" } }, "&force=true");
  },
};
