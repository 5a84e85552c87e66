// Files of a volume that belong to the pod's group. Source: k8s.io/kubernetes pkg/volume SetVolumeOwnership.
import { chmodSync, chownSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Pod } from "@capstan/api/generated/core-v1";

export const fsGroup = (pod: Pod) => pod.spec?.securityContext?.fsGroup;

/** Does nothing for a pod without an fsGroup. Links are left as they are. */
export function giveToPod(path: string, pod: Pod): void {
  const group = fsGroup(pod);
  if (group !== undefined) giveToGroup(path, group, pod.spec?.securityContext?.fsGroupChangePolicy);
}

function giveToGroup(path: string, group: number, policy: string | undefined): void {
  const stat = lstatSync(path);
  if (policy === "OnRootMismatch" && stat.gid === group && (stat.mode & 0o2070) === 0o2070) return;
  if (stat.isSymbolicLink()) return;
  chownSync(path, -1, group);
  chmodSync(path, (stat.mode & 0o7777) | (stat.isDirectory() ? 0o2770 : 0o660));
  if (stat.isDirectory()) for (const name of readdirSync(path)) giveToGroup(join(path, name), group, undefined);
}
