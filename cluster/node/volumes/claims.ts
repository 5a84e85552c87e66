// Volumes behind claims: what the bound PersistentVolume says.
import type { PersistentVolume, Volume } from "@capstan/api/generated/core-v1";
import { PersistentVolumeClaims, PersistentVolumes } from "@capstan/api/generated/resources";
import { mountFlex } from "./flex-mount.ts";
import { checkHostPath } from "./host-path.ts";
import type { VolumeContext } from "./manager.ts";
import type { ReadyVolume } from "./mounts.ts";
import { giveToPod } from "./ownership.ts";

interface Wanted {
  volume: string;
  claimName: string;
  readOnly: boolean;
  /** The claim was made for this pod alone. */
  owned: boolean;
}

export async function prepareClaim(volume: Volume, context: VolumeContext): Promise<ReadyVolume> {
  const { name, persistentVolumeClaim } = volume;
  if (persistentVolumeClaim) {
    const { claimName, readOnly = false } = persistentVolumeClaim;
    return await mountClaim({ volume: name, claimName, readOnly, owned: false }, context);
  }
  const claimName = `${context.pod.metadata.name}-${name}`;
  return await mountClaim({ volume: name, claimName, readOnly: false, owned: true }, context);
}

async function mountClaim(wanted: Wanted, context: VolumeContext): Promise<ReadyVolume> {
  const { client, pod } = context;
  const { claimName } = wanted;
  const namespace = pod.metadata.namespace ?? "";
  const claim = await client.find(PersistentVolumeClaims, { namespace, name: claimName });
  if (!claim) throw new Error(`persistentvolumeclaim "${claimName}" not found`);
  const owner = claim.metadata.ownerReferences?.find(({ controller }) => controller)?.uid;
  if (wanted.owned && owner !== pod.metadata.uid) {
    const own = `${namespace}/${pod.metadata.name}`;
    throw new Error(`PVC ${namespace}/${claimName} was not created for pod ${own} (pod is not owner)`);
  }
  if (claim.metadata.deletionTimestamp && !pod.status?.startTime) {
    throw new Error(`persistentvolumeclaim "${claimName}" is being deleted`);
  }
  const name = claim.spec?.volumeName;
  if (claim.status?.phase !== "Bound" || !name) throw new Error(`PersistentVolumeClaim is not bound: "${claimName}"`);
  const volume = await client.find(PersistentVolumes, { name });
  if (!volume) throw new Error(`persistentvolume "${name}" not found`);
  if (volume.spec?.volumeMode === "Block") {
    throw new Error(`persistentvolume "${name}" has volumeMode Block: this node mounts file systems only`);
  }
  return await mountVolume(volume, wanted, context);
}

async function mountVolume(
  { metadata, spec }: PersistentVolume,
  { volume, readOnly }: Wanted,
  context: VolumeContext,
): Promise<ReadyVolume> {
  const { hostPath, local, flexVolume } = spec ?? {};
  if (flexVolume) {
    const { secretRef, ...source } = flexVolume;
    const { name, namespace } = secretRef ?? {};
    const secret = name ? { name, namespace: namespace ?? spec?.claimRef?.namespace ?? "" } : undefined;
    const flex = { ...source, readOnly: readOnly || source.readOnly === true };
    return await mountFlex(flex, secret, { volume, name: metadata.name }, context);
  }
  const path = hostPath?.path ?? local?.path;
  if (!path) {
    throw new Error(
      `persistentvolume "${metadata.name}" is neither hostPath, local nor flexVolume: this node has no other kinds`,
    );
  }
  checkHostPath(path, hostPath ? hostPath.type : "Directory");
  // A directory of the node is the node's own; a local volume is the pods'.
  if (!readOnly) giveToPod(path, context.pod);
  return { hostPath: path, readOnly };
}
