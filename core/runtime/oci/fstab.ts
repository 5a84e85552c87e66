import type { Mount } from "../cri.ts";

/** One line for `mount -a -T`. */
export interface MountEntry {
  source: string;
  target: string;
  type: string;
  options: string;
}

// fstab(5) separates fields with blanks and knows octal escapes for them.
function field(text: string): string {
  return text.replace(/[\s\\#]/g, (char) => `\\${char.charCodeAt(0).toString(8).padStart(3, "0")}`);
}

/** The mounts of a container in their order: one `mount` process makes all of them. */
export function fstab(entries: MountEntry[]): string {
  return entries
    .map(({ source, target, type, options }) => `${[source, target, type, options].map(field).join(" ")} 0 0\n`)
    .join("");
}

// mount(8)'s words for what a pod's mountPropagation says.
const propagations = { None: "rprivate", HostToContainer: "rslave", Bidirectional: "rshared" };

/** One file or directory of the node. */
export function bind(source: string, target: string, options = "bind"): MountEntry {
  return { source, target, type: "none", options };
}

/** A directory with all that is mounted below it. */
export function bindTree(
  source: string,
  target: string,
  { readonly = false, propagation = "None" }: Pick<Mount, "readonly" | "propagation"> = {},
): MountEntry {
  return bind(source, target, `rbind${readonly ? ",ro" : ""},${propagations[propagation]}`);
}

/** @param lowers upper-most first. Without `upper` it is read-only. */
export function overlay(
  target: string,
  lowers: string[],
  writable?: { upper: string; work: string },
  extra = "",
): MountEntry {
  const layers = [`lowerdir=${lowers.join(":")}`];
  if (writable) layers.push(`upperdir=${writable.upper}`, `workdir=${writable.work}`);
  return { source: "overlay", target, type: "overlay", options: layers.join(",") + extra };
}
