import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ConfigMaps,
  CustomResourceDefinitions,
  Namespaces,
  Nodes,
  ResourceQuotas,
  Roles,
} from "@capstan/api/generated/resources";
import { type Domain, Domains, domainDefinition } from "@capstan/api/kinds/domain";
import { TestCluster } from "@capstan/testing/cluster";
import { createDomainOperator } from "./index.ts";

const alice = (podMaxCount?: number) => ({
  metadata: { name: "alice" },
  spec: { role: "partner" as const, ...(podMaxCount === undefined ? {} : { resourceQuota: { podMaxCount } }) },
});

async function start(): Promise<TestCluster> {
  return TestCluster.start({
    async parts(cluster) {
      const { client, informers, log } = cluster;
      await client.create(CustomResourceDefinitions, domainDefinition);
      return createDomainOperator({ client, informers, log });
    },
  });
}

const quota = { namespace: "alice", name: "resource-limitation" };

test("a Domain makes its namespace, quota, settings and role", async () => {
  await using cluster = await start();
  await cluster.client.create(Domains, alice(100));
  const made = await cluster.until(ResourceQuotas, quota, (object) => object !== undefined);
  assert.deepEqual(made?.spec.hard, { pods: "100" });
  const namespace = await cluster.client.get(Namespaces, { name: "alice" });
  assert.equal(namespace.metadata.labels?.["kuscia.secretflow/domain-name"], "alice");
  assert.equal(namespace.metadata.labels?.["kuscia.secretflow/role"], "partner");
  await cluster.until(ConfigMaps, { namespace: "alice", name: "domain-config" }, (object) => object !== undefined);
  const role = await cluster.until(Roles, { namespace: "alice", name: "alice" }, (object) => object !== undefined);
  assert.equal(role?.metadata.ownerReferences?.[0]?.kind, "Domain");
});

test("a changed quota is followed, an absent one removed, and one deleted by hand comes back", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Domains, alice(100));
  await cluster.until(ResourceQuotas, quota, (object) => object !== undefined);
  await client.patch(
    Domains,
    { name: "alice" },
    { type: "merge", body: { spec: { resourceQuota: { podMaxCount: 200 } } } },
  );
  await cluster.until(ResourceQuotas, quota, (object) => object?.spec.hard?.pods === "200");
  await client.delete(ResourceQuotas, quota);
  await cluster.until(ResourceQuotas, quota, (object) => object?.spec.hard?.pods === "200");
  await client.patch(Domains, { name: "alice" }, { type: "merge", body: { spec: { resourceQuota: null } } });
  await cluster.until(ResourceQuotas, quota, (object) => object === undefined);
});

test("a deleted Domain only labels its namespace, and a new one revives it", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const deleted = "kuscia.secretflow/deleted";
  await client.create(Domains, alice(100));
  await cluster.until(ResourceQuotas, quota, (object) => object !== undefined);
  await client.delete(Domains, { name: "alice" });
  await cluster.until(Namespaces, { name: "alice" }, (object) => object?.metadata.labels?.[deleted] === "true");
  assert.ok(await client.find(ResourceQuotas, quota));
  await client.create(Domains, alice(50));
  await cluster.until(Namespaces, { name: "alice" }, (object) => object?.metadata.labels?.[deleted] === undefined);
  await cluster.until(ResourceQuotas, quota, (object) => object?.spec.hard?.pods === "50");
});

test("the status follows the Domain's nodes", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Domains, alice());
  const labels = { "kuscia.secretflow/namespace": "alice" };
  const node = await client.create(Nodes, { metadata: { name: "n1", labels }, spec: {} });
  const first = (domain: Domain | undefined) => domain?.status?.nodeStatuses?.[0]?.status;
  await cluster.until(Domains, { name: "alice" }, (domain) => first(domain) === "NotReady");
  const ready = { type: "Ready", status: "True", lastHeartbeatTime: "2026-01-01T00:00:00Z" };
  await client.updateStatus(Nodes, { ...node, status: { ...node.status, conditions: [ready] } });
  await cluster.until(Domains, { name: "alice" }, (domain) => first(domain) === "Ready");
});
