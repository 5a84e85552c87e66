import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { CustomResourceDefinitions, Pods } from "@capstan/api/generated/resources";
import { PodGroups, podGroupDefinitions } from "@capstan/api/kinds/pod-group";
import { TestCluster } from "@capstan/testing/cluster";
import { createPodGroupControllers } from "./index.ts";
import { statusOf, volcanoStatusOf } from "./status.ts";

const group = { apiVersion: "", kind: "PodGroup", metadata: { name: "g" }, spec: { minMember: 2 } };
const podIn = (phase: string): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p" },
  spec: { containers: [], ...(phase === "Waiting" ? {} : { nodeName: "n" }) },
  status: { phase: phase === "Waiting" ? "Pending" : phase },
});

const table: [phases: string[], plugins: string, volcano: string][] = [
  [[], "Pending", "Pending"],
  [["Waiting"], "Pending", "Pending"],
  [["Waiting", "Waiting"], "Scheduling", "Inqueue"],
  [["Pending", "Waiting"], "Scheduling", "Unknown"],
  [["Pending", "Pending"], "Scheduled", "Running"],
  [["Running", "Running"], "Running", "Running"],
  [["Running", "Succeeded"], "Running", "Running"],
  [["Succeeded", "Succeeded"], "Finished", "Completed"],
  [["Succeeded", "Failed"], "Failed", "Running"],
];

for (const [phases, plugins, volcano] of table) {
  test(`a group of two with ${phases.join(" and ") || "no pods"} is ${plugins}, as Volcano says ${volcano}`, () => {
    assert.equal(statusOf(group, phases.map(podIn)).phase, plugins);
    assert.equal(volcanoStatusOf(group, phases.map(podIn), 0).phase, volcano);
  });
}

test("the status follows the pods", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  for (const definition of podGroupDefinitions) await client.create(CustomResourceDefinitions, definition);
  const stop = new AbortController();
  const running = createPodGroupControllers(cluster).map((controller) => controller.start(stop.signal));
  const ref = { namespace: "default", name: "g" };
  await client.create(PodGroups, { metadata: ref, spec: { minMember: 1 } });
  await cluster.until(PodGroups, ref, (found) => found?.status?.phase === "Pending");
  const metadata = { namespace: "default", name: "p", labels: { "scheduling.x-k8s.io/pod-group": "g" } };
  await client.create(Pods, { metadata, spec: { nodeName: "n", containers: [{ name: "c", image: "i" }] } });
  await cluster.until(PodGroups, ref, (found) => found?.status?.phase === "Scheduled");
  const body = { status: { phase: "Running" } };
  await client.patch(Pods, { ...ref, name: "p" }, { type: "merge", body }, { subresource: "status" });
  const done = await cluster.until(PodGroups, ref, (found) => found?.status?.phase === "Running");
  assert.equal(done?.status?.running, 1);
  stop.abort();
  await Promise.all(running);
});
