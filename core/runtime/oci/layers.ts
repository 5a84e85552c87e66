// Finds paths in a root made of layers before anything is mounted, without ever following a link out of it.
import { chownSync, lstatSync, mkdirSync, readdirSync, readlinkSync, type Stats, writeFileSync } from "node:fs";
import { join, posix } from "node:path";
import { RuntimeError } from "../cri.ts";

/** Directories (or one file) of the node seen at `at` of a root; the upper-most first. */
export interface Layered {
  at: string;
  directories: string[];
}

export interface Located {
  /** The path in the root with every link followed. */
  path: string;
  /** Where it is on the node: an existing entry, or where it would be made. */
  host: string;
  stat: Stats | undefined;
}

const linkLimit = 40;

export class LayeredRoot {
  /** The longest place first. */
  readonly mounts: Layered[] = [];

  constructor(mounts: Layered[]) {
    for (const mount of mounts) this.add(mount);
  }

  /** Later mounts hide earlier ones at the same place. */
  add(mount: Layered): void {
    this.mounts.unshift(mount);
    this.mounts.sort((a, b) => b.at.length - a.at.length);
  }

  /** Follows every link inside the root; missing parts are taken as they are named. */
  locate(path: string): Located {
    const { path: real, host, stat } = this.#walk(path);
    return { path: real, host, stat };
  }

  /** The directories of the node that are merged in one of the root, upper-most first; none when it is missing. */
  directories(path: string): string[] {
    return this.#walk(path).stack;
  }

  /** Names in a directory, of all its layers. */
  list(path: string): string[] {
    const names = new Map<string, boolean>();
    for (const directory of this.directories(path)) {
      for (const name of readdirSync(directory)) {
        if (!names.has(name)) names.set(name, !isWhiteout(lstat(join(directory, name))));
      }
    }
    return [...names].filter(([, there]) => there).map(([name]) => name);
  }

  /** Makes a place to mount over, in the upper-most layer. Its parents keep the owner and mode they have below. */
  makeMountPoint(path: string, kind: "directory" | "file"): string {
    const target = this.locate(path);
    if (target.stat) {
      if (target.stat.isDirectory() !== (kind === "directory")) {
        const is = target.stat.isDirectory() ? "a directory" : "a file";
        throw new RuntimeError("InvalidArgument", `cannot mount a ${kind} over ${path}, which is ${is}`);
      }
      return target.path;
    }
    const mount = this.#mountOf(target.path);
    const inside = target.path === mount.at ? [] : posix.relative(mount.at, target.path).split("/");
    const upper = mount.directories[0] as string;
    let made = upper;
    for (const [index, name] of inside.entries()) {
      made = join(made, name);
      if (lstat(made)) continue;
      if (kind === "file" && index === inside.length - 1) {
        writeFileSync(made, "", { flag: "wx" });
        continue;
      }
      const below = this.locate(posix.join(mount.at, ...inside.slice(0, index + 1))).stat;
      mkdirSync(made, { mode: below ? below.mode & 0o7777 : 0o755 });
      if (below && (below.uid !== 0 || below.gid !== 0)) chownSync(made, below.uid, below.gid);
    }
    return target.path;
  }

  #mountOf(path: string): Layered {
    const mount = this.mounts.find(({ at }) => at === "/" || path === at || path.startsWith(`${at}/`));
    if (!mount) throw new RuntimeError("Failed", `${path}: the container has no root`);
    return mount;
  }

  #walk(path: string): Entry & { path: string } {
    let rest = posix.normalize(`/${path}`).split("/").filter(Boolean);
    let current = "/";
    let links = 0;
    let found = this.#entry("/", []);
    while (rest.length > 0) {
      const [name = "", ...after] = rest;
      const next = posix.join(current, name);
      const entry = this.#entry(next, found.stack);
      if (entry.stat?.isSymbolicLink()) {
        if (++links > linkLimit) throw new RuntimeError("InvalidArgument", `${path}: more than ${linkLimit} links`);
        const target = readlinkSync(entry.host);
        const whole = posix.normalize(`/${posix.join(target.startsWith("/") ? "/" : current, target)}`);
        rest = [...whole.split("/").filter(Boolean), ...after];
        current = "/";
        found = this.#entry("/", []);
        continue;
      }
      current = next;
      found = entry;
      rest = after;
    }
    return { path: current, ...found };
  }

  /** One step down, as overlayfs merges: a name that is no directory hides all layers below it. */
  #entry(path: string, parents: string[]): Entry {
    const mount = this.#mountOf(path);
    const candidates =
      path === mount.at ? mount.directories : parents.map((directory) => join(directory, posix.basename(path)));
    const stack: string[] = [];
    let first: Omit<Entry, "stack"> | undefined;
    for (const host of candidates) {
      const stat = lstat(host);
      if (!stat) continue;
      if (isWhiteout(stat)) break;
      if (!stat.isDirectory()) {
        first ??= { host, stat };
        break;
      }
      first ??= { host, stat };
      stack.push(host);
    }
    if (first) return { ...first, stack };
    const inside = path === mount.at ? "" : posix.relative(mount.at, path);
    return { host: join(mount.directories[0] as string, inside), stat: undefined, stack };
  }
}

interface Entry {
  host: string;
  stat: Stats | undefined;
  /** Of a directory: the layers' directories that are merged in it, upper-most first. */
  stack: string[];
}

/** overlayfs marks a removed name with a character device 0/0. */
const isWhiteout = (stat: Stats | undefined) => stat?.isCharacterDevice() === true && stat.rdev === 0;

function lstat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}
