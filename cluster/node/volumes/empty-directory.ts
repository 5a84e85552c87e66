import { chmodSync, chownSync, lstatSync, mkdirSync } from "node:fs";
import type { Pod, Volume } from "@capstan/api/generated/core-v1";
import { parseQuantity } from "@capstan/api/meta";
import type { ReadyVolume } from "./mounts.ts";
import { fsGroup } from "./ownership.ts";

export function prepareEmptyDirectory(
  hostPath: string,
  { medium = "", sizeLimit }: NonNullable<Volume["emptyDir"]>,
  pod: Pod,
  nodeMemory: number,
): ReadyVolume {
  if (medium !== "" && medium !== "Memory") throw new Error(`medium "${medium}" is not supported`);
  if (!lstatSync(hostPath, { throwIfNoEntry: false })) {
    const group = fsGroup(pod);
    mkdirSync(hostPath, { recursive: true, mode: 0o755 });
    chmodSync(hostPath, group === undefined ? 0o777 : 0o2777);
    if (group !== undefined) chownSync(hostPath, -1, group);
  }
  if (medium !== "Memory") return { hostPath, readOnly: false };
  const bounds = [memoryOf(pod) ?? nodeMemory];
  if (sizeLimit !== undefined && parseQuantity(sizeLimit) > 0) bounds.push(parseQuantity(sizeLimit));
  return { hostPath, readOnly: false, memoryBytes: Math.floor(Math.min(...bounds)) };
}

/**
 * What the pod's containers may use together; undefined when one of them has no limit.
 * Source: SizeMemoryBackedVolumes in k8s.io/kubernetes pkg/volume/emptydir calculateEmptyDirMemorySize.
 */
function memoryOf({ spec }: Pod): number | undefined {
  let sum = 0;
  let peak = 0;
  for (const { resources } of spec?.containers ?? []) {
    const limit = resources?.limits?.memory;
    if (limit === undefined) return undefined;
    sum += parseQuantity(limit);
  }
  for (const { resources, restartPolicy } of spec?.initContainers ?? []) {
    const limit = resources?.limits?.memory;
    if (limit === undefined) return undefined;
    if (restartPolicy === "Always") sum += parseQuantity(limit);
    else peak = Math.max(peak, parseQuantity(limit));
  }
  return Math.max(sum, peak);
}
