import { chmod, mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { PersistentVolume, PersistentVolumeClaim, PodSpec } from "@capstan/api/generated/core-v1";
import { PersistentVolumeClaims, PersistentVolumes, Pods, StorageClasses } from "@capstan/api/generated/resources";
import type { StorageClass } from "@capstan/api/generated/storage-v1";
import { isReason } from "@capstan/api/meta";
import { createIfAbsent } from "@capstan/core/client";
import { type Controller, createController, type Informer } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { findVolume } from "./match.ts";

export interface LocalStorageOptions extends ControllerContext {
  /** Directory of this machine that gets a directory for each volume. */
  volumesDir: string;
}

/** The class of claims that name none. */
export const localClass = "standard";
const provisioner = "capstan.dev/local";
const provisionedBy = "pv.kubernetes.io/provisioned-by";
const isDefault = "storageclass.kubernetes.io/is-default-class";

interface Shop {
  workshop: Workshop;
  volumesDir: string;
  claims: Informer<PersistentVolumeClaim>;
  volumes: Informer<PersistentVolume>;
  classes: Informer<StorageClass>;
}

/**
 * Provisions claims of its classes with directories of this machine, and removes those of released volumes whose policy
 * is Delete. Makes the default class at the start, unless there is one of that name. Capacity is not enforced.
 */
export function createLocalStorage(options: LocalStorageOptions): Controller {
  const workshop = openWorkshop(options, provisioner);
  const { client, informers, volumesDir } = options;
  const claims = informers.informer(PersistentVolumeClaims);
  const volumes = informers.informer(PersistentVolumes);
  const classes = informers.informer(StorageClasses);
  const shop: Shop = { workshop, volumesDir, claims, volumes, classes };
  const controller = createController({
    name: "local-storage",
    informers,
    log: workshop.log,
    sources: [
      { resource: PersistentVolumeClaims },
      { resource: PersistentVolumes, keys: ({ metadata }) => [{ namespace: "", name: metadata.name }] },
      { resource: StorageClasses, keys: () => claims.list().map(({ metadata }) => ({ ...metadata })) },
      {
        resource: Pods,
        when: ({ type, old, object }) => type === "ADDED" || old?.spec.nodeName !== object.spec.nodeName,
        keys: ({ metadata, spec }) => claimsOf(spec).map((name) => ({ namespace: metadata.namespace ?? "", name })),
      },
    ],
    async reconcile(ref) {
      const claim = ref.namespace ? claims.get(ref) : undefined;
      const volume = ref.namespace ? undefined : volumes.get(ref);
      if (claim) await provision(shop, claim);
      if (volume) await reclaim(shop, volume);
    },
  });
  return {
    ...controller,
    async start(signal) {
      await createClass(client);
      await controller.start(signal);
    },
  };
}

function claimsOf({ volumes = [] }: PodSpec): string[] {
  return volumes.flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
}

async function createClass(client: ControllerContext["client"]): Promise<void> {
  await createIfAbsent(client, StorageClasses, {
    metadata: { name: localClass, annotations: { [isDefault]: "true" } },
    provisioner,
    reclaimPolicy: "Delete",
    volumeBindingMode: "Immediate",
  });
}

async function provision(
  { workshop, volumesDir, volumes, classes }: Shop,
  claim: PersistentVolumeClaim,
): Promise<void> {
  const { namespace, name, uid = "" } = claim.metadata;
  const { storageClassName, volumeName, accessModes, resources, volumeMode } = claim.spec ?? {};
  const chosen = storageClassName ? classes.get({ name: storageClassName }) : undefined;
  if (claim.metadata.deletionTimestamp || volumeName || chosen?.provisioner !== provisioner) return;
  if (findVolume(claim, volumes.list())) return;
  if (volumeMode === "Block") {
    workshop.recorder.warning(claim, "ProvisioningFailed", "volumeMode Block is not supported by local storage");
    return;
  }
  if (chosen.volumeBindingMode === "WaitForFirstConsumer" && !hasConsumer(workshop, claim)) {
    const message = "waiting for first consumer to be created before binding";
    workshop.recorder.normal(claim, "WaitForFirstConsumer", message);
    return;
  }
  const volume = `pvc-${uid}`;
  const path = join(volumesDir, volume);
  await mkdir(path, { recursive: true });
  // Pods run as any user; the directory above is the platform's alone.
  await chmod(path, 0o777);
  try {
    await workshop.client.create(PersistentVolumes, {
      metadata: { name: volume, annotations: { [provisionedBy]: provisioner } },
      spec: {
        accessModes,
        capacity: { storage: resources?.requests?.storage ?? "0" },
        claimRef: { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid },
        hostPath: { path, type: "DirectoryOrCreate" },
        persistentVolumeReclaimPolicy: chosen.reclaimPolicy ?? "Delete",
        storageClassName,
        volumeMode: "Filesystem",
      },
    });
    workshop.recorder.normal(claim, "ProvisioningSucceeded", `Successfully provisioned volume ${volume}`);
  } catch (error) {
    if (!isReason(error, "AlreadyExists")) throw error;
  }
}

function hasConsumer({ informers }: Workshop, { metadata }: PersistentVolumeClaim): boolean {
  return informers
    .informer(Pods)
    .list(metadata.namespace)
    .some(({ spec }) => {
      return claimsOf(spec).includes(metadata.name) && spec.nodeName;
    });
}

/** Only a directory that this provisioner has made, under its own name, is removed. */
async function reclaim({ workshop, volumesDir }: Shop, volume: PersistentVolume): Promise<void> {
  const { metadata, spec, status } = volume;
  const ours = metadata.annotations?.[provisionedBy] === provisioner && /^pvc-[0-9a-f-]{36}$/.test(metadata.name);
  const wanted = status?.phase === "Released" && spec?.persistentVolumeReclaimPolicy === "Delete";
  if (!ours || !wanted || spec?.hostPath?.path !== join(volumesDir, metadata.name)) return;
  await rm(join(volumesDir, metadata.name), { recursive: true, force: true });
  try {
    await workshop.client.delete(
      PersistentVolumes,
      { name: metadata.name },
      { preconditions: { uid: metadata.uid ?? "" } },
    );
  } catch (error) {
    if (!isReason(error, "NotFound")) throw error;
  }
}
