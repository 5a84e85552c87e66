import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigMaps, Namespaces, Pods, ServiceAccounts } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createControllers } from "../index.ts";

function start() {
  return TestCluster.start({
    parts: (cluster) => [
      ...createControllers({ ...cluster, rootCa: "PEM" }),
      createPaperNode({ ...cluster, binds: true }),
    ],
  });
}

test("a namespace comes with its account and authority, and goes with all it holds, last what has finalizers", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const namespace = "lab";
  await client.create(Namespaces, { metadata: { name: namespace }, spec: {} });
  await cluster.until(ServiceAccounts, { namespace, name: "default" }, (account) => account !== undefined);
  const name = "kube-root-ca.crt";
  const map = await cluster.until(ConfigMaps, { namespace, name }, (found) => found !== undefined);
  assert.equal(map?.data?.["ca.crt"], "PEM");
  await client.delete(ConfigMaps, { namespace, name });
  await cluster.until(ConfigMaps, { namespace, name }, (found) => found?.data?.["ca.crt"] === "PEM");
  const spec = { containers: [{ name: "c", image: "web" }] };
  await client.create(Pods, { metadata: { namespace, name: "web" }, spec });
  await client.create(ConfigMaps, { metadata: { namespace, name: "held", finalizers: ["example.com/held"] } });
  await client.delete(Namespaces, { name: namespace });
  const waiting = await cluster.until(Namespaces, { name: namespace }, (found) => {
    return found?.status?.conditions?.some(({ message }) => message?.includes("example.com/held in 1")) ?? false;
  });
  assert.equal(waiting?.status?.phase, "Terminating");
  const body = { metadata: { finalizers: null } };
  await client.patch(ConfigMaps, { namespace, name: "held" }, { type: "merge", body });
  await cluster.until(Namespaces, { name: namespace }, (found) => found === undefined);
  assert.deepEqual((await client.list(Pods, { namespace })).items, []);
});
