import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, Deployments, Pods, ResourceQuotas, Services } from "@capstan/api/generated/resources";
import type { Resource } from "@capstan/api/meta";
import { attributesFor, createMemoryView } from "@capstan/testing/view";
import { createResourceQuota } from "./resource-quota.ts";

function cluster(hard: Record<string, string>, rest: object = {}) {
  const view = createMemoryView("a");
  view.put(ResourceQuotas, { metadata: { name: "q", namespace: "a" }, spec: { hard, ...rest } });
  const plugin = createResourceQuota(view);
  let made = 0;
  /** Passes the quota and is stored, as the server does it. @param hold does not store yet: returns how to go on. */
  const start = (resource: Resource, object: object, name = `o${made++}`) => {
    const whole = { metadata: { name, namespace: "a" }, ...object };
    const root = resource.group ? `/apis/${resource.group}/v1` : "/api/v1";
    const attributes = attributesFor({
      path: `${root}/namespaces/a/${resource.resource}`,
      kind: resource.kind,
      object: whole,
    });
    plugin.validate?.(attributes);
    return (stored: boolean) => {
      if (stored) view.put(resource, whole);
      plugin.settled?.(attributes);
    };
  };
  const create = (resource: Resource, object: object = {}, name?: string) => start(resource, object, name)(true);
  return { view, plugin, create, start };
}
const pod = (cpu?: string, memory?: string, rest: object = {}) => ({
  spec: {
    containers: [{ name: "c", resources: { requests: { ...(cpu ? { cpu } : {}), ...(memory ? { memory } : {}) } } }],
    ...rest,
  },
});

test("counts are bounded, whatever the kind", () => {
  const { view, create } = cluster({ pods: "1", "count/deployments.apps": "1", configmaps: "1" });
  view.put(Deployments, { metadata: { name: "elsewhere", namespace: "b" }, spec: {} });
  for (const [resource, text, key] of [
    [Pods, 'pods "p"', "pods"],
    [Deployments, 'deployments.apps "p"', "count/deployments.apps"],
    [ConfigMaps, 'configmaps "p"', "configmaps"],
  ] as const) {
    create(resource as Resource, pod());
    assert.throws(() => create(resource as Resource, pod(), "p"), {
      reason: "Forbidden",
      message: `${text} is forbidden: exceeded quota: q, requested: ${key}=1, used: ${key}=1, limited: ${key}=1`,
    });
  }
});

test("processors and memory are summed, and have to be said", () => {
  const { create, view } = cluster({ "requests.cpu": "1", memory: "1Gi" });
  create(Pods, pod("600m", "512Mi"));
  assert.throws(() => create(Pods, pod("500m", "768Mi"), "p"), {
    message:
      'pods "p" is forbidden: exceeded quota: q, requested: memory=768Mi,requests.cpu=500m, used: memory=512Mi,requests.cpu=600m, limited: memory=1Gi,requests.cpu=1',
  });
  assert.throws(() => create(Pods, pod("100m"), "p"), /failed quota: q: must specify memory for: c/);
  create(Pods, pod("400m", "1Mi"));
  const [first] = view.list(Pods);
  view.put(Pods, {
    ...first,
    metadata: { ...first?.metadata, name: first?.metadata.name ?? "" },
    status: { phase: "Succeeded" },
  });
  create(Pods, pod("600m", "1Mi"));
});

test("start-up containers count with the most of them, side-cars with all", () => {
  const { create } = cluster({ "requests.cpu": "1" });
  const container = (cpu: string, rest: object = {}) => ({ name: cpu, resources: { requests: { cpu } }, ...rest });
  const initContainers = [container("900m"), container("200m", { restartPolicy: "Always" }), container("700m")];
  create(Pods, { spec: { initContainers, containers: [container("300m")] } });
  assert.throws(() => create(Pods, pod("200m"), "p"), /used: requests.cpu=900m/);
});

test("writes at the same time cannot exceed a quota together, and a failed one gives its share back", () => {
  const { start } = cluster({ pods: "2" });
  const [first, second] = [start(Pods, pod()), start(Pods, pod())];
  assert.throws(() => start(Pods, pod()), /used: pods=2/);
  first(true);
  assert.throws(() => start(Pods, pod()), /used: pods=2/);
  second(false);
  start(Pods, pod())(true);
  assert.throws(() => start(Pods, pod()), /used: pods=2/);
});

test("an update counts with what it adds", () => {
  const { create, plugin, view } = cluster({ "services.nodeports": "1" });
  create(Services, { spec: { type: "ClusterIP", ports: [{ port: 1 }, { port: 2 }] } }, "s");
  const update = (type: string, ports: object[]) => {
    const attributes = attributesFor({
      operation: "UPDATE",
      path: "/api/v1/namespaces/a/services/s",
      kind: "Service",
      object: { metadata: { name: "s" }, spec: { type, ports } },
      oldObject: view.get(Services, { namespace: "a", name: "s" }),
    });
    plugin.validate?.(attributes);
    plugin.settled?.(attributes);
  };
  update("NodePort", [{ port: 1 }]);
  assert.throws(
    () => update("NodePort", [{ port: 1 }, { port: 2 }]),
    /requested: services.nodeports=2, used: services.nodeports=0, limited: services.nodeports=1/,
  );
});

test("scopes choose the pods that count", () => {
  const { create } = cluster(
    { pods: "1" },
    {
      scopes: ["NotBestEffort"],
      scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }] },
    },
  );
  const high = { priorityClassName: "high" };
  create(Pods, pod("1", undefined, high));
  create(Pods, pod("1"));
  create(Pods, pod(undefined, undefined, high));
  assert.throws(() => create(Pods, pod("1", undefined, high)), /exceeded quota/);
});
