import assert from "node:assert/strict";
import { test } from "node:test";
import type { HorizontalPodAutoscaler, MetricSpec } from "@capstan/api/generated/autoscaling-v2";
import {
  CustomResourceDefinitions,
  Events,
  HorizontalPodAutoscalers,
  ReplicaSets,
} from "@capstan/api/generated/resources";
import type { KubeObject, Resource } from "@capstan/api/meta";
import type { HttpRequest } from "@capstan/base/http";
import type { ExtensionFactory } from "@capstan/cluster/apiserver";
import { createMetrics } from "@capstan/cluster/apiserver/metrics";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode, createPaperStats } from "@capstan/testing/node";
import { createReplicaSetController } from "../replicaset/index.ts";
import { createAutoscalerController } from "./index.ts";

const Mi = 2 ** 20;
const at = (name: string) => ({ namespace: "default", name });
const json = { "content-type": "application/json" };

/** A cluster whose pods use what `use` says at the time. */
async function start(use: { memory: number; cores: number }, ...extensions: ExtensionFactory[]) {
  let made: TestCluster | undefined;
  const source = createPaperStats(
    () => (made as TestCluster).informers,
    () => use,
  );
  return TestCluster.start({
    extensions: [...extensions, createMetrics({ source, window: 10, freshness: 0 })],
    parts: (cluster) => {
      made = cluster;
      return [
        createReplicaSetController(cluster),
        createPaperNode({ ...cluster, binds: true }),
        createAutoscalerController({ ...cluster, syncPeriod: 20, cpuInitialization: 0 }),
      ];
    },
  });
}

async function createSet(cluster: TestCluster, name: string, replicas: number, app = name): Promise<void> {
  const labels = { app };
  const requests = { memory: "64Mi", cpu: "100m" };
  const spec = { containers: [{ name: "c", image: "i", resources: { requests } }] };
  const template = { metadata: { labels }, spec };
  const selector = { matchLabels: labels };
  await cluster.client.create(ReplicaSets, { metadata: at(name), spec: { replicas, selector, template } });
}

type Spec = Partial<HorizontalPodAutoscaler["spec"]>;
async function autoscale(cluster: TestCluster, name: string, metrics: MetricSpec[], more: Spec = {}): Promise<void> {
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "ReplicaSet", name };
  const spec = { scaleTargetRef, maxReplicas: 5, metrics, ...more };
  await cluster.client.create(HorizontalPodAutoscalers, { metadata: at(name), spec });
}

const resource = (name: string, averageUtilization: number): MetricSpec => ({
  type: "Resource",
  resource: { name, target: { type: "Utilization", averageUtilization } },
});

/** Waits until the autoscaler says this: `AbleToScale=True/ReadyForNewScale`. */
async function says(cluster: TestCluster, name: string, ...wanted: string[]): Promise<string[]> {
  const of = (found: HorizontalPodAutoscaler | undefined) => found?.status?.conditions ?? [];
  const found = await cluster.until(HorizontalPodAutoscalers, at(name), (autoscaler) => {
    const said = of(autoscaler).map(({ type, status, reason }) => `${type}=${status}/${reason}`);
    return wanted.every((text) => said.includes(text));
  });
  return of(found).map(({ message = "" }) => message);
}

/** Waits for an event of the autoscaler. */
async function hears(cluster: TestCluster, name: string, wanted: RegExp): Promise<void> {
  const signal = AbortSignal.any([cluster.signal, AbortSignal.timeout(20_000)]);
  const heard: string[] = [];
  for await (const { type, object } of cluster.client.watch(Events, { namespace: "default", signal })) {
    if (type === "BOOKMARK" || object.involvedObject.name !== name) continue;
    heard.push(`${object.reason}: ${object.message}`);
    if (wanted.test(heard.at(-1) ?? "")) return;
  }
  assert.fail(`${wanted} is not among ${heard.join("\n")}`);
}

test("a set follows what its pods use, up at once and down as its rules allow", async () => {
  const use = { memory: 128 * Mi, cores: 0.1 };
  await using cluster = await start(use);
  await createSet(cluster, "web", 1);
  await autoscale(cluster, "web", [resource("memory", 100)]);
  await says(cluster, "web", "ScalingLimited=True/TooManyReplicas", "ScalingActive=True/ValidMetricFound");
  const size = (count: number) =>
    cluster.until(ReplicaSets, at("web"), ({ status } = {} as never) => status?.readyReplicas === count);
  await size(5);
  const grown = await cluster.until(
    HorizontalPodAutoscalers,
    at("web"),
    (found) => found?.status?.currentReplicas === 5,
  );
  assert.equal(grown?.status?.desiredReplicas, 5);
  assert.ok(grown?.status?.lastScaleTime);
  assert.deepEqual(grown?.status?.currentMetrics, [
    { type: "Resource", resource: { name: "memory", current: { averageUtilization: 200, averageValue: "134217728" } } },
  ]);
  await hears(
    cluster,
    "web",
    /SuccessfulRescale: New size: 2; reason: memory resource utilization \(percentage of request\) above target/,
  );
  use.memory = 16 * Mi;
  await says(cluster, "web", "AbleToScale=True/ScaleDownStabilized");
  const behavior = {
    scaleDown: { stabilizationWindowSeconds: 0, policies: [{ type: "Pods", value: 2, periodSeconds: 1800 }] },
  };
  await cluster.client.patch(HorizontalPodAutoscalers, at("web"), { type: "merge", body: { spec: { behavior } } });
  await says(cluster, "web", "ScalingLimited=True/ScaleDownLimit");
  await size(3);
  await hears(cluster, "web", /New size: 3; reason: All metrics below target/);
});

test("processor time by container; the largest proposal wins; a metric that fails holds no growth back", async () => {
  await using cluster = await start({ memory: 64 * Mi, cores: 0.2 });
  await createSet(cluster, "web", 2);
  const container: MetricSpec = {
    type: "ContainerResource",
    containerResource: { name: "cpu", container: "c", target: { type: "AverageValue", averageValue: "100m" } },
  };
  const missing: MetricSpec = {
    type: "Pods",
    pods: { metric: { name: "rps" }, target: { type: "AverageValue", averageValue: "10" } },
  };
  await autoscale(cluster, "web", [resource("memory", 100), missing, container], { maxReplicas: 4 });
  await cluster.until(ReplicaSets, at("web"), (set) => set?.spec.replicas === 4);
  await cluster.until(HorizontalPodAutoscalers, at("web"), ({ status } = {} as never) => {
    return status?.currentMetrics?.map(({ type }) => type).join() === "Resource,,ContainerResource";
  });
  await hears(cluster, "web", /New size: [34]; reason: cpu resource above target/);
  await hears(
    cluster,
    "web",
    /FailedGetPodsMetric: unable to get metric rps: .*no custom metrics API \(custom.metrics.k8s.io\)/,
  );
});

test("what stands in the way is said as a condition and an event", async () => {
  await using cluster = await start({ memory: 64 * Mi, cores: 0.1 });
  await createSet(cluster, "none", 0);
  await autoscale(cluster, "none", [resource("memory", 100)]);
  await says(cluster, "none", "ScalingActive=False/ScalingDisabled");
  await autoscale(cluster, "absent", [resource("memory", 100)]);
  const [absent] = await says(cluster, "absent", "AbleToScale=False/FailedGetScale");
  assert.match(absent ?? "", /unable to get the target's current scale: replicasets.apps "absent" not found/);
  const wrong = { apiVersion: "apps/v1", kind: "Wrong", name: "x" };
  await autoscale(cluster, "wrong", [resource("memory", 100)], { scaleTargetRef: wrong });
  const [kindless] = await says(cluster, "wrong", "AbleToScale=False/FailedGetScale");
  assert.match(kindless ?? "", /no matches for kind "Wrong" in group "apps"/);
  await createSet(cluster, "large", 9);
  await autoscale(cluster, "large", [resource("nothing", 100)]);
  await cluster.until(ReplicaSets, at("large"), (set) => set?.spec.replicas === 5);
  const said = await says(cluster, "large", "ScalingActive=False/FailedGetResourceMetric");
  assert.match(said.join("\n"), /unable to compute the replica count: failed to get nothing utilization: /);
  await autoscale(cluster, "twin", [resource("memory", 100)], {
    scaleTargetRef: { apiVersion: "apps/v1", kind: "ReplicaSet", name: "large" },
  });
  await says(cluster, "twin", "ScalingActive=False/AmbiguousSelector");
  await hears(cluster, "large", /New size: 5; reason: Current number of replicas above Spec.MaxReplicas/);
  await hears(
    cluster,
    "large",
    /FailedComputeMetricsReplicas: invalid metrics \(1 invalid out of 1\), first error is: failed to get/,
  );
});

test("metrics of pods, objects and outside come from their APIs where they are served", async () => {
  const asked: string[] = [];
  const items = (...values: [string, string][]) => ({
    items: values.map(([name, value]) => ({ describedObject: { name }, value, timestamp: new Date().toISOString() })),
  });
  const answers: [RegExp, (request: HttpRequest) => object][] = [
    [/^\/apis\/custom\.metrics\.k8s\.io$/, () => ({ preferredVersion: { version: "v1beta2" } })],
    [/\/namespaces\/default\/pods\/\*\/rps\?/, () => items(["x", "30"])],
    [/\/namespaces\/default\/replicasets\.apps\/web\/hits$/, () => items(["web", "500m"])],
    [/^\/apis\/external\..*\/queue\?labelSelector=q%3Da$/, () => items(["", "6"], ["", "6"])],
  ];
  const extension: ExtensionFactory = () => ({
    interceptors: [
      (next) => async (request) => {
        const found = answers.find(([pattern]) => pattern.test(request.url));
        if (!found) return next(request);
        asked.push(request.url);
        return { status: 200, headers: json, body: JSON.stringify(found[1](request)) };
      },
    ],
  });
  await using cluster = await start({ memory: 1, cores: 0 }, extension);
  await createSet(cluster, "web", 2);
  await cluster.until(ReplicaSets, at("web"), (set) => set?.status?.readyReplicas === 2);
  const target = { type: "AverageValue", averageValue: "3" };
  const queue = { name: "queue", selector: { matchLabels: { q: "a" } } };
  const described = { apiVersion: "apps/v1", kind: "ReplicaSet", name: "web" };
  await autoscale(cluster, "web", [
    { type: "External", external: { metric: queue, target } },
    {
      type: "Object",
      object: { metric: { name: "hits" }, describedObject: described, target: { type: "Value", value: "1" } },
    },
  ]);
  await cluster.until(ReplicaSets, at("web"), (set) => set?.spec.replicas === 4);
  const found = await cluster.until(HorizontalPodAutoscalers, at("web"), ({ status } = {} as never) => {
    return status?.currentReplicas === 4 && status.currentMetrics?.[0]?.external?.current.averageValue === "3";
  });
  assert.equal(found?.status?.currentMetrics?.[1]?.object?.current.value, "500m");
  await hears(
    cluster,
    "web",
    /reason: external metric queue\(&LabelSelector\{MatchLabels:map\[string\]string\{q: a,\},.*\}\) above target/,
  );
  await cluster.client.delete(HorizontalPodAutoscalers, at("web"));
  const rps = { metric: { name: "rps" }, target: { type: "AverageValue", averageValue: "10" } };
  await autoscale(cluster, "web", [{ type: "Pods", pods: rps }]);
  await says(cluster, "web", "ScalingActive=True/ValidMetricFound");
  assert.ok(asked.some((url) => url.includes("/v1beta2/namespaces/default/pods/*/rps?labelSelector=app%3Dweb")));
});

test("a custom kind with a scale is scaled", async () => {
  await using cluster = await start({ memory: 64 * Mi, cores: 0 });
  const { client } = cluster;
  const properties = {
    spec: { type: "object", properties: { size: { type: "integer" } } },
    status: { type: "object", properties: { size: { type: "integer" }, selector: { type: "string" } } },
  };
  const version = {
    name: "v1",
    served: true,
    storage: true,
    schema: { openAPIV3Schema: { type: "object", properties } },
    subresources: {
      status: {},
      scale: {
        specReplicasPath: ".spec.size",
        statusReplicasPath: ".status.size",
        labelSelectorPath: ".status.selector",
      },
    },
  };
  const names = { plural: "farms", kind: "Farm" };
  await client.create(CustomResourceDefinitions, {
    metadata: { name: "farms.example.com" },
    spec: { group: "example.com", names, scope: "Namespaced", versions: [version] },
  });
  type Farm = KubeObject & { spec: { size: number }; status?: object };
  const farms: Resource<Farm> = {
    group: "example.com",
    version: "v1",
    resource: "farms",
    kind: "Farm",
    namespaced: true,
  };
  await client.create(farms, { metadata: at("f"), spec: { size: 1 } });
  const scaleTargetRef = { apiVersion: "example.com/v1", kind: "Farm", name: "f" };
  await autoscale(cluster, "f", [resource("memory", 50)], { scaleTargetRef });
  const [, missing] = await says(cluster, "f", "ScalingActive=False/InvalidSelector");
  assert.equal(missing, "the HPA target's scale is missing a selector");
  await createSet(cluster, "pods", 1);
  await cluster.until(ReplicaSets, at("pods"), (set) => set?.status?.readyReplicas === 1);
  const status = { size: 1, selector: "app=pods" };
  await client.patch(farms, at("f"), { type: "merge", body: { status } }, { subresource: "status" });
  await cluster.until(farms, at("f"), (farm) => farm?.spec.size === 2);
});
