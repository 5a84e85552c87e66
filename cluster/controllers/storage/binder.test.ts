import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { PersistentVolumeClaim } from "@capstan/api/generated/core-v1";
import { PersistentVolumeClaims, PersistentVolumes, StorageClasses } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createClaimBinder, createLocalStorage, createVolumeController } from "./index.ts";

const at = (name: string) => ({ namespace: "default", name });
const claimSpec = (storage: string, storageClassName: string) => ({
  accessModes: ["ReadWriteOnce"],
  resources: { requests: { storage } },
  storageClassName,
});
const isBound = (claim: PersistentVolumeClaim | undefined) => claim?.status?.phase === "Bound";

test("a claim gets a directory, which goes with it", async () => {
  const volumesDir = mkdtempSync(join(tmpdir(), "capstan-volumes-"));
  try {
    await using cluster = await TestCluster.start({
      parts: (made) => [
        createClaimBinder(made),
        createVolumeController(made),
        createLocalStorage({ ...made, volumesDir }),
      ],
    });
    const { client } = cluster;
    await cluster.until(StorageClasses, { name: "standard" }, (found) => found !== undefined);
    await client.create(PersistentVolumeClaims, { metadata: at("data"), spec: claimSpec("1Gi", "standard") });
    const claim = await cluster.until(PersistentVolumeClaims, at("data"), isBound);
    assert.equal(claim?.status?.capacity?.storage, "1Gi");
    const name = claim?.spec?.volumeName ?? "";
    const volume = await cluster.until(PersistentVolumes, { name }, (found) => found?.status?.phase === "Bound");
    const path = volume?.spec?.hostPath?.path ?? "";
    writeFileSync(join(path, "kept"), "1");
    await client.delete(PersistentVolumeClaims, at("data"));
    await cluster.until(PersistentVolumes, { name }, (found) => found === undefined);
    assert.equal(existsSync(path), false);
  } finally {
    rmSync(volumesDir, { recursive: true, force: true });
  }
});

test("a claim takes the smallest volume that fits, waits without one, and a retained volume stays released", async () => {
  await using cluster = await TestCluster.start({
    parts: (made) => [createClaimBinder(made), createVolumeController(made)],
  });
  const { client } = cluster;
  await client.create(PersistentVolumeClaims, { metadata: at("data"), spec: claimSpec("2Gi", "manual") });
  for (const [name, storage] of [
    ["small", "1Gi"],
    ["large", "9Gi"],
    ["right", "3Gi"],
  ] as const) {
    const hostPath = { path: `/tmp/${name}` };
    const accessModes = ["ReadWriteOnce"];
    const spec = {
      capacity: { storage },
      hostPath,
      accessModes,
      storageClassName: "manual",
      persistentVolumeReclaimPolicy: "Retain",
    };
    await client.create(PersistentVolumes, { metadata: { name }, spec });
  }
  const claim = await cluster.until(PersistentVolumeClaims, at("data"), isBound);
  assert.ok(["large", "right"].includes(claim?.spec?.volumeName ?? ""));
  const name = claim?.spec?.volumeName ?? "";
  await client.create(PersistentVolumeClaims, { metadata: at("more"), spec: claimSpec("2Gi", "manual") });
  const more = await cluster.until(PersistentVolumeClaims, at("more"), isBound);
  assert.notEqual(more?.spec?.volumeName, name);
  await cluster.until(PersistentVolumes, { name: "small" }, (found) => found?.status?.phase === "Available");
  await client.delete(PersistentVolumeClaims, at("data"));
  await cluster.until(PersistentVolumes, { name }, (found) => found?.status?.phase === "Released");
});
