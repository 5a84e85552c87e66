// Names of control groups: a container's own lies in its pod's, where the pod has limits of its own.
import type { SandboxRecord } from "./sandbox.ts";

const mark = ".pod";

export const podGroup = (sandbox: string): string => `${sandbox}${mark}`;

/** The sandbox whose group this is, by the name of either group of a pod. */
export const sandboxOf = (group: string): string => (group.endsWith(mark) ? group.slice(0, -mark.length) : group);

export function groupOf({ id, config }: SandboxRecord, container: string): string {
  return config.resources ? `${podGroup(id)}/${container}` : container;
}
