// The directory that a layer is unpacked into: finds the place of every name without ever leaving the directory.
import { lstatSync, mkdirSync, readlinkSync, rmSync, type Stats } from "node:fs";
import { RuntimeError } from "../cri.ts";

const linkLimit = 40;
const pathLimit = 4096;

/**
 * Paths are relative, without a leading slash, and hold one byte a character; "" is the directory itself. Nobody else
 * may write to the directory meanwhile: what was seen to be a directory is taken to stay one.
 */
export class LayerTree {
  readonly #root: string;
  /** Directories that are known to be there, and no links. */
  readonly #directories = new Set<string>([""]);
  /** Those that no entry of the archive has named. */
  readonly implicit = new Set<string>();

  constructor(directory: string) {
    this.#root = Buffer.from(directory).toString("latin1");
  }

  /** What node:fs takes. */
  host(path: string): string | Buffer {
    const whole = path === "" ? this.#root : `${this.#root}/${path}`;
    // biome-ignore lint/suspicious/noControlCharactersInRegex: what is ASCII is the same in all encodings
    return /^[\x00-\x7f]*$/.test(whole) ? whole : Buffer.from(whole, "latin1");
  }

  stat(path: string): Stats | undefined {
    return lstatSync(this.host(path), { throwIfNoEntry: false });
  }

  /** As `stat`, of what an earlier entry has made: undefined when a link has taken the place of a parent since. */
  made(path: string): Stats | undefined {
    const parents = path.split("/").slice(0, -1);
    for (let depth = 1; depth <= parents.length; depth++) {
      const parent = parents.slice(0, depth).join("/");
      if (!this.#directories.has(parent) && !this.stat(parent)?.isDirectory()) return undefined;
    }
    return this.stat(path);
  }

  /** The parts of an entry's name. @throws RuntimeError InvalidImage for names that lead out. */
  parts(name: string): string[] {
    if (name.length > pathLimit) throw refuse(name, `is longer than the limit path = ${pathLimit}`);
    if (name.includes("\0")) throw refuse(name, "has a zero byte in its name");
    const parts = name.split("/").filter((part) => part !== "" && part !== ".");
    if (parts.includes("..")) throw refuse(name, "leaves the image");
    return parts;
  }

  /**
   * A directory with every link followed inside the layer. With `make`, what is missing becomes a directory.
   * @returns undefined when it is missing.
   */
  directory(parts: string[], make: boolean): string | undefined {
    const plain = parts.join("/");
    if (this.#directories.has(plain)) return plain;
    let rest = parts;
    let current: string[] = [];
    let links = 0;
    while (rest.length > 0) {
      const [part = "", ...after] = rest;
      rest = after;
      if (part === "..") {
        current = current.slice(0, -1);
        continue;
      }
      const next = [...current, part];
      const path = next.join("/");
      if (!this.#directories.has(path)) {
        const stat = this.stat(path);
        if (stat?.isSymbolicLink()) {
          if (++links > linkLimit) throw refuse(plain, `leads through more than ${linkLimit} links`);
          const target = readlinkSync(this.host(path), { encoding: "buffer" }).toString("latin1");
          if (target.startsWith("/")) current = [];
          rest = [...target.split("/").filter((one) => one !== "" && one !== "."), ...rest];
          continue;
        }
        if (stat && !stat.isDirectory()) throw refuse(path, "is not a directory, yet has entries");
        if (!stat && !make) return undefined;
        if (!stat) this.makeDirectory(path);
        if (!stat) this.implicit.add(path);
        this.#directories.add(path);
      }
      current = next;
    }
    return current.join("/");
  }

  makeDirectory(path: string): void {
    mkdirSync(this.host(path), { mode: 0o755 });
    this.#directories.add(path);
  }

  /** Takes away what an entry replaces. */
  remove(path: string): void {
    rmSync(this.host(path), { recursive: true, force: true });
    if (!this.#directories.has(path)) return;
    this.#directories.clear();
    this.#directories.add("");
  }
}

function refuse(name: string, why: string): RuntimeError {
  const shown = Buffer.from(name.slice(0, 200), "latin1").toString("utf8");
  return new RuntimeError("InvalidImage", `the layer's entry "${shown}" ${why}`);
}
