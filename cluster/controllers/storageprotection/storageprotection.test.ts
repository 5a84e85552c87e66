import assert from "node:assert/strict";
import { test } from "node:test";
import { PersistentVolumeClaims, PersistentVolumes, Pods } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createClaimProtection, createVolumeProtection } from "./index.ts";

const namespace = "default";

test("a claim goes when the last pod that uses it is gone", async () => {
  await using cluster = await TestCluster.start({ parts: (own) => createClaimProtection(own) });
  const { client } = cluster;
  const spec = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
  const finalizers = ["kubernetes.io/pvc-protection"];
  for (const name of ["used", "free"])
    await client.create(PersistentVolumeClaims, { metadata: { name, namespace, finalizers }, spec });
  const volumes = [{ name: "v", persistentVolumeClaim: { claimName: "used" } }];
  const pod = (name: string, nodeName?: string) =>
    client.create(Pods, {
      metadata: { name, namespace },
      spec: { nodeName, volumes, containers: [{ name: "c", image: "i" }] },
    });
  await pod("running", "n");
  await pod("waiting");
  for (const name of ["used", "free"]) await client.delete(PersistentVolumeClaims, { namespace, name });
  await cluster.until(PersistentVolumeClaims, { namespace, name: "free" }, (claim) => claim === undefined);
  assert.ok((await client.get(PersistentVolumeClaims, { namespace, name: "used" })).metadata.deletionTimestamp);
  await client.delete(Pods, { namespace, name: "running" }, { gracePeriodSeconds: 0 });
  await cluster.until(PersistentVolumeClaims, { namespace, name: "used" }, (claim) => claim === undefined);
});

test("a volume goes when no claim is bound to it", async () => {
  await using cluster = await TestCluster.start({ parts: (own) => createVolumeProtection(own) });
  const { client } = cluster;
  const ref = { name: "pv" };
  await client.create(PersistentVolumes, {
    metadata: { ...ref, finalizers: ["kubernetes.io/pv-protection"] },
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/tmp" } },
  });
  await client.patch(
    PersistentVolumes,
    ref,
    { type: "merge", body: { status: { phase: "Bound" } } },
    { subresource: "status" },
  );
  await client.delete(PersistentVolumes, ref);
  assert.ok((await client.get(PersistentVolumes, ref)).metadata.deletionTimestamp);
  await client.patch(
    PersistentVolumes,
    ref,
    { type: "merge", body: { status: { phase: "Released" } } },
    { subresource: "status" },
  );
  await cluster.until(PersistentVolumes, ref, (volume) => volume === undefined);
});
