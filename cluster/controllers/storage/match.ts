import type { PersistentVolume, PersistentVolumeClaim } from "@capstan/api/generated/core-v1";
import { parseQuantity, selects } from "@capstan/api/meta";

export function isClaimedBy({ spec }: PersistentVolume, { metadata }: PersistentVolumeClaim): boolean {
  const ref = spec?.claimRef;
  if (!ref || ref.namespace !== metadata.namespace || ref.name !== metadata.name) return false;
  return !ref.uid || ref.uid === metadata.uid;
}

/** The volume for a claim: one reserved for it, else the smallest free one that fits. Source: findMatchingVolume. */
export function findVolume(claim: PersistentVolumeClaim, volumes: PersistentVolume[]): PersistentVolume | undefined {
  const present = volumes.filter(({ metadata }) => !metadata.deletionTimestamp);
  const reserved = present.find((volume) => isClaimedBy(volume, claim));
  if (reserved) return reserved;
  const fitting = present.filter((volume) => !volume.spec?.claimRef && fits(volume, claim));
  return fitting.sort((a, b) => sizeOf(a) - sizeOf(b))[0];
}

function fits(volume: PersistentVolume, { spec = {} }: PersistentVolumeClaim): boolean {
  const { storageClassName = "", accessModes = [], volumeMode = "Filesystem" } = volume.spec ?? {};
  if (storageClassName !== (spec.storageClassName ?? "") || volumeMode !== (spec.volumeMode ?? "Filesystem"))
    return false;
  if (spec.selector && !selects(spec.selector, volume.metadata.labels)) return false;
  if (!(spec.accessModes ?? []).every((mode) => accessModes.includes(mode))) return false;
  return sizeOf(volume) >= parseQuantity(spec.resources?.requests?.storage ?? "0");
}

function sizeOf({ spec }: PersistentVolume): number {
  return parseQuantity(spec?.capacity?.storage ?? "0");
}
