// Storage that is in use outlives its deletion: claims that pods use, volumes that claims are bound to.
import type { PersistentVolume, PersistentVolumeClaim, Pod } from "@capstan/api/generated/core-v1";
import { PersistentVolumeClaims, PersistentVolumes, Pods } from "@capstan/api/generated/resources";
import type { KubeObject, ObjectRef } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import type { ControllerContext } from "../context.ts";

const claimFinalizer = "kubernetes.io/pvc-protection";
const volumeFinalizer = "kubernetes.io/pv-protection";
const byClaim = "storageprotection/claim";

/** Lets a deleted claim go when the last pod that uses it is gone. Source: kubernetes/pkg/controller/volume/pvcprotection. */
export function createClaimProtection({ client, informers, log }: ControllerContext): Controller {
  const [claims, pods] = [informers.informer(PersistentVolumeClaims), informers.informer(Pods)];
  pods.addIndex(byClaim, (pod) => claimsOf(pod).map(({ namespace, name }) => `${namespace}/${name}`));
  return createController({
    name: "pvc-protection",
    informers,
    log,
    sources: [{ resource: PersistentVolumeClaims }, { resource: Pods, keys: claimsOf }],
    reconcile: async (ref) => {
      const claim = claims.get(ref);
      if (!claim || !isLeaving(claim, claimFinalizer)) return undefined;
      const users = pods.byIndex(byClaim, `${ref.namespace}/${ref.name}`);
      if (!users.some(isUsing)) await client.update(PersistentVolumeClaims, without(claim, claimFinalizer));
      return undefined;
    },
  });
}

/** Lets a deleted volume go when no claim is bound to it. Source: kubernetes/pkg/controller/volume/pvprotection. */
export function createVolumeProtection({ client, informers, log }: ControllerContext): Controller {
  const volumes = informers.informer(PersistentVolumes);
  return createController({
    name: "pv-protection",
    informers,
    log,
    sources: [{ resource: PersistentVolumes }],
    reconcile: async (ref) => {
      const volume = volumes.get(ref);
      if (!volume || !isLeaving(volume, volumeFinalizer) || volume.status?.phase === "Bound") return undefined;
      await client.update(PersistentVolumes, without(volume, volumeFinalizer));
      return undefined;
    },
  });
}

function claimsOf({ metadata, spec }: Pod): (ObjectRef & { namespace: string })[] {
  const { namespace = "" } = metadata;
  return (spec.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) =>
    claim ? [{ namespace, name: claim.claimName }] : [],
  );
}

/** A pod that has no node has mounted nothing yet; one that has ended uses nothing any more. */
function isUsing({ spec, status }: Pod): boolean {
  return Boolean(spec.nodeName) && status?.phase !== "Succeeded" && status?.phase !== "Failed";
}

function isLeaving({ metadata }: KubeObject, finalizer: string): boolean {
  return metadata.deletionTimestamp !== undefined && metadata.finalizers?.includes(finalizer) === true;
}

function without<T extends PersistentVolumeClaim | PersistentVolume>(object: T, finalizer: string): T {
  const finalizers = object.metadata.finalizers?.filter((name) => name !== finalizer);
  return { ...object, metadata: { ...object.metadata, finalizers } };
}
