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
    let rest = posix.normalize(`/${path}`).split("/").filter(Boolean);
    let current = "/";
    let links = 0;
    let found = this.#entry("/");
    while (rest.length > 0) {
      const [name = "", ...after] = rest;
      const next = posix.join(current, name);
      const entry = this.#entry(next);
      if (entry.stat?.isSymbolicLink()) {
        if (++links > linkLimit) throw new RuntimeError("InvalidArgument", `${path}: more than ${linkLimit} links`);
        const target = readlinkSync(entry.host);
        const whole = posix.normalize(`/${posix.join(target.startsWith("/") ? "/" : current, target)}`);
        rest = [...whole.split("/").filter(Boolean), ...after];
        current = "/";
        found = this.#entry("/");
        continue;
      }
      current = next;
      found = entry;
      rest = after;
    }
    return { path: current, host: found.host, stat: found.stat };
  }

  /** Names in a directory, of all its layers. */
  list(path: string): string[] {
    const { path: real } = this.locate(path);
    const mount = this.#mountOf(real);
    const inside = real === mount.at ? "" : posix.relative(mount.at, real);
    const names = new Map<string, boolean>();
    for (const directory of mount.directories) {
      const host = inside ? join(directory, inside) : directory;
      if (!lstat(host)?.isDirectory()) continue;
      for (const name of readdirSync(host)) {
        if (names.has(name)) continue;
        const stat = lstat(join(host, name));
        names.set(name, !(stat?.isCharacterDevice() && stat.rdev === 0));
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
      const below = this.#entry(posix.join(mount.at, ...inside.slice(0, index + 1))).stat;
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

  #entry(path: string): { host: string; stat: Stats | undefined } {
    const mount = this.#mountOf(path);
    const inside = path === mount.at ? "" : posix.relative(mount.at, path);
    for (const directory of mount.directories) {
      const host = inside ? join(directory, inside) : directory;
      const stat = lstat(host);
      if (!stat) continue;
      // overlayfs marks a removed name with a character device 0/0.
      if (stat.isCharacterDevice() && stat.rdev === 0) break;
      return { host, stat };
    }
    return { host: join(mount.directories[0] as string, inside), stat: undefined };
  }
}

function lstat(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOTDIR") return undefined;
    throw error;
  }
}
