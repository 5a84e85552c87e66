// Where a container's files are on the node, though a runtime behind a socket made its root.
import { isAbsolute } from "node:path";
import { RuntimeError } from "../cri.ts";
import { type Layered, LayeredRoot } from "../oci/layers.ts";
import type { Connection } from "./connection.ts";
import type { ContainerRecord } from "./records.ts";

interface ContainerInfo {
  snapshotter?: string;
  snapshotKey?: string;
  runtimeSpec?: { root?: { path?: string } };
}

/** Directories of a container's root, the upper-most first; undefined where the runtime does not tell them. */
export async function rootLayers(connection: Connection, id: string): Promise<Layered[] | undefined> {
  const request = { containerId: id, verbose: true };
  const { info } = await connection.call("runtime.v1.RuntimeService/ContainerStatus", request);
  const { snapshotter, snapshotKey, runtimeSpec } = JSON.parse(info?.info ?? "{}") as ContainerInfo;
  const root = runtimeSpec?.root?.path;
  if (root && isAbsolute(root)) return [{ at: "/", directories: [root] }];
  if (!snapshotter || !snapshotKey) return undefined;
  const { mounts = [] } = await connection.call("containerd.services.snapshots.v1.Snapshots/Mounts", {
    snapshotter,
    key: snapshotKey,
  });
  const [mount] = mounts;
  if (!mount) return undefined;
  if (mount.type !== "overlay") return mount.source ? [{ at: "/", directories: [mount.source] }] : undefined;
  const option = (name: string) => mount.options?.find((one) => one.startsWith(`${name}=`))?.slice(name.length + 1);
  const directories = [option("upperdir"), ...(option("lowerdir")?.split(":") ?? [])];
  return [{ at: "/", directories: directories.filter((path) => path !== undefined) }];
}

/** Host path of an absolute path as the container sees it; links are followed inside the container alone. */
export function resolvePath({ layers, config }: ContainerRecord, path: string): string {
  const view = new LayeredRoot(layers ?? [{ at: "/", directories: [nowhere] }]);
  for (const { containerPath, hostPath } of config.mounts) {
    view.add({ at: view.locate(containerPath).path, directories: [hostPath] });
  }
  const { host } = view.locate(path);
  if (host.startsWith(nowhere)) {
    throw new RuntimeError(
      "Unsupported",
      `the runtime does not tell where ${path} of "${config.name}" is: put it on a volume`,
    );
  }
  return host;
}

const nowhere = "/nonexistent";
