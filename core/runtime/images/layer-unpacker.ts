// Makes the files of one layer from its archive's entries.
import {
  chmodSync,
  closeSync,
  fchmodSync,
  fchownSync,
  futimesSync,
  lchownSync,
  linkSync,
  lutimesSync,
  openSync,
  symlinkSync,
  writeSync,
} from "node:fs";
import { RuntimeError } from "../cri.ts";
import { LayerTree } from "./layer-tree.ts";
import type { TarVisitor } from "./tar.ts";
import type { TarEntry } from "./tar-header.ts";

/** A file that has extended attributes to be set. */
export interface Attributed {
  path: string;
  attributes: Map<string, Buffer>;
}

export interface UnpackedTree {
  /** Directories that hide what lower layers have in them. */
  opaque: string[];
  /** Directories without an entry of their own: below another layer's they have that one's mode and owner. */
  implicit: string[];
  /** Names that lower layers have and this one takes away. */
  whiteouts: string[];
  fifos: string[];
  attributed: Attributed[];
  /** Hard links to those, by what they are links to. */
  aliases: [path: string, of: string][];
  /** Device nodes are left out: a container's devices are the runtime's to give. */
  devices: number;
}

const whiteoutPrefix = ".wh.";
/** Attributes that mean the same wherever the layer lies. */
const kept = (name: string) =>
  name === "security.capability" || (name.startsWith("user.") && !name.startsWith("user.overlay."));

/**
 * Everything but what node:fs cannot make (whiteouts, FIFOs, attributes), which `finish` lists.
 * Source of the rules: OCI image-spec, layer.md.
 */
export class LayerUnpacker implements TarVisitor {
  readonly #tree: LayerTree;
  readonly #owner = process.getuid?.() === 0;
  readonly #directories = new Map<string, TarEntry>();
  readonly #hidden = new Set<string>();
  readonly #opaque = new Set<string>();
  readonly #attributed = new Map<string, Map<string, Buffer>>();
  readonly #aliases = new Map<string, string>();
  readonly #fifos = new Map<string, TarEntry>();
  #devices = 0;
  #file: { descriptor: number; entry: TarEntry } | undefined;

  constructor(directory: string) {
    this.#tree = new LayerTree(directory);
  }

  entry(entry: TarEntry): void {
    const parts = this.#tree.parts(entry.path);
    const name = parts.at(-1);
    if (name === undefined) {
      if (entry.type === "directory") this.#directories.set("", entry);
      return;
    }
    const parent = this.#tree.directory(parts.slice(0, -1), true) as string;
    const path = parent === "" ? name : `${parent}/${name}`;
    if (name.startsWith(whiteoutPrefix)) {
      this.#hide(parent, name.slice(whiteoutPrefix.length));
      return;
    }
    this.#attributed.delete(path);
    this.#fifos.delete(path);
    this.#aliases.delete(path);
    if (entry.type === "directory") this.#makeDirectory(path, entry);
    else this.#make(path, entry);
    if (!this.#owner || entry.attributes.size === 0 || !["file", "directory"].includes(entry.type)) return;
    const attributes = new Map([...entry.attributes].filter(([key]) => kept(key)));
    if (attributes.size > 0) this.#attributed.set(path, attributes);
  }

  content(bytes: Uint8Array): void {
    // What is not made, such as a whiteout, may have content all the same.
    if (!this.#file) return;
    const { descriptor } = this.#file;
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at, bytes.length - at);
  }

  end(): void {
    if (!this.#file) return;
    const { descriptor, entry } = this.#file;
    this.#file = undefined;
    try {
      if (this.#owner) fchownSync(descriptor, entry.uid, entry.gid);
      // After chown, which clears the set-id bits.
      fchmodSync(descriptor, entry.mode);
      futimesSync(descriptor, entry.mtime, entry.mtime);
    } finally {
      closeSync(descriptor);
    }
  }

  /** The archive is at its end, or has failed. */
  close(): void {
    if (this.#file) closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  /** What is left to make. Directories get their modes and times from `sealDirectories`, once all is in them. */
  finish(): UnpackedTree {
    const whiteouts: string[] = [];
    const isDirectory = (path: string) => this.#tree.made(path)?.isDirectory() === true;
    for (const path of this.#hidden) {
      if (!this.#hasParent(path)) continue;
      const stat = this.#tree.stat(path);
      // What the layer itself has is not hidden by it; a directory of it starts empty.
      if (!stat) whiteouts.push(path);
      else if (stat.isDirectory()) this.#opaque.add(path);
    }
    const there = (path: string) => this.#tree.made(path) !== undefined;
    return {
      opaque: [...this.#opaque].filter((path) => path === "" || isDirectory(path)),
      implicit: [...this.#tree.implicit].filter((path) => !this.#directories.has(path) && isDirectory(path)),
      whiteouts,
      fifos: [...this.#fifos.keys()].filter((path) => !there(path) && this.#hasParent(path)),
      attributed: [...this.#attributed].flatMap(([path, attributes]) => (there(path) ? [{ path, attributes }] : [])),
      aliases: [...this.#aliases].filter(([path, of]) => there(path) && there(of)),
      devices: this.#devices,
    };
  }

  host(path: string): string | Buffer {
    return this.#tree.host(path);
  }

  sealDirectories(): void {
    for (const [path, { uid, gid, mode, mtime }] of this.#fifos) {
      if (!this.#tree.made(path)?.isFIFO()) continue;
      if (this.#owner) lchownSync(this.host(path), uid, gid);
      chmodSync(this.host(path), mode);
      lutimesSync(this.host(path), mtime, mtime);
    }
    if (!this.#directories.has("")) chmodSync(this.host(""), 0o755);
    // The deepest first: a mode may close a directory to an owner who is not root.
    const deepest = [...this.#directories].sort(([a], [b]) => b.length - a.length);
    for (const [path, { uid, gid, mode, mtime }] of deepest) {
      if (!this.#tree.made(path)?.isDirectory()) continue;
      const host = this.host(path);
      if (this.#owner) lchownSync(host, uid, gid);
      lutimesSync(host, mtime, mtime);
      chmodSync(host, mode);
    }
  }

  #hasParent(path: string): boolean {
    const parent = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
    return parent === "" || this.#tree.made(parent)?.isDirectory() === true;
  }

  #hide(parent: string, name: string): void {
    if (name === ".wh..opq") this.#opaque.add(parent);
    // Other names of this kind are notes that aufs leaves to itself.
    if (name.startsWith(whiteoutPrefix)) return;
    if (name === "" || name === "." || name === "..")
      throw new RuntimeError("InvalidImage", `the layer has a whiteout of "${name}"`);
    this.#hidden.add(parent === "" ? name : `${parent}/${name}`);
  }

  #makeDirectory(path: string, entry: TarEntry): void {
    this.#directories.set(path, entry);
    this.#making(path, () => this.#tree.makeDirectory(path), true);
  }

  #make(path: string, entry: TarEntry): void {
    const host = this.host(path);
    if (entry.type === "file") {
      const descriptor = this.#making(path, () => openSync(host, "wx", 0o600));
      if (descriptor !== undefined) this.#file = { descriptor, entry };
    } else if (entry.type === "symlink") {
      this.#making(path, () => symlinkSync(Buffer.from(entry.linkTarget, "latin1"), host));
      if (this.#owner) lchownSync(host, entry.uid, entry.gid);
      lutimesSync(host, entry.mtime, entry.mtime);
    } else if (entry.type === "link") {
      // Another name of what has its owner and mode already.
      const target = this.#linkTarget(entry);
      if (target === path) return;
      this.#making(path, () => linkSync(this.host(target), host));
      const first = this.#aliases.get(target) ?? target;
      if (this.#attributed.has(first)) this.#aliases.set(path, first);
    } else {
      if (this.#tree.stat(path)) this.#tree.remove(path);
      if (entry.type === "fifo") this.#fifos.set(path, entry);
      else this.#devices++;
    }
  }

  /** Makes an entry; one that is there already is replaced, but directories stay. */
  #making<T>(path: string, make: () => T, directory = false): T | undefined {
    try {
      return make();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    if (directory && this.#tree.stat(path)?.isDirectory()) return undefined;
    this.#tree.remove(path);
    return make();
  }

  #linkTarget(entry: TarEntry): string {
    const parts = this.#tree.parts(entry.linkTarget);
    const parent = this.#tree.directory(parts.slice(0, -1), false);
    const name = parts.at(-1);
    const path = parent === undefined || name === undefined ? undefined : parent === "" ? name : `${parent}/${name}`;
    const stat = path === undefined ? undefined : this.#tree.stat(path);
    if (path === undefined || !stat || stat.isDirectory()) {
      const shown = Buffer.from(entry.linkTarget, "latin1").toString("utf8").slice(0, 200);
      throw new RuntimeError("InvalidImage", `the layer has a hard link to missing ${shown}`);
    }
    return path;
  }
}
