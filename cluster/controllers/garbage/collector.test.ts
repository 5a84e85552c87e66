import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfigMap } from "@capstan/api/generated/core-v1";
import { ClusterRoles, ConfigMaps, CustomResourceDefinitions, Secrets } from "@capstan/api/generated/resources";
import { apiVersionOf, type KubeObject, type Resource } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createMetadataStore } from "../metadata/index.ts";
import { createGarbageCollector } from "./index.ts";

function start() {
  return TestCluster.start({
    parts: (cluster) => {
      const metadata = createMetadataStore(cluster);
      return [metadata, createGarbageCollector({ ...cluster, metadata })];
    },
  });
}
const at = (name: string) => ({ namespace: "default", name });
const ownedBy = (resource: Resource, { metadata }: KubeObject, blockOwnerDeletion = false) => ({
  apiVersion: apiVersionOf(resource),
  kind: resource.kind,
  name: metadata.name,
  uid: metadata.uid ?? "",
  ...(blockOwnerDeletion ? { blockOwnerDeletion } : {}),
});
const gone = (object: KubeObject | undefined) => object === undefined;

test("dependents follow their last owner, also a cluster-scoped one, and one that never was", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const first = await client.create(ConfigMaps, { metadata: at("first") });
  const second = await client.create(ClusterRoles, { metadata: { name: "second" } });
  const ownerReferences = [ownedBy(ConfigMaps, first), ownedBy(ClusterRoles, second)];
  await client.create(Secrets, { metadata: { ...at("both"), ownerReferences } });
  await client.delete(ConfigMaps, at("first"));
  const kept = await cluster.until(Secrets, at("both"), (secret) => secret?.metadata.ownerReferences?.length === 1);
  assert.equal(kept?.metadata.ownerReferences?.[0]?.name, "second");
  await client.delete(ClusterRoles, { name: "second" });
  await cluster.until(Secrets, at("both"), gone);
  await client.create(Secrets, { metadata: { ...at("stray"), ownerReferences: [ownedBy(ConfigMaps, first)] } });
  await cluster.until(Secrets, at("stray"), gone);
});

test("an owner of the same name but another uid is not the owner", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const first = await client.create(ConfigMaps, { metadata: at("owner") });
  await client.create(Secrets, { metadata: { ...at("child"), ownerReferences: [ownedBy(ConfigMaps, first)] } });
  await client.delete(ConfigMaps, at("owner"), { propagationPolicy: "Orphan" });
  await cluster.until(ConfigMaps, at("owner"), gone);
  const orphan = await client.get(Secrets, at("child"));
  assert.equal(orphan.metadata.ownerReferences, undefined);
  await client.create(ConfigMaps, { metadata: at("owner") });
  await client.create(Secrets, { metadata: { ...at("late"), ownerReferences: [ownedBy(ConfigMaps, first)] } });
  await cluster.until(Secrets, at("late"), gone);
  assert.ok(await client.find(Secrets, at("child")));
});

test("a foreground owner goes after what blocks it, down the whole chain", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const make = async (name: string, owner: ConfigMap | undefined, finalizers?: string[]) => {
    const ownerReferences = owner ? [ownedBy(ConfigMaps, owner, true)] : [];
    return client.create(ConfigMaps, {
      metadata: { ...at(name), ownerReferences, ...(finalizers ? { finalizers } : {}) },
    });
  };
  const top = await make("top", undefined);
  const middle = await make("middle", top);
  await make("leaf", middle, ["example.com/hold"]);
  await client.delete(ConfigMaps, at("top"), { propagationPolicy: "Foreground" });
  await cluster.until(ConfigMaps, at("leaf"), (leaf) => leaf?.metadata.deletionTimestamp !== undefined);
  for (const name of ["top", "middle"]) {
    assert.deepEqual((await client.get(ConfigMaps, at(name))).metadata.finalizers, ["foregroundDeletion"]);
  }
  await client.patch(ConfigMaps, at("leaf"), { type: "merge", body: { metadata: { finalizers: null } } });
  await cluster.until(ConfigMaps, at("top"), gone);
  assert.deepEqual(
    [await client.find(ConfigMaps, at("middle")), await client.find(ConfigMaps, at("leaf"))],
    [undefined, undefined],
  );
});

test("custom resources own and are owned as soon as they are served", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const names = { plural: "crews", singular: "crew", kind: "Crew", listKind: "CrewList" };
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  const versions = [{ name: "v1", served: true, storage: true, schema }];
  const spec = { group: "example.com", scope: "Namespaced", names, versions };
  await client.create(CustomResourceDefinitions, { metadata: { name: "crews.example.com" }, spec });
  await cluster.until(CustomResourceDefinitions, { name: "crews.example.com" }, (definition) => {
    return (
      definition?.status?.conditions?.some(({ type, status }) => type === "Established" && status === "True") ?? false
    );
  });
  const Crews: Resource = { group: "example.com", version: "v1", resource: "crews", kind: "Crew", namespaced: true };
  const owner = await client.create(Crews, { metadata: at("owner") });
  const child = await client.create(Crews, { metadata: { ...at("child"), ownerReferences: [ownedBy(Crews, owner)] } });
  await client.create(Secrets, { metadata: { ...at("leaf"), ownerReferences: [ownedBy(Crews, child)] } });
  await client.delete(Crews, at("owner"));
  await cluster.until(Secrets, at("leaf"), gone);
  assert.equal(await client.find(Crews, at("child")), undefined);
});
