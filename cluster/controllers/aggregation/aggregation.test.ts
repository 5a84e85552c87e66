import assert from "node:assert/strict";
import { test } from "node:test";
import { ClusterRoles } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createRoleAggregation } from "./index.ts";

const rule = (resource: string) => ({ apiGroups: ["x"], resources: [resource], verbs: ["get"] });
const resources = (role: { rules?: { resources?: string[] }[] } | undefined) =>
  role?.rules?.flatMap((r) => r.resources ?? []);

test("an aggregated role follows the roles that it selects, through others too", async () => {
  await using cluster = await TestCluster.start({ parts: (own) => createRoleAggregation(own) });
  const { client } = cluster;
  const aggregate = (name: string, into: string, labels: Record<string, string> = {}) =>
    client.create(ClusterRoles, {
      metadata: { name, labels },
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [into]: "true" } }] },
    });
  await aggregate("wide", "to-wide");
  await aggregate("narrow", "to-narrow", { "to-wide": "true" });
  await client.create(ClusterRoles, { metadata: { name: "b", labels: { "to-narrow": "true" } }, rules: [rule("bs")] });
  await client.create(ClusterRoles, {
    metadata: { name: "a", labels: { "to-wide": "true" } },
    rules: [rule("as"), rule("bs")],
  });
  const until = (name: string, wanted: string[]) =>
    cluster.until(ClusterRoles, { name }, (role) => JSON.stringify(resources(role)) === JSON.stringify(wanted));
  await until("narrow", ["bs"]);
  await until("wide", ["as", "bs"]);
  await client.delete(ClusterRoles, { name: "a" });
  await until("wide", ["bs"]);
  await client.patch(ClusterRoles, { name: "b" }, { type: "merge", body: { metadata: { labels: null } } });
  const wide = await cluster.until(ClusterRoles, { name: "wide" }, (role) => !role?.rules?.length);
  assert.deepEqual(wide?.rules ?? [], []);
});
