import { chmodSync, chownSync, existsSync, mkdirSync, statSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import type { Mount } from "../cri.ts";
import type { ImageRoot } from "../images/image.ts";
import { bind, bindTree, type MountEntry, overlay } from "./fstab.ts";
import type { HostRoot } from "./host-root.ts";
import { type Layered, LayeredRoot } from "./layers.ts";

export interface RootOptions {
  /** The container's directory: gets `root`, and the writable layers below `upper` and `work`. */
  directory: string;
  image: ImageRoot;
  host: HostRoot;
  /** Host directory bound read-only at /opt/capstan of roots that are the host's. */
  code?: string;
  /** Absolute paths of the node that are not shown where they lie inside `code`. */
  hidden: string[];
  readonly: boolean;
  privileged: boolean;
  /** In a user namespace: what only the owner of the network namespace may mount is bound. */
  rootless: boolean;
  /** Layer with /dev's links and the files that devices are bound over. */
  devices: string;
  /** The pod's /dev/shm: absolute path of a tmpfs. */
  shm: string;
  /** The container's cgroup directories, by their place below /sys/fs/cgroup ("" for the unified hierarchy). */
  cgroups: Map<string, string>;
  mounts: Mount[];
  /** Absolute paths in the root that can be written even where that is read-only: the image's own wish. */
  writable: string[];
}

export interface PreparedRoot {
  /** The volumes, each at the place that its containerPath leads to. */
  mounts: Mount[];
  /** Absolute path that the new root is assembled at. */
  path: string;
  /** The layers that the root is made of. */
  base: MountEntry[];
  /** What is mounted inside, in this order. */
  inner: MountEntry[];
  /** Absolute paths in the root that show nothing, and those that only show. */
  masked: string[];
  frozen: string[];
  view: LayeredRoot;
}

export const deviceNames = ["null", "zero", "full", "random", "urandom", "tty"];

// Source: the default masked and read-only paths of the OCI runtime configuration that containerd writes.
const inProc = (name: string) => existsSync(`/proc/${name}`);
const masked = ["kcore", "keys", "latency_stats", "timer_list", "timer_stats", "sched_debug"];
const frozen = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/** Lays out a container's root; nothing is mounted yet. The layers are the caller's to remove. */
export function prepareRoot(options: RootOptions): PreparedRoot {
  const path = join(options.directory, "root");
  mkdirSync(path, { recursive: true });
  const { entries: base, view } = options.image.kind === "host" ? hostRoot(path, options) : imageRoot(path, options);
  const place = (at: string, kind: "directory" | "file") => path + view.makeMountPoint(at, kind);
  const inner = [...kernelMounts(options, place, view)];
  if (options.image.kind === "host" && options.code) {
    const at = place("/opt/capstan", "directory");
    inner.push(bindTree(options.code, at, { readonly: true }), ...codeMasks(options.code, at, options.hidden));
    view.add({ at: "/opt/capstan", directories: [options.code] });
  }
  for (const [index, at] of options.writable.entries()) inner.push(writablePlace(at, index, options, view));
  const mounts: Mount[] = [];
  const depth = (mount: Mount) => mount.containerPath.split("/").filter(Boolean).length;
  for (const mount of options.mounts.toSorted((a, b) => depth(a) - depth(b))) {
    const target = volumePlace(mount, view);
    inner.push(bindTree(mount.hostPath, path + target, mount));
    mounts.push({ ...mount, containerPath: target });
  }
  const proc = view.locate("/proc").path;
  const hide = (names: string[]) => (options.privileged ? [] : names.filter(inProc).map((name) => `${proc}/${name}`));
  return { path, base, inner, masked: hide(masked), frozen: hide(frozen), view, mounts };
}

/** The code's own history, and a data directory inside it, are nobody's business in a container. */
function* codeMasks(code: string, at: string, hidden: string[]): Iterable<MountEntry> {
  for (const path of [join(code, ".git"), ...hidden]) {
    const inside = relative(code, path);
    if (inside === "" || inside.startsWith("..")) continue;
    const stat = statSync(path, { throwIfNoEntry: false });
    const target = join(at, inside);
    if (stat?.isDirectory()) yield { source: "tmpfs", target, type: "tmpfs", options: "ro,size=4k,mode=555" };
    else if (stat) yield bind("/dev/null", target);
  }
}

function volumePlace(mount: Mount, view: LayeredRoot): string {
  const source = statSync(mount.hostPath);
  const target = view.makeMountPoint(mount.containerPath, source.isDirectory() ? "directory" : "file");
  view.add({ at: target, directories: [mount.hostPath] });
  return target;
}

function hostRoot(path: string, options: RootOptions): { entries: MountEntry[]; view: LayeredRoot } {
  const { host, directory } = options;
  // Beside the directories of the layers, which have the node's own names.
  const top = { upper: join(directory, "upper/.top"), work: join(directory, "work/.top") };
  for (const made of Object.values(top)) mkdirSync(made, { recursive: true });
  const entries = [overlay(path, [host.skeleton], top, overlayExtra(options))];
  const mounts: Layered[] = [{ at: "/", directories: [top.upper, host.skeleton] }];
  for (const { at, lowers } of host.layers) {
    const writable = { upper: join(directory, "upper", at), work: join(directory, "work", at) };
    for (const made of Object.values(writable)) mkdirSync(made, { recursive: true });
    const extra = overlayExtra(options) + (options.readonly ? ",ro" : "");
    entries.push(overlay(path + at, lowers, writable, extra));
    mounts.push({ at, directories: [writable.upper, ...lowers] });
  }
  return { entries, view: new LayeredRoot(mounts) };
}

function imageRoot(path: string, options: RootOptions): { entries: MountEntry[]; view: LayeredRoot } {
  if (options.image.kind === "host") throw new TypeError("not an image of its own root");
  const writable = { upper: join(options.directory, "upper"), work: join(options.directory, "work") };
  mkdirSync(writable.upper, { recursive: true });
  mkdirSync(writable.work, { recursive: true });
  const lowers = shortened(options.directory, options.image.layers);
  const entries = [overlay(path, lowers, { upper: "upper", work: "work" }, overlayExtra(options))];
  return { entries, view: new LayeredRoot([{ at: "/", directories: [writable.upper, ...options.image.layers] }]) };
}

/**
 * The kernel takes a page of options: what most layers lie in gets a short name in the container's directory, which is
 * where the mounts are made.
 */
function shortened(directory: string, layers: string[]): string[] {
  const [[home = ""] = []] = [...Map.groupBy(layers, dirname)].sort(([, a], [, b]) => b.length - a.length);
  if (home === "") return layers;
  symlinkSync(home, join(directory, "l"));
  return layers.map((layer) => (dirname(layer) === home ? `l/${basename(layer)}` : layer));
}

/** A place that stays writable: over the image's own files, if there are any. */
function writablePlace(at: string, index: number, options: RootOptions, view: LayeredRoot): MountEntry {
  const directory = join(options.directory, "writable", String(index));
  const writable = { upper: join(directory, "upper"), work: join(directory, "work") };
  for (const made of [writable.upper, writable.work]) mkdirSync(made, { recursive: true, mode: 0o755 });
  const lowers = view.directories(at).filter((path) => !path.startsWith(`${options.directory}/`));
  const target = view.makeMountPoint(at, "directory");
  view.add({ at: target, directories: [writable.upper, ...lowers] });
  const place = join(options.directory, "root", target);
  if (lowers.length === 0) return bind(writable.upper, place);
  const [top = ""] = lowers;
  const { mode, uid, gid } = statSync(top);
  chmodSync(writable.upper, mode & 0o7777);
  if (!options.rootless) chownSync(writable.upper, uid, gid);
  return overlay(place, lowers, writable, overlayExtra(options));
}

/** Overlays in a user namespace keep their marks in attributes of another name. */
const overlayExtra = ({ rootless }: RootOptions) => (rootless ? ",userxattr" : "");

const terminalOptions = "newinstance,ptmxmode=0666,mode=0620,nosuid,noexec";

type Place = (at: string, kind: "directory" | "file") => string;

function* kernelMounts(options: RootOptions, place: Place, view: LayeredRoot): Iterable<MountEntry> {
  yield { source: "proc", target: place("/proc", "directory"), type: "proc", options: "nosuid,noexec,nodev" };
  const sys = place("/sys", "directory");
  const access = options.privileged ? "rw" : "ro";
  if (options.rootless) yield bindTree("/sys", sys);
  else yield { source: "sysfs", target: sys, type: "sysfs", options: `nosuid,noexec,nodev,${access}` };
  yield* cgroupMounts(options, `${sys}/fs/cgroup`);
  yield* deviceMounts(options, place, view);
}

function* cgroupMounts({ cgroups }: RootOptions, at: string): Iterable<MountEntry> {
  const unified = cgroups.get("");
  if (unified) yield bind(unified, at, "bind,ro");
  else if (cgroups.size > 0) {
    yield { source: "tmpfs", target: at, type: "tmpfs", options: "nosuid,noexec,nodev,mode=755,size=64k" };
    for (const [name, directory] of cgroups) {
      yield { source: directory, target: `${at}/${name}`, type: "none", options: "bind,ro,X-mount.mkdir" };
    }
  }
}

function* deviceMounts(options: RootOptions, place: Place, view: LayeredRoot): Iterable<MountEntry> {
  const dev = place("/dev", "directory");
  const writable = { upper: join(options.directory, "dev/upper"), work: join(options.directory, "dev/work") };
  mkdirSync(writable.upper, { recursive: true });
  mkdirSync(writable.work, { recursive: true });
  const lower = options.privileged ? "/dev" : options.devices;
  yield overlay(dev, [lower], writable, overlayExtra(options));
  view.add({ at: view.locate("/dev").path, directories: [writable.upper, lower] });
  if (!options.privileged) {
    for (const name of deviceNames) yield bind(`/dev/${name}`, `${dev}/${name}`);
  }
  const at = (name: string) => place(`/dev/${name}`, "directory");
  yield { source: "devpts", target: at("pts"), type: "devpts", options: terminalOptions };
  yield { source: "mqueue", target: at("mqueue"), type: "mqueue", options: "nosuid,noexec,nodev" };
  yield bind(options.shm, at("shm"), "rbind");
}
