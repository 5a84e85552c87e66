import type { FlexVolumeSource } from "@capstan/api/generated/core-v1";
import type { VolumeContext } from "./manager.ts";
import type { ReadyVolume } from "./mounts.ts";
import { giveToPod } from "./ownership.ts";

/** @param names the pod's volume, and the volume behind it. */
export async function mountFlex(
  { driver, fsType = "", options = {}, readOnly = false }: Omit<FlexVolumeSource, "secretRef">,
  secret: { namespace: string; name: string } | undefined,
  names: { volume: string; name: string },
  context: VolumeContext,
): Promise<ReadyVolume> {
  const { pod, paths, flex, client, signal } = context;
  const hostPath = paths.volume(names.volume);
  const request = { pod, ...names, driver, fsType, options, readOnly, ...(secret ? { secret } : {}) };
  const owned = await flex.mount(paths.root, hostPath, request, client, signal);
  if (owned && !readOnly) giveToPod(hostPath, pod);
  return { hostPath, readOnly };
}
