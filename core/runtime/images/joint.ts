// What depends on the layers below one: a layer's own directory is the same for all images, so this lies beside it.
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  type Stats,
} from "node:fs";
import { join, posix } from "node:path";
import { LayeredRoot } from "../oci/layers.ts";
import { removeTree } from "../oci/remove-tree.ts";
import { digestOf, hexOf } from "./digest.ts";
import type { StoredLayer } from "./layer-store.ts";
import { makeWhiteouts } from "./unpack.ts";

export interface Placed {
  layer: StoredLayer;
  /** Absolute. */
  path: string;
}

/**
 * Puts layers on each other. Between them come directories of `joints`: whiteouts below a layer whose opaque
 * directories hide something, and above it the modes that its unnamed directories have further down.
 * @param layers the base first.
 * @returns absolute paths, upper-most first, and the names in `joints` that are among them.
 */
export function stackLayers(layers: Placed[], joints: string): { directories: string[]; joints: string[] } {
  let directories: string[] = [];
  const used: string[] = [];
  let chain = "";
  for (const { layer, path } of layers) {
    chain = `${chain} ${layer.diff}`;
    if (directories.length > 0 && (layer.opaque.length > 0 || layer.implicit.length > 0)) {
      const name = hexOf(digestOf(chain)).slice(0, 16);
      const made = join(joints, name);
      if (!existsSync(made)) make(made, layer, new LayeredRoot([{ at: "/", directories: [path, ...directories] }]));
      const [above, below] = [join(made, "above"), join(made, "below")];
      directories = [
        ...(existsSync(above) ? [above] : []),
        path,
        ...(existsSync(below) ? [below] : []),
        ...directories,
      ];
      used.push(name);
    } else directories = [path, ...directories];
  }
  return { directories, joints: used };
}

function make(target: string, layer: StoredLayer, root: LayeredRoot): void {
  mkdirSync(posix.dirname(target), { recursive: true, mode: 0o700 });
  const made = mkdtempSync(`${target}.`);
  try {
    const whiteouts = layer.opaque.flatMap((path) => hide(join(made, "below"), path, root));
    makeWhiteouts(join(made, "below"), whiteouts);
    // A directory's parents come before it.
    for (const path of layer.implicit.toSorted()) restore(join(made, "above"), path, root);
    renameSync(made, target);
  } catch (error) {
    removeTree(made);
    throw error;
  }
}

/** @returns where whiteouts have to be, one for each name below the layer's own directory. */
function hide(base: string, path: string, root: LayeredRoot): string[] {
  const [, ...lower] = root.directories(`/${path}`);
  const names = new Set(lower.flatMap((directory) => readdirSync(directory)));
  if (names.size > 0) mkdirSync(join(base, path), { recursive: true, mode: 0o755 });
  return [...names].map((name) => join(base, path, name));
}

function restore(base: string, path: string, root: LayeredRoot): void {
  const [, lower] = root.directories(`/${path}`);
  if (lower === undefined) return;
  const below = lstatSync(lower);
  const plain = (below.mode & 0o7777) === 0o755 && below.uid === 0 && below.gid === 0;
  if (plain) return;
  let made = "";
  for (const part of ["", ...path.split("/")]) {
    made = posix.join(made, part);
    if (existsSync(join(base, made))) continue;
    mkdirSync(join(base, made));
    take(join(base, made), made === path ? below : (root.locate(`/${made}`).stat as Stats));
  }
}

function take(path: string, { uid, gid, mode }: Stats): void {
  if (process.getuid?.() === 0) chownSync(path, uid, gid);
  chmodSync(path, mode & 0o7777);
}
