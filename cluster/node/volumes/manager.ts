import { chmodSync, chownSync, lstatSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Pod, Volume } from "@capstan/api/generated/core-v1";
import { PersistentVolumeClaims, PersistentVolumes } from "@capstan/api/generated/resources";
import { parseQuantity } from "@capstan/api/meta";
import type { Client } from "@capstan/core/client";
import type { PodPaths } from "../paths.ts";
import { writeAtomically } from "./atomic-directory.ts";
import { checkHostPath } from "./host-path.ts";
import type { PodVolumes, ReadyVolume } from "./mounts.ts";
import { type PayloadContext, payloadOf } from "./payload.ts";

export interface VolumeContext extends PayloadContext {
  client: Client;
  paths: PodPaths;
}

/** A volume that cannot be made ready, in the words of the FailedMount event. */
export class VolumeError extends Error {
  constructor(volume: string, reason: string) {
    super(`MountVolume.SetUp failed for volume "${volume}" : ${reason}`);
  }
}

/** Makes all volumes of a pod ready. Called again, it brings what changed up to date. @throws VolumeError */
export async function prepareVolumes(context: VolumeContext): Promise<PodVolumes> {
  const volumes: PodVolumes = new Map();
  for (const volume of context.pod.spec?.volumes ?? []) {
    try {
      volumes.set(volume.name, await prepare(volume, context));
    } catch (error) {
      throw new VolumeError(volume.name, (error as Error).message);
    }
  }
  return volumes;
}

/** Writes again the volumes whose content comes from the API. @returns whether any file changed. */
export async function refreshVolumes(context: VolumeContext): Promise<boolean> {
  let changed = false;
  for (const volume of context.pod.spec?.volumes ?? []) {
    const payload = await payloadOf(volume, context);
    if (payload && writeAtomically(context.paths.volume(volume.name), payload, fsGroup(context.pod))) changed = true;
  }
  return changed;
}

const fsGroup = (pod: Pod) => pod.spec?.securityContext?.fsGroup;

async function prepare(volume: Volume, context: VolumeContext): Promise<ReadyVolume> {
  const { pod, paths } = context;
  const hostPath = paths.volume(volume.name);
  const payload = await payloadOf(volume, context);
  if (payload) {
    writeAtomically(hostPath, payload, fsGroup(pod));
    return { hostPath, readOnly: true };
  }
  if (volume.emptyDir) return emptyDirectory(hostPath, volume.emptyDir, fsGroup(pod));
  if (volume.hostPath) {
    checkHostPath(volume.hostPath.path, volume.hostPath.type);
    return { hostPath: volume.hostPath.path, readOnly: false };
  }
  if (volume.persistentVolumeClaim) {
    const { claimName, readOnly = false } = volume.persistentVolumeClaim;
    return await claimed(claimName, readOnly, context);
  }
  if (volume.ephemeral) return await claimed(`${pod.metadata.name}-${volume.name}`, false, context);
  const type = Object.keys(volume).find((key) => key !== "name") ?? "none";
  throw new Error(`volume type ${type} is not supported by this node`);
}

function emptyDirectory(
  hostPath: string,
  { medium = "", sizeLimit }: NonNullable<Volume["emptyDir"]>,
  group: number | undefined,
): ReadyVolume {
  if (medium !== "" && medium !== "Memory") throw new Error(`medium "${medium}" is not supported`);
  if (!lstatSync(hostPath, { throwIfNoEntry: false })) {
    mkdirSync(hostPath, { recursive: true, mode: 0o755 });
    chmodSync(hostPath, group === undefined ? 0o777 : 0o2777);
    if (group !== undefined) chownSync(hostPath, -1, group);
  }
  if (medium !== "Memory") return { hostPath, readOnly: false };
  return { hostPath, readOnly: false, memoryBytes: sizeLimit === undefined ? 0 : parseQuantity(sizeLimit) };
}

async function claimed(claimName: string, readOnly: boolean, context: VolumeContext): Promise<ReadyVolume> {
  const { client, pod } = context;
  const namespace = pod.metadata.namespace ?? "";
  const claim = await client.find(PersistentVolumeClaims, { namespace, name: claimName });
  if (!claim) throw new Error(`persistentvolumeclaim "${claimName}" not found`);
  const name = claim.spec?.volumeName;
  if (claim.status?.phase !== "Bound" || !name) throw new Error(`PersistentVolumeClaim is not bound: "${claimName}"`);
  const volume = await client.find(PersistentVolumes, { name });
  if (!volume) throw new Error(`persistentvolume "${name}" not found`);
  const { hostPath, local } = volume.spec ?? {};
  const path = hostPath?.path ?? local?.path;
  if (!path) throw new Error(`persistentvolume "${name}" is neither hostPath nor local: this node has no other kinds`);
  checkHostPath(path, hostPath ? hostPath.type : "Directory");
  const group = fsGroup(pod);
  if (group !== undefined && !readOnly) giveToGroup(path, group, pod.spec?.securityContext?.fsGroupChangePolicy);
  return { hostPath: path, readOnly };
}

/** Source: k8s.io/kubernetes pkg/volume SetVolumeOwnership. */
function giveToGroup(path: string, group: number, policy: string | undefined): void {
  const stat = lstatSync(path);
  if (policy === "OnRootMismatch" && stat.gid === group && (stat.mode & 0o2070) === 0o2070) return;
  if (stat.isSymbolicLink()) return;
  chownSync(path, -1, group);
  chmodSync(path, (stat.mode & 0o7777) | (stat.isDirectory() ? 0o2770 : 0o660));
  if (stat.isDirectory()) for (const name of readdirSync(path)) giveToGroup(join(path, name), group, undefined);
}

export function removeVolumes(paths: PodPaths): void {
  rmSync(paths.root, { recursive: true, force: true });
}
