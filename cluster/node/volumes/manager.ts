import { rmSync } from "node:fs";
import type { Volume } from "@capstan/api/generated/core-v1";
import type { Client } from "@capstan/core/client";
import type { PodPaths } from "../paths.ts";
import { writeAtomically } from "./atomic-directory.ts";
import { prepareClaim } from "./claims.ts";
import { prepareEmptyDirectory } from "./empty-directory.ts";
import type { FlexVolumes } from "./flex/flex-volumes.ts";
import { mountFlex } from "./flex-mount.ts";
import { checkHostPath } from "./host-path.ts";
import { mountsBelow, unmount } from "./mount-table.ts";
import type { PodVolumes, ReadyVolume } from "./mounts.ts";
import { fsGroup } from "./ownership.ts";
import { type PayloadContext, payloadOf } from "./payload.ts";

export interface VolumeContext extends PayloadContext {
  client: Client;
  paths: PodPaths;
  flex: FlexVolumes;
  /** Where this agent has what pods look for at a fixed path of the node. */
  nodePath(path: string): string;
  /** Aborts when the pod is to go: drivers are not waited for. */
  signal: AbortSignal;
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

async function prepare(volume: Volume, context: VolumeContext): Promise<ReadyVolume> {
  const { pod, paths, allocatable } = context;
  const hostPath = paths.volume(volume.name);
  const payload = await payloadOf(volume, context);
  if (payload) {
    writeAtomically(hostPath, payload, fsGroup(pod));
    return { hostPath, readOnly: true };
  }
  if (volume.emptyDir) return prepareEmptyDirectory(hostPath, volume.emptyDir, pod, allocatable.memory);
  if (volume.hostPath) {
    const path = context.nodePath(volume.hostPath.path);
    checkHostPath(path, volume.hostPath.type);
    return { hostPath: path, readOnly: false };
  }
  if (volume.flexVolume) {
    const { secretRef, ...source } = volume.flexVolume;
    const secret = secretRef?.name ? { namespace: pod.metadata.namespace ?? "", name: secretRef.name } : undefined;
    return await mountFlex(source, secret, { volume: volume.name, name: volume.name }, context);
  }
  if (volume.persistentVolumeClaim || volume.ephemeral) return await prepareClaim(volume, context);
  const type = Object.keys(volume).find((key) => key !== "name") ?? "none";
  throw new Error(`volume type ${type} is not supported by this node`);
}

/**
 * Removes all that belongs to a pod, but nothing that is mounted there: what is behind a mount is not the pod's.
 * @throws when something stays mounted: to be called again
 */
export async function removeVolumes(root: string, flex: FlexVolumes): Promise<void> {
  await flex.release(root);
  for (const point of mountsBelow(root)) await unmount(point);
  rmSync(root, { recursive: true, force: true });
}
