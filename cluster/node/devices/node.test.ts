// A vendor's plugin, a node and a pod that asks for its devices.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { Nodes, Pods } from "@capstan/api/generated/resources";
import { NodeCluster, nodeMissing } from "@capstan/testing/cluster";
import { DeviceVendor, registerPlugin } from "@capstan/testing/node";

const skip = nodeMissing();

test("a pod gets the devices that it asks for, and fails when there are none", { skip }, async () => {
  await using node = await NodeCluster.start();
  const { cluster } = node;
  const directory = join(node.node.dataDir, "node", "device-plugins");
  const vendor = new DeviceVendor(["a", "b"].map((ID) => ({ ID, health: "Healthy" })));
  await vendor.listen(join(directory, "v.sock"));
  await registerPlugin(directory, { version: "v1beta1", endpoint: "v.sock", resourceName: "example.com/dongle" });
  const ref = { name: node.node.name };
  await cluster.until(Nodes, ref, (found) => found?.status?.allocatable?.["example.com/dongle"] === "2");
  const pod = (name: string, count: number, command: string) => {
    const limits = { "example.com/dongle": String(count) };
    const containers = [{ name: "main", image: "capstan/host", command: ["sh", "-c", command], resources: { limits } }];
    const metadata = { namespace: "default", name };
    return cluster.client.create(Pods, { metadata, spec: { nodeName: ref.name, restartPolicy: "Never", containers } });
  };
  await pod("holder", 2, 'test "$DEV" = b,a && test -e /dev/dongle');
  const ended = await cluster.until(Pods, { namespace: "default", name: "holder" }, (found) =>
    ["Succeeded", "Failed"].includes(found?.status?.phase ?? ""),
  );
  assert.equal(ended?.status?.phase, "Succeeded", JSON.stringify(ended?.status));
  assert.deepEqual(vendor.calls, ["allocate b,a", "start b,a"]);
  vendor.set([
    { ID: "a", health: "Healthy" },
    { ID: "b", health: "Unhealthy" },
  ]);
  await cluster.until(Nodes, ref, (found) => found?.status?.allocatable?.["example.com/dongle"] === "1");
  await pod("greedy", 2, "true");
  const failed = await cluster.until(
    Pods,
    { namespace: "default", name: "greedy" },
    (found) => found?.status?.phase === "Failed",
  );
  assert.equal(failed?.status?.reason, "UnexpectedAdmissionError");
  assert.match(failed?.status?.message ?? "", /Requested: 2, Available: 1, which is unexpected$/);
  vendor.close();
});
