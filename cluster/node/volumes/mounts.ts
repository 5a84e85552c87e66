import { closeSync, existsSync, fstatSync, mkdirSync, openSync, readlinkSync, realpathSync, statSync } from "node:fs";
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
    if (mount.recursiveReadOnly === "Enabled") {
      throw new Error(
        `volumeMounts[${mount.name}].recursiveReadOnly: Enabled is not supported by this node: use IfPossible`,
      );
    }
    const subPath = mount.subPathExpr ? word(mount.subPathExpr) : (mount.subPath ?? "");
    return {
      containerPath: posix.resolve("/", mount.mountPath),
      ...(subPath ? inside(volume.hostPath, subPath) : { hostPath: volume.hostPath }),
      readonly: mount.readOnly === true || volume.readOnly,
      ...(mount.mountPropagation ? { propagation: mount.mountPropagation as Mount["propagation"] } : {}),
    };
  });
}

/**
 * A path below a volume; a link in the volume must not lead out of it. What is missing becomes a directory. The file is
 * held while it is looked at, and the runtime mounts that one or none: the pod may exchange it at any moment.
 */
function inside(root: string, subPath: string): { hostPath: string; expect: { dev: number; ino: number } } {
  if (subPath.startsWith("/") || subPath.split("/").includes("..")) {
    throw new Error(`subPath "${subPath}" must be relative and must not contain ".."`);
  }
  const base = realpathSync(root);
  const path = join(base, subPath);
  let existing = path;
  while (!existsSync(existing)) existing = join(existing, "..");
  check(realpathSync(existing), base, subPath);
  if (existing !== path) mkdirSync(path, { recursive: true, mode: statSync(root).mode & 0o777 });
  const fd = openSync(path, pathOnly);
  try {
    const hostPath = readlinkSync(`/proc/self/fd/${fd}`);
    check(hostPath, base, subPath);
    const { dev, ino } = fstatSync(fd);
    return { hostPath, expect: { dev, ino } };
  } finally {
    closeSync(fd);
  }
}

// O_PATH: no device is opened and no FIFO waited for. Node has no name for it; Linux' number is the same everywhere.
const pathOnly = 0o10000000;

function check(real: string, base: string, subPath: string): void {
  if (real !== base && !real.startsWith(`${base}/`)) throw new Error(`subPath "${subPath}" leaves its volume`);
}
