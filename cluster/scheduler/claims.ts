import type { Node, PersistentVolume, PersistentVolumeClaim, Pod } from "@capstan/api/generated/core-v1";
import type { StorageClass } from "@capstan/api/generated/storage-v1";
import type { Informer } from "@capstan/core/reconcile";

import { matchesTerm } from "./node-affinity.ts";

export interface Storage {
  volumes: Informer<PersistentVolume>;
  claims: Informer<PersistentVolumeClaim>;
  classes: Informer<StorageClass>;
}

export function usesClaims({ spec }: Pod): boolean {
  return spec.volumes?.some((volume) => volume.persistentVolumeClaim || volume.ephemeral) ?? false;
}

/** Why a pod has to wait for its storage, in upstream's words; a claim that waits for the pod's node does not hold it. */
export function claimRefusal(pod: Pod, { claims, classes }: Storage): string | undefined {
  const { namespace = "", name } = pod.metadata;
  for (const volume of pod.spec.volumes ?? []) {
    const generic = volume.ephemeral ? `${name}-${volume.name}` : undefined;
    const claimName = volume.persistentVolumeClaim?.claimName ?? generic;
    if (claimName === undefined) continue;
    const claim = claims.get({ namespace, name: claimName });
    if (!claim) return `persistentvolumeclaim "${claimName}" not found`;
    if (claim.metadata.deletionTimestamp) return `persistentvolumeclaim "${claimName}" is being deleted`;
    if (claim.status?.phase === "Bound") continue;
    const ofClass = classes.get({ name: claim.spec?.storageClassName ?? "" });
    if (ofClass?.volumeBindingMode === "WaitForFirstConsumer" && !claim.spec?.volumeName) continue;
    return "pod has unbound immediate PersistentVolumeClaims";
  }
  return undefined;
}

/** Whether every volume that the pod's claims are bound to can be reached from the node. */
export function reachesVolumes(pod: Pod, node: Node, { claims, volumes }: Storage): boolean {
  const { namespace = "" } = pod.metadata;
  return (pod.spec.volumes ?? []).every(({ persistentVolumeClaim }) => {
    if (!persistentVolumeClaim) return true;
    const claim = claims.get({ namespace, name: persistentVolumeClaim.claimName });
    const volume = claim?.spec?.volumeName ? volumes.get({ name: claim.spec.volumeName }) : undefined;
    const terms = volume?.spec?.nodeAffinity?.required?.nodeSelectorTerms;
    return !terms || terms.some((term) => matchesTerm(term, node));
  });
}
