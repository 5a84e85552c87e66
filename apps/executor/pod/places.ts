// Where this container finds the files of the pod's containers. No link leads out of the volume or root that it lies in.
import { readFile } from "node:fs/promises";
import { posix } from "node:path";
import { mainRoot } from "@capstan/api/kinds/workflow-pod";
import { LayeredRoot } from "@capstan/core/runtime";

/** A volume at a place of this container, which its process sees at `host`. */
export interface MountPoint {
  at: string;
  host: string;
}

/** Mount points of this process, as the kernel tells them (proc_pid_mountinfo(5)). */
export async function readMounts(file = "/proc/self/mountinfo"): Promise<MountPoint[]> {
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  const places = lines.map((line) => (line.split(" ")[4] ?? "/").replace(/\\(\d{3})/g, (_, code) => octal(code)));
  return places.map((at) => ({ at, host: at }));
}
const octal = (code: string) => String.fromCharCode(Number.parseInt(code, 8));

/** What is on no volume is nowhere. */
const nowhere = "/nonexistent";
const ofNode = /^\/(proc|sys|dev)(\/|$)/;

/**
 * Finds paths as a container sees them.
 * @param own this container's name; any other one is the step's own, whose volumes are below `/mainctrfs` here.
 * @param outputs where argoexec puts what a step leaves on its own root.
 */
export function createPlaces(
  own: string,
  mounts: MountPoint[],
  outputs: string,
): (name: string, path: string) => string {
  const volumes = mounts.filter(({ at }) => at !== "/" && !ofNode.test(at));
  const ofThis = new LayeredRoot([{ at: "/", directories: [nowhere] }]);
  const ofMain = new LayeredRoot([{ at: "/", directories: [outputs] }]);
  for (const { at, host } of volumes) {
    ofThis.add({ at, directories: [host] });
    if (at.startsWith(`${mainRoot}/`)) ofMain.add({ at: at.slice(mainRoot.length), directories: [host] });
  }
  return (name, path) => {
    if (name !== own) return ofMain.locate(path).host;
    const { host } = ofThis.locate(path);
    if (host !== nowhere && !host.startsWith(`${nowhere}/`)) return host;
    throw new Error(`container "${own}": ${posix.normalize(path)} is on none of its volumes`);
  };
}
