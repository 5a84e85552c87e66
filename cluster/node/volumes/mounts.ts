import { existsSync, mkdirSync, realpathSync, statSync } from "node:fs";
import { join, posix } from "node:path";
import type { Container } from "@capstan/api/generated/core-v1";
import type { Mount } from "@capstan/core/runtime";

export interface ReadyVolume {
  hostPath: string;
  readOnly: boolean;
  /** A tmpfs of the pod's sandbox of this many bytes: 0 for no bound of its own. */
  memoryBytes?: number;
}

/** The volumes of a pod that are ready to be mounted, by name. */
export type PodVolumes = Map<string, ReadyVolume>;

/** @param word replaces $(NAME) in subPathExpr. */
export function mountsOf(container: Container, volumes: PodVolumes, word: (text: string) => string): Mount[] {
  return (container.volumeMounts ?? []).map((mount) => {
    const volume = volumes.get(mount.name);
    if (!volume) throw new Error(`volume "${mount.name}" is not mounted`);
    const subPath = mount.subPathExpr ? word(mount.subPathExpr) : (mount.subPath ?? "");
    return {
      containerPath: posix.resolve("/", mount.mountPath),
      hostPath: subPath ? inside(volume.hostPath, subPath) : volume.hostPath,
      readonly: mount.readOnly === true || volume.readOnly,
    };
  });
}

/** A path below a volume; a link in the volume must not lead out of it. What is missing becomes a directory. */
function inside(root: string, subPath: string): string {
  if (subPath.startsWith("/") || subPath.split("/").includes("..")) {
    throw new Error(`subPath "${subPath}" must be relative and must not contain ".."`);
  }
  const path = join(root, subPath);
  const base = realpathSync(root);
  let existing = path;
  while (!existsSync(existing)) existing = join(existing, "..");
  const real = realpathSync(existing);
  if (real !== base && !real.startsWith(`${base}/`)) throw new Error(`subPath "${subPath}" leaves its volume`);
  if (existing !== path) mkdirSync(path, { recursive: true, mode: statSync(root).mode & 0o777 });
  return realpathSync(path);
}
