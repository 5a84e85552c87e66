import assert from "node:assert/strict";
import { test } from "node:test";
import { Deployments, PodDisruptionBudgets, Pods } from "@capstan/api/generated/resources";
import { isReason } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createDeploymentController } from "../deployment/index.ts";
import { createReplicaSetController } from "../replicaset/index.ts";
import { createDisruptionController } from "./index.ts";

test("a budget lets as many pods be evicted as it can spare", async () => {
  await using cluster = await TestCluster.start({
    parts: (made) => [
      createDisruptionController(made),
      createDeploymentController(made),
      createReplicaSetController(made),
      createPaperNode({ ...made, binds: true }),
    ],
  });
  const { client } = cluster;
  const namespace = "default";
  const labels = { app: "web" };
  const template = { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } };
  const selector = { matchLabels: labels };
  await client.create(Deployments, { metadata: { namespace, name: "web" }, spec: { replicas: 3, selector, template } });
  await client.create(PodDisruptionBudgets, {
    metadata: { namespace, name: "web" },
    spec: { selector, maxUnavailable: "34%" },
  });
  const allowed = (count: number, healthy: number) =>
    cluster.until(PodDisruptionBudgets, { namespace, name: "web" }, (budget) => {
      return budget?.status?.disruptionsAllowed === count && budget.status.currentHealthy === healthy;
    });
  const budget = await allowed(2, 3);
  assert.deepEqual([budget?.status?.expectedPods, budget?.status?.desiredHealthy], [3, 1]);
  await client.patch(
    PodDisruptionBudgets,
    { namespace, name: "web" },
    { type: "merge", body: { spec: { maxUnavailable: 0 } } },
  );
  await allowed(0, 3);
  const [pod] = (await client.list(Pods, { namespace })).items;
  const url = `/api/v1/namespaces/${namespace}/pods/${pod?.metadata.name}/eviction`;
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { namespace, name: pod?.metadata.name } };
  const headers = { "content-type": "application/json" };
  const evict = () => client.request({ method: "POST", url, headers, body: Buffer.from(JSON.stringify(body)) });
  await assert.rejects(evict(), (error) => isReason(error, "TooManyRequests"));
});
