import assert from "node:assert/strict";
import { test } from "node:test";
import type { Deployment } from "@capstan/api/generated/apps-v1";
import { Deployments, Events, Pods, ReplicaSets } from "@capstan/api/generated/resources";
import type { New } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createReplicaSetController } from "../replicaset/index.ts";
import { createDeploymentController } from "./index.ts";

const ref = { namespace: "default", name: "web" };
const labels = { app: "web" };

function start() {
  return TestCluster.start({
    parts: (cluster) => [
      createReplicaSetController(cluster),
      createDeploymentController(cluster),
      createPaperNode({
        ...cluster,
        binds: true,
        fate: (pod) => (pod.spec.containers[0]?.image === "bad" ? "unready" : "ready"),
      }),
    ],
  });
}
const web = (replicas: number, image = "v1", spec: Partial<Deployment["spec"]> = {}): New<Deployment> => ({
  metadata: ref,
  spec: {
    replicas,
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "c", image }] } },
    ...spec,
  },
});
const isDone = (deployment: Deployment | undefined) => {
  const { status, metadata, spec } = deployment ?? {};
  const { updatedReplicas, availableReplicas, replicas, observedGeneration } = status ?? {};
  const counts = [updatedReplicas, availableReplicas, replicas];
  return observedGeneration === metadata?.generation && counts.every((count) => count === spec?.replicas);
};

test("a rollout replaces all pods, keeps revisions, and can be undone", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Deployments, web(3));
  await cluster.until(Deployments, ref, isDone);
  const image = (name: string) => ({ spec: { template: { spec: { containers: [{ name: "c", image: name }] } } } });
  await client.patch(Deployments, ref, { type: "strategic", body: image("v2") });
  const second = await cluster.until(Deployments, ref, isDone);
  assert.equal(second?.metadata.annotations?.["deployment.kubernetes.io/revision"], "2");
  await client.patch(Deployments, ref, { type: "strategic", body: image("v1") });
  const third = await cluster.until(Deployments, ref, isDone);
  assert.equal(third?.metadata.annotations?.["deployment.kubernetes.io/revision"], "3");
  const sets = (await client.list(ReplicaSets, { namespace: "default" })).items;
  const shown = sets.map(({ metadata, spec }) => {
    const notes = metadata.annotations ?? {};
    return [
      notes["deployment.kubernetes.io/revision"],
      notes["deployment.kubernetes.io/revision-history"],
      spec.replicas,
    ];
  });
  assert.deepEqual(shown.sort(), [
    ["2", undefined, 0],
    ["3", "1", 3],
  ]);
  const conditions = third?.status?.conditions?.map(({ type, status, reason }) => `${type} ${status} ${reason}`).sort();
  assert.deepEqual(conditions, ["Available True MinimumReplicasAvailable", "Progressing True NewReplicaSetAvailable"]);
  const { items } = await client.list(Pods, { namespace: "default" });
  assert.deepEqual(new Set(items.map(({ spec }) => spec.containers[0]?.image)), new Set(["v1"]));
});

test("a rolling update never goes below its availability, and stops at a template that does not become ready", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
  await client.create(Deployments, web(3, "v1", { strategy, progressDeadlineSeconds: 1 }));
  await cluster.until(Deployments, ref, isDone);
  const least: number[] = [];
  const sets = cluster.informers.informer(ReplicaSets);
  sets.onChange(() => least.push(sets.list().reduce((sum, set) => sum + (set.spec.replicas ?? 0), 0)));
  const body = { spec: { template: { spec: { containers: [{ name: "c", image: "bad" }] } } } };
  await client.patch(Deployments, ref, { type: "strategic", body });
  const stuck = await cluster.until(Deployments, ref, (deployment) => {
    return deployment?.status?.conditions?.some(({ reason }) => reason === "ProgressDeadlineExceeded") ?? false;
  });
  assert.deepEqual([stuck?.status?.availableReplicas, stuck?.status?.updatedReplicas], [3, 1]);
  assert.ok(
    least.every((count) => count >= 3 && count <= 4),
    least.join(),
  );
});

test("Recreate waits for the old pods; scaling and pausing act at once", async () => {
  await using cluster = await start();
  const { client, informers } = cluster;
  await client.create(Deployments, web(2, "v1", { strategy: { type: "Recreate" } }));
  await cluster.until(Deployments, ref, isDone);
  const pods = informers.informer(Pods);
  const mixed: string[] = [];
  pods.onChange(() => {
    const images = new Set(pods.list().map(({ spec }) => spec.containers[0]?.image));
    if (images.size > 1) mixed.push([...images].join());
  });
  const body = { spec: { template: { spec: { containers: [{ name: "c", image: "v2" }] } } } };
  await client.patch(Deployments, ref, { type: "strategic", body });
  await cluster.until(Deployments, ref, isDone);
  assert.deepEqual(mixed, []);
  await client.patch(Deployments, ref, { type: "merge", body: { spec: { replicas: 4, paused: true } } });
  const paused = await cluster.until(Deployments, ref, isDone);
  assert.equal(paused?.status?.conditions?.find(({ type }) => type === "Progressing")?.reason, "DeploymentPaused");
  const { items } = await client.list(Events, {
    namespace: "default",
    fieldSelector: "involvedObject.kind=Deployment",
  });
  const last = items.map(({ message }) => message).at(-1);
  assert.match(last ?? "", /^Scaled up replica set web-\S+ from 2 to 4$/);
});

test("an orphaned set with the same template is adopted, and history beyond its limit goes", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(Deployments, web(1, "v1", { revisionHistoryLimit: 1 }));
  await cluster.until(Deployments, ref, isDone);
  await client.delete(Deployments, ref, { propagationPolicy: "Orphan" });
  for (const { metadata } of (await client.list(ReplicaSets)).items) {
    const body = { metadata: { ownerReferences: null } };
    await client.patch(ReplicaSets, { namespace: "default", name: metadata.name }, { type: "merge", body });
  }
  await client
    .patch(Deployments, ref, { type: "merge", body: { metadata: { finalizers: null } } })
    .catch(() => undefined);
  await cluster.until(Deployments, ref, (deployment) => deployment === undefined);
  await client.create(Deployments, web(1, "v1", { revisionHistoryLimit: 1 }));
  await cluster.until(Deployments, ref, isDone);
  assert.equal((await client.list(ReplicaSets)).items.length, 1);
  for (const image of ["v2", "v3", "v4"]) {
    const body = { spec: { template: { spec: { containers: [{ name: "c", image }] } } } };
    await client.patch(Deployments, ref, { type: "strategic", body });
    await cluster.until(Deployments, ref, isDone);
  }
  const sets = cluster.informers.informer(ReplicaSets);
  await new Promise<void>((resolve) => sets.onChange(() => sets.list().length === 2 && resolve()));
});
