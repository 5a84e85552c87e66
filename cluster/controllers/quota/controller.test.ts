import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, Deployments, Pods, ResourceQuotas } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createMetadataStore } from "../metadata/index.ts";
import { createResourceQuotaController } from "./index.ts";

test("a quota's status follows what its namespace holds", async () => {
  await using cluster = await TestCluster.start({
    parts: (made) => {
      const metadata = createMetadataStore(made);
      return [metadata, createResourceQuotaController({ ...made, metadata })];
    },
  });
  const { client } = cluster;
  const ref = { namespace: "default", name: "q" };
  const hard = {
    "requests.cpu": "4",
    "limits.memory": "1Gi",
    pods: "9",
    configmaps: "9",
    "count/deployments.apps": "2",
  };
  await client.create(ResourceQuotas, { metadata: ref, spec: { hard } });
  const used = (wanted: Record<string, string>) =>
    cluster.until(ResourceQuotas, ref, (quota) => {
      return Object.entries(wanted).every(([name, amount]) => quota?.status?.used?.[name] === amount);
    });
  await used({ "requests.cpu": "0", pods: "0", "count/deployments.apps": "0" });
  const resources = { requests: { cpu: "1500m" }, limits: { cpu: "2", memory: "256Mi" } };
  const spec = { containers: [{ name: "c", image: "i", resources }] };
  await client.create(Pods, { metadata: { namespace: "default", name: "a" }, spec });
  await client.create(ConfigMaps, { metadata: { namespace: "default", name: "c" } });
  const template = { metadata: { labels: { a: "b" } }, spec };
  const selector = { matchLabels: { a: "b" } };
  await client.create(Deployments, {
    metadata: { namespace: "default", name: "d" },
    spec: { replicas: 0, selector, template },
  });
  const quota = await used({ "requests.cpu": "1500m", "limits.memory": "256Mi", pods: "1", configmaps: "1" });
  await used({ "count/deployments.apps": "1" });
  assert.deepEqual(quota?.status?.hard, hard);
  const body = { status: { phase: "Succeeded" } };
  await client.patch(Pods, { namespace: "default", name: "a" }, { type: "merge", body }, { subresource: "status" });
  await used({ "requests.cpu": "0", pods: "0", configmaps: "1" });
});
