import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatefulSet } from "@capstan/api/generated/apps-v1";
import type { PersistentVolumeClaim } from "@capstan/api/generated/core-v1";
import { ControllerRevisions, PersistentVolumeClaims, Pods, StatefulSets } from "@capstan/api/generated/resources";
import type { New } from "@capstan/api/meta";
import { TestCluster } from "@capstan/testing/cluster";
import { createPaperNode } from "@capstan/testing/node";
import { createStatefulSetController } from "./index.ts";

const ref = { namespace: "default", name: "db" };
const labels = { app: "db" };

function start() {
  return TestCluster.start({
    parts: (cluster) => [
      createStatefulSetController(cluster),
      createPaperNode({
        ...cluster,
        binds: true,
        fate: ({ spec }) => (spec.containers[0]?.image === "bad" ? "unready" : "ready"),
      }),
    ],
  });
}
const db = (replicas: number, spec: Partial<StatefulSet["spec"]> = {}): New<StatefulSet> => ({
  metadata: ref,
  spec: {
    replicas,
    serviceName: "db",
    selector: { matchLabels: labels },
    template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "v1" }] } },
    ...spec,
  },
});
const image = (name: string) => ({ spec: { template: { spec: { containers: [{ name: "c", image: name }] } } } });
const isDone = (set: StatefulSet | undefined) => {
  const { status, metadata, spec } = set ?? {};
  const counts = [status?.readyReplicas, status?.replicas, status?.updatedReplicas];
  return status?.observedGeneration === metadata?.generation && counts.every((count) => count === spec?.replicas);
};

async function images(cluster: TestCluster): Promise<(string | undefined)[]> {
  const { items } = await cluster.client.list(Pods, { namespace: "default" });
  const sorted = items.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  return sorted.map(({ metadata, spec }) => `${metadata.name} ${spec.containers[0]?.image}`);
}

test("pods come in order, each after the one before is ready, with a name and storage of their own", async () => {
  await using cluster = await start();
  const { client } = cluster;
  const order: string[] = [];
  const pods = cluster.informers.informer(Pods);
  pods.onChange(({ type, object }) => {
    if (type !== "ADDED") return;
    const others = pods.list().filter(({ metadata }) => metadata.name !== object.metadata.name);
    const ready = others.every(({ status }) =>
      status?.conditions?.some((c) => c.type === "Ready" && c.status === "True"),
    );
    order.push(`${object.metadata.name} ${ready}`);
  });
  const volumeMounts = [{ name: "data", mountPath: "/data" }];
  const mounting = { metadata: { labels }, spec: { containers: [{ name: "c", image: "v1", volumeMounts }] } };
  const claim: PersistentVolumeClaim = {
    apiVersion: "v1",
    kind: "PersistentVolumeClaim",
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
  await client.create(StatefulSets, db(3, { template: mounting, volumeClaimTemplates: [claim] }));
  await cluster.until(StatefulSets, ref, isDone);
  assert.deepEqual(order, ["db-0 true", "db-1 true", "db-2 true"]);
  const pod = await client.get(Pods, { ...ref, name: "db-1" });
  assert.deepEqual(
    [pod.spec.hostname, pod.spec.subdomain, pod.metadata.labels?.["apps.kubernetes.io/pod-index"]],
    ["db-1", "db", "1"],
  );
  assert.equal(pod.spec.volumes?.find(({ name }) => name === "data")?.persistentVolumeClaim?.claimName, "data-db-1");
  const claims = await client.list(PersistentVolumeClaims);
  assert.deepEqual(
    claims.items.map(({ metadata }) => metadata.name),
    ["data-db-0", "data-db-1", "data-db-2"],
  );
  await client.patch(StatefulSets, ref, { type: "merge", body: { spec: { replicas: 1 } } });
  await cluster.until(StatefulSets, ref, isDone);
  assert.deepEqual(await images(cluster), ["db-0 v1"]);
  assert.equal((await client.list(PersistentVolumeClaims)).items.length, 3);
});

test("an update goes from the top down to the partition, and an older template comes back as its revision", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(
    StatefulSets,
    db(3, { updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 1 } } }),
  );
  await cluster.until(StatefulSets, ref, isDone);
  await client.patch(StatefulSets, ref, { type: "strategic", body: image("v2") });
  const half = await cluster.until(
    StatefulSets,
    ref,
    (set) => set?.status?.updatedReplicas === 2 && set.status.readyReplicas === 3,
  );
  assert.notEqual(half?.status?.currentRevision, half?.status?.updateRevision);
  assert.deepEqual(await images(cluster), ["db-0 v1", "db-1 v2", "db-2 v2"]);
  await client.delete(Pods, { ...ref, name: "db-0" }, { gracePeriodSeconds: 0 });
  await cluster.until(Pods, { ...ref, name: "db-0" }, (pod) => pod?.status?.phase === "Running");
  assert.deepEqual(await images(cluster), ["db-0 v1", "db-1 v2", "db-2 v2"]);
  const whole = { spec: { updateStrategy: { rollingUpdate: { partition: 0 } } } };
  await client.patch(StatefulSets, ref, { type: "merge", body: whole });
  const done = await cluster.until(
    StatefulSets,
    ref,
    (set) => isDone(set) && set?.status?.currentRevision === set?.status?.updateRevision,
  );
  assert.deepEqual(await images(cluster), ["db-0 v2", "db-1 v2", "db-2 v2"]);
  await client.patch(StatefulSets, ref, { type: "strategic", body: image("v1") });
  await cluster.until(
    StatefulSets,
    ref,
    (set) => isDone(set) && set?.status?.currentRevision !== done?.status?.currentRevision,
  );
  const { items } = await client.list(ControllerRevisions);
  assert.deepEqual(items.map(({ revision }) => revision).sort(), [2, 3]);
});

test("an update waits at a pod that does not become ready; Parallel starts all at once", async () => {
  await using cluster = await start();
  const { client } = cluster;
  await client.create(StatefulSets, db(2, { podManagementPolicy: "Parallel" }));
  await cluster.until(StatefulSets, ref, isDone);
  await client.patch(StatefulSets, ref, { type: "strategic", body: image("bad") });
  await cluster.until(
    Pods,
    { ...ref, name: "db-1" },
    (pod) => pod?.spec.containers[0]?.image === "bad" && pod.status?.phase === "Running",
  );
  const set = await cluster.until(
    StatefulSets,
    ref,
    (found) => found?.status?.updatedReplicas === 1 && found.status.readyReplicas === 1,
  );
  assert.equal(set?.status?.currentReplicas, 1);
  assert.deepEqual(await images(cluster), ["db-0 v1", "db-1 bad"]);
});
