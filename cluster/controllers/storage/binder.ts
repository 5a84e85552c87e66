import type { PersistentVolume, PersistentVolumeClaim, Pod } from "@capstan/api/generated/core-v1";
import { PersistentVolumeClaims, PersistentVolumes, Pods, StorageClasses } from "@capstan/api/generated/resources";
import { refOf } from "@capstan/api/meta";
import { type Controller, createController, type Informer } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { writeStatus } from "../status.ts";
import { findVolume, isClaimedBy } from "./match.ts";

export const bindCompleted = "pv.kubernetes.io/bind-completed";

interface Shop {
  workshop: Workshop;
  claims: Informer<PersistentVolumeClaim>;
  volumes: Informer<PersistentVolume>;
}

/** Binds claims to volumes. Source: pkg/controller/volume/persistentvolume. */
export function createClaimBinder(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "persistentvolume-controller");
  const { informers } = context;
  const claims = informers.informer(PersistentVolumeClaims);
  const volumes = informers.informer(PersistentVolumes);
  const shop: Shop = { workshop, claims, volumes };
  const waiting = () => claims.list().filter(({ status }) => status?.phase !== "Bound");
  return createController({
    name: "persistentvolume-controller",
    informers,
    log: workshop.log,
    // One at a time: two claims must not choose the same volume.
    workers: 1,
    sources: [
      { resource: PersistentVolumeClaims },
      {
        resource: PersistentVolumes,
        keys: ({ spec }) => {
          const { namespace = "", name = "" } = spec?.claimRef ?? {};
          return name ? [{ namespace, name }] : waiting().map(refOf);
        },
      },
      { resource: Pods, when: ({ type }) => type === "ADDED", keys: claimsOf },
    ],
    async reconcile(ref, signal) {
      const claim = claims.get(ref);
      if (!claim || claim.metadata.deletionTimestamp) return;
      const { volumeName } = claim.spec ?? {};
      const volume = volumeName ? volumes.get({ name: volumeName }) : findVolume(claim, volumes.list());
      if (volume && (isClaimedBy(volume, claim) || !volume.spec?.claimRef)) await bind(shop, claim, volume, signal);
      else if (volumeName && claim.metadata.annotations?.[bindCompleted]) await lose(shop, claim, signal);
      else explain(shop, claim);
    },
  });
}

function claimsOf({ metadata, spec }: Pod) {
  const { namespace = "" } = metadata;
  const used = (spec.volumes ?? []).flatMap(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName ?? []);
  return used.map((name) => ({ namespace, name }));
}

/** The volume first: a crash in between leaves it reserved for the claim, which finds it again. */
async function bind(shop: Shop, claim: PersistentVolumeClaim, volume: PersistentVolume, signal: AbortSignal) {
  const { workshop, claims, volumes } = shop;
  const { namespace, name, uid, resourceVersion } = claim.metadata;
  if (!volume.spec?.claimRef?.uid) {
    const claimRef = { apiVersion: "v1", kind: "PersistentVolumeClaim", namespace, name, uid, resourceVersion };
    const bound = await workshop.client.update(PersistentVolumes, { ...volume, spec: { ...volume.spec, claimRef } });
    await volumes.until(bound.metadata.resourceVersion, signal);
  }
  let latest = claim;
  if (claim.spec?.volumeName !== volume.metadata.name || !claim.metadata.annotations?.[bindCompleted]) {
    const annotations = { ...claim.metadata.annotations, [bindCompleted]: "yes" };
    const spec = { ...claim.spec, volumeName: volume.metadata.name };
    const metadata = { ...claim.metadata, annotations };
    latest = await workshop.client.update(PersistentVolumeClaims, { ...claim, metadata, spec });
    await claims.until(latest.metadata.resourceVersion, signal);
  }
  const { accessModes, capacity } = volume.spec ?? {};
  const status = { ...latest.status, phase: "Bound", accessModes, capacity };
  await writeStatus(workshop, PersistentVolumeClaims, claims, latest, status, signal);
}

async function lose({ workshop, claims }: Shop, claim: PersistentVolumeClaim, signal: AbortSignal): Promise<void> {
  if (claim.status?.phase === "Lost") return;
  const message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!";
  workshop.recorder.warning(claim, "ClaimLost", message);
  await writeStatus(workshop, PersistentVolumeClaims, claims, claim, { phase: "Lost" }, signal);
}

/** Says why the claim waits. */
function explain({ workshop }: Shop, claim: PersistentVolumeClaim): void {
  const { storageClassName, volumeName } = claim.spec ?? {};
  if (volumeName) return;
  if (!storageClassName) {
    const message = "no persistent volumes available for this claim and no storage class is set";
    workshop.recorder.normal(claim, "FailedBinding", message);
  } else if (!workshop.informers.informer(StorageClasses).get({ name: storageClassName })) {
    const message = `storageclass.storage.k8s.io "${storageClassName}" not found`;
    workshop.recorder.warning(claim, "ProvisioningFailed", message);
  }
}
