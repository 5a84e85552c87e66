import assert from "node:assert/strict";
import { test } from "node:test";
import type { Endpoints as EndpointsObject, Node, Service } from "@capstan/api/generated/core-v1";
import { EndpointSlices, Endpoints, Nodes, Pods, Services } from "@capstan/api/generated/resources";
import type { New } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createEndpointSliceController, createEndpointSliceMirror, createEndpointsController } from "./index.ts";

const at = (name: string) => ({ namespace: "default", name });

function start() {
  return TestCluster.start({
    parts: (cluster) => [
      createEndpointsController(cluster),
      createEndpointSliceController(cluster),
      createEndpointSliceMirror(cluster),
      createPaperNode({ ...cluster, binds: true, fate: (pod) => (pod.metadata.labels?.sick ? "unready" : "ready") }),
    ],
  });
}

const web: New<Service> = {
  metadata: at("web"),
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "main" }] },
};
const createPod = ({ client }: TestCluster, name: string, labels: Record<string, string> = {}, port = 8080) => {
  const containers = [{ name: "c", image: "i", ports: [{ name: "main", containerPort: port }] }];
  return client.create(Pods, { metadata: { ...at(name), labels: { app: "web", ...labels } }, spec: { containers } });
};
const counts = (object: EndpointsObject | undefined) =>
  (object?.subsets ?? []).map(({ addresses = [], notReadyAddresses = [], ports = [] }) => {
    return `${addresses.length}+${notReadyAddresses.length} ${ports.map(({ name, port }) => `${name}:${port}`)}`;
  });

/** The Service's slices, as soon as they show `wanted`. */
async function slicesShow(cluster: TestCluster, service: string, wanted: string[]): Promise<void> {
  const slices = cluster.informers.informer(EndpointSlices);
  const shown = () => {
    const own = slices
      .list("default")
      .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === service);
    return own
      .map(({ endpoints, ports = [] }) => {
        const states = endpoints.map(({ conditions: c }) => (c?.ready ? "r" : c?.terminating ? "t" : "n"));
        return `${states.sort().join("")} ${ports.map(({ port }) => port)}`;
      })
      .sort();
  };
  await slices.synced();
  await new Promise<void>((resolve, reject) => {
    const check = () => shown().join("|") === wanted.toSorted().join("|") && resolve();
    slices.onChange(check);
    check();
    AbortSignal.timeout(5000).addEventListener("abort", () => reject(new Error(`slices show ${shown().join(" | ")}`)));
  });
}

test("ready pods are addresses, others are not, and each port set stands alone", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Services, web);
  await slicesShow(cluster, "web", [" "]);
  for (const name of ["a", "b"]) await createPod(cluster, name);
  await createPod(cluster, "ill", { sick: "yes" });
  await createPod(cluster, "other", {}, 9090);
  const found = await cluster.until(
    Endpoints,
    at("web"),
    (object) => counts(object).join("|") === "2+1 http:8080|1+0 http:9090",
  );
  assert.equal(found?.subsets?.[0]?.addresses?.[0]?.targetRef?.name, "a");
  await slicesShow(cluster, "web", ["nrr 8080", "r 9090"]);
  const body = { metadata: { labels: { app: "elsewhere" } } };
  await client.patch(Pods, at("a"), { type: "merge", body });
  await client.delete(Pods, at("other"));
  await cluster.until(Endpoints, at("web"), (object) => counts(object).join("|") === "1+1 http:8080");
  await slicesShow(cluster, "web", ["nr 8080"]);
  await client.delete(Services, at("web"));
  await cluster.until(Endpoints, at("web"), (object) => object === undefined);
});

test("endpoints of a Service that prefers close ones carry their zone as a hint", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Services, { ...web, spec: { ...web.spec, trafficDistribution: "PreferClose" } });
  await createPod(cluster, "a");
  await slicesShow(cluster, "web", ["r 8080"]);
  const zone = "topology.kubernetes.io/zone";
  await client.patch(Nodes, { name: "paper" }, { type: "merge", body: { metadata: { labels: { [zone]: "east" } } } });
  const labelled = (node?: Node) => node?.metadata.labels?.[zone] === "east";
  await cluster.informers.informer(Nodes).when({ name: "paper" }, labelled, cluster.signal);
  await createPod(cluster, "b");
  await slicesShow(cluster, "web", ["rr 8080"]);
  const labelSelector = "kubernetes.io/service-name=web";
  const { items } = await client.list(EndpointSlices, { namespace: "default", labelSelector });
  assert.deepEqual(items[0]?.endpoints[0]?.hints, { forZones: [{ name: "east" }] });
});

test("a terminating pod leaves the addresses at once, and its slice when it is gone", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Services, web);
  await createPod(cluster, "a");
  await slicesShow(cluster, "web", ["r 8080"]);
  await client.patch(Pods, at("a"), { type: "merge", body: { metadata: { finalizers: ["example.com/hold"] } } });
  await client.delete(Pods, at("a"));
  await slicesShow(cluster, "web", ["t 8080"]);
  await cluster.until(Endpoints, at("web"), (object) => counts(object).length === 0);
  await client.patch(Pods, at("a"), { type: "merge", body: { metadata: { finalizers: null } } });
  await slicesShow(cluster, "web", [" "]);
});

test("more than a hundred endpoints fill several slices", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const names = Array.from({ length: 130 }, (_, i) => `p${i}`);
  await Promise.all(names.map((name) => createPod(cluster, name)));
  await client.create(Services, web);
  await slicesShow(cluster, "web", [`${"r".repeat(100)} 8080`, `${"r".repeat(30)} 8080`]);
});

test("hand-written Endpoints are mirrored until a selector or the Endpoints go", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Services, { metadata: at("ext"), spec: { ports: [{ port: 5432 }] } });
  const subsets = [{ addresses: [{ ip: "192.0.2.1" }, { ip: "192.0.2.2" }], ports: [{ port: 5432 }] }];
  await client.create(Endpoints, { metadata: at("ext"), subsets });
  await slicesShow(cluster, "ext", ["rr 5432"]);
  await client.delete(Endpoints, at("ext"));
  await slicesShow(cluster, "ext", []);
});
