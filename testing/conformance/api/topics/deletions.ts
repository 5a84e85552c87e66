// Deletes: grace, propagation, finalizers, preconditions, collections, and what each answers.
import type { Scenarios } from "../recording.ts";

const container = { name: "c", image: "i:1" };

export const deletions: Scenarios = {
  async "config map"({ ask, namespace, subject }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const create = (name: string, metadata: object = {}) =>
      subject.send("POST", path, { body: { metadata: { name, ...metadata } } });
    await create("a");
    await ask("DELETE", `${path}/a`);
    await ask("DELETE", `${path}/a`);
    const b = await create("b");
    const wrong = { uid: "11111111-1111-1111-1111-111111111111" };
    await ask("DELETE", `${path}/b`, { body: { preconditions: wrong } });
    await ask("DELETE", `${path}/b`, { body: { preconditions: { resourceVersion: "1" } } });
    await ask("DELETE", `${path}/b?dryRun=All`);
    await ask("DELETE", `${path}/b`, { body: { dryRun: ["All"] } });
    await ask("DELETE", `${path}/b`, { body: { dryRun: ["None"] } });
    await ask("DELETE", `${path}/b?propagationPolicy=Wrong`);
    await ask("DELETE", `${path}/b?orphanDependents=true&propagationPolicy=Orphan`);
    await ask("DELETE", `${path}/b`, { body: { orphanDependents: true, propagationPolicy: "Orphan" } });
    await ask("DELETE", `${path}/b`, { body: { kind: "Pod", apiVersion: "v1" } });
    await ask("DELETE", `${path}/b`, {
      body: { kind: "DeleteOptions", apiVersion: "v1", unknown: 5, dryRun: ["All"] },
    });
    await ask("DELETE", `${path}/b?gracePeriodSeconds=x`);
    await ask("DELETE", `${path}/b?gracePeriodSeconds=-1&dryRun=All`);
    await ask("DELETE", `${path}/b`, { body: "{" });
    const preconditions = { uid: b.json.metadata.uid, resourceVersion: b.json.metadata.resourceVersion };
    await ask("DELETE", `${path}/b`, { body: { kind: "DeleteOptions", apiVersion: "v1", preconditions } });
    await create("c", { finalizers: ["example.com/a"] });
    await ask("DELETE", `${path}/c`, { body: { gracePeriodSeconds: 5 } });
    await ask("DELETE", `${path}/c`);
    const merge = { type: "application/merge-patch+json" };
    await ask("PATCH", `${path}/c`, {
      body: { metadata: { finalizers: ["example.com/a", "example.com/b"] } },
      ...merge,
    });
    await ask("PATCH", `${path}/c`, { body: { data: { a: "b" } }, ...merge });
    await ask("PATCH", `${path}/c`, { body: { metadata: { finalizers: null } }, ...merge });
    await ask("GET", `${path}/c`);
    await create("d");
    await ask("DELETE", `${path}/d?propagationPolicy=Foreground`);
    await ask("DELETE", `${path}/d?propagationPolicy=Background`);
    await ask("PATCH", `${path}/d`, { body: { metadata: { finalizers: null } }, ...merge });
    await create("e");
    await ask("DELETE", `${path}/e`, { body: { propagationPolicy: "Orphan" } });
    await create("f");
    await ask("DELETE", `${path}/f`, { body: { orphanDependents: true } });
    await create("g", { finalizers: ["orphan"] });
    await ask("DELETE", `${path}/g`, { body: { propagationPolicy: "Background" } });
    await create("h", { finalizers: ["bad finalizer", "unqualified", "foregroundDeletion", "orphan"] }).then(() =>
      ask("GET", `${path}/h`),
    );
    await ask("POST", path, { body: { metadata: { name: "i", finalizers: ["unqualified"] } } });
    await ask("POST", path, { body: { metadata: { name: "i", finalizers: ["foregroundDeletion", "orphan"] } } });
  },
  async collection({ ask, namespace, subject }) {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    for (const name of ["a", "b", "c", "d"]) {
      await subject.send("POST", path, { body: { metadata: { name, labels: { half: String("ab".includes(name)) } } } });
    }
    await ask("DELETE", `${path}?labelSelector=half=true&dryRun=All`);
    await ask("DELETE", `${path}?labelSelector=half=true`);
    await ask("DELETE", `${path}?fieldSelector=metadata.name=c`);
    await ask("DELETE", `${path}?labelSelector=wrong value`.replace(" ", "%20"));
    await ask("DELETE", `${path}`, { body: { preconditions: { uid: "x" } } });
    await ask("DELETE", `${path}`, { body: { propagationPolicy: "Foreground" } });
    await ask("DELETE", `${path}?labelSelector=none`);
  },
  async pod({ ask, namespace, subject }) {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const create = (name: string, spec: object = {}) =>
      subject.send("POST", path, { body: { metadata: { name }, spec: { containers: [container], ...spec } } });
    const bind = async (name: string) => {
      await create(name);
      const body = { metadata: { name }, target: { kind: "Node", name: "n" } };
      await ask("POST", `${path}/${name}/binding`, { body });
      // A kube-apiserver deletes what its cache holds: it has to know the node.
      const { json } = await subject.send("GET", `${path}/${name}`);
      await subject.send("GET", `${path}/${name}?resourceVersion=${json.metadata.resourceVersion}`);
    };
    await create("unbound");
    await ask("DELETE", `${path}/unbound`);
    await bind("a");
    await ask("DELETE", `${path}/a`);
    await ask("GET", `${path}/a`);
    await ask("DELETE", `${path}/a?gracePeriodSeconds=60`);
    await ask("DELETE", `${path}/a?gracePeriodSeconds=10`);
    await ask("DELETE", `${path}/a`, { body: { gracePeriodSeconds: 0 } });
    await ask("GET", `${path}/a`);
    await bind("b");
    await ask("DELETE", `${path}/b?gracePeriodSeconds=-1`);
    await ask("DELETE", `${path}/b?gracePeriodSeconds=0&dryRun=All`);
    await ask("DELETE", `${path}/b?gracePeriodSeconds=0`);
    await create("zero", { terminationGracePeriodSeconds: 0 });
    await ask("DELETE", `${path}/zero`);
    await bind("c");
    await ask("DELETE", `${path}/c?propagationPolicy=Foreground`);
    await ask("DELETE", `${path}/c?gracePeriodSeconds=0`);
    await bind("d");
    await ask("DELETE", path);
    await ask("POST", `${path}/d/binding`, { body: { metadata: { name: "d" }, target: { name: "n" } } });
    await ask("POST", `${path}/none/binding`, { body: { metadata: { name: "none" }, target: { name: "n" } } });
    await create("e");
    await ask("POST", `${path}/e/binding`, { body: { metadata: { name: "e" }, target: {} } });
    await ask("POST", `${path}/e/binding`, { body: { metadata: { name: "e" }, target: { kind: "Pod", name: "n" } } });
    await ask("POST", `${path}/e/binding`, { body: { metadata: { name: "other" }, target: { name: "n" } } });
    await ask("POST", `/api/v1/namespaces/${namespace}/bindings`, {
      body: { metadata: { name: "e", annotations: { a: "b" } }, target: { name: "n" } },
    });
    await ask("POST", `${path}/e/binding`, { body: { metadata: { name: "e" }, target: { name: "m" } } });
    await ask("GET", `${path}/e`);
  },
  async eviction({ ask, namespace, subject }) {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const budgets = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`;
    const labels = { app: "a" };
    const create = (name: string) =>
      subject.send("POST", path, {
        body: { metadata: { name, labels }, spec: { containers: [container], nodeName: "n" } },
      });
    const eviction = (name: string, rest: object = {}) => ({
      apiVersion: "policy/v1",
      kind: "Eviction",
      metadata: { name, namespace },
      ...rest,
    });
    const running = (name: string) =>
      subject.send("PATCH", `${path}/${name}/status`, {
        body: { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } },
        type: "application/merge-patch+json",
      });
    await create("a");
    await ask("POST", `${path}/a/eviction`, { body: eviction("a", { deleteOptions: { dryRun: ["All"] } }) });
    await ask("POST", `${path}/a/eviction`, { body: eviction("other") });
    await ask("POST", `${path}/none/eviction`, { body: eviction("none") });
    await ask("POST", `${path}/a/eviction`, { body: eviction("a", { deleteOptions: { gracePeriodSeconds: 0 } }) });
    await create("b");
    await running("b");
    await ask("POST", budgets, {
      body: { metadata: { name: "p" }, spec: { minAvailable: 1, selector: { matchLabels: labels } } },
    });
    await ask("POST", `${path}/b/eviction`, { body: eviction("b") });
    await subject.send("PATCH", `${budgets}/p/status`, {
      body: {
        status: { observedGeneration: 1, disruptionsAllowed: 0, currentHealthy: 1, desiredHealthy: 1, expectedPods: 1 },
      },
      type: "application/merge-patch+json",
    });
    await ask("POST", `${path}/b/eviction`, { body: eviction("b") });
    await subject.send("PATCH", `${budgets}/p/status`, {
      body: { status: { disruptionsAllowed: 1 } },
      type: "application/merge-patch+json",
    });
    await ask("POST", `${path}/b/eviction`, { body: eviction("b") });
    await ask("GET", `${budgets}/p`);
    await create("c");
    await running("c");
    await subject.send("POST", budgets, {
      body: { metadata: { name: "q" }, spec: { minAvailable: 1, selector: { matchLabels: labels } } },
    });
    await ask("POST", `${path}/c/eviction`, { body: eviction("c") });
    await ask("POST", `${path}/c/eviction`, { body: { ...eviction("c"), apiVersion: "policy/v2" } });
    await ask("GET", `${path}/c/eviction`);
  },
  async namespace({ ask, unique, subject }) {
    const name = `${unique}-gone`;
    await ask("POST", "/api/v1/namespaces", { body: { metadata: { name } } });
    await ask("DELETE", `/api/v1/namespaces/${name}`);
    await ask("GET", `/api/v1/namespaces/${name}`);
    await ask("POST", `/api/v1/namespaces/${name}/configmaps`, { body: { metadata: { name: "a" } } });
    await ask("DELETE", `/api/v1/namespaces/${name}`);
    const { json } = await subject.send("GET", `/api/v1/namespaces/${name}`);
    await ask("PUT", `/api/v1/namespaces/${name}/finalize`, { body: { ...json, spec: {} } });
    await ask("GET", `/api/v1/namespaces/${name}`);
    await ask("DELETE", "/api/v1/namespaces/default");
    await ask("DELETE", "/api/v1/namespaces/kube-system");
    await ask("POST", "/api/v1/namespaces", { body: { metadata: { name: "Bad_Name" } } });
  },
};
