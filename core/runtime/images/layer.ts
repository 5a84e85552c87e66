// Unpacks one image layer into a directory that an overlay takes as a lower layer.
import {
  chmodSync,
  createWriteStream,
  lchownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { join, posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { RuntimeError } from "../cri.ts";
import { mustRun } from "../oci/command.ts";
import { LayeredRoot } from "../oci/layers.ts";
import { readTar, type TarEntry, type TarLimits } from "./tar.ts";

export const layerLimits: TarLimits = { entries: 2_000_000, bytes: 64 * 2 ** 30, headerBytes: 1 << 20 };

/** @param below the layers under this one, upper-most first: an opaque directory hides what they have. */
export async function unpackLayer(
  archive: AsyncIterable<Uint8Array>,
  directory: string,
  below: string[],
  limits: TarLimits = layerLimits,
): Promise<void> {
  const root = new LayeredRoot([{ at: "/", directories: [directory] }]);
  const lower = below.length > 0 ? new LayeredRoot([{ at: "/", directories: below }]) : undefined;
  const owner = process.getuid?.() === 0;
  const nodes: { path: string; kind: "c" | "b" | "p"; major: number; minor: number }[] = [];
  const opaque: string[] = [];
  const times: { path: string; mtime: number }[] = [];
  await readTar(archive, limits, async (entry, content) => {
    const path = posix.normalize(`/${entry.path}`);
    if (path === "/") return;
    if (entry.path.split("/").includes("..")) {
      throw new RuntimeError("InvalidImage", `the layer's entry "${entry.path}" leaves the image`);
    }
    const parent = ensureParent(root, directory, posix.dirname(path));
    const name = posix.basename(path);
    if (name === ".wh..wh..opq") return void opaque.push(posix.dirname(path));
    if (name.startsWith(".wh.")) {
      const hidden = name.slice(4);
      if (hidden === "" || hidden === "." || hidden === "..")
        throw new RuntimeError("InvalidImage", `bad whiteout ${path}`);
      rmSync(join(parent, hidden), { recursive: true, force: true });
      return void nodes.push({ path: join(parent, hidden), kind: "c", major: 0, minor: 0 });
    }
    const target = join(parent, name);
    const kind = { character: "c", block: "b", fifo: "p" }[entry.type as string] as "c" | "b" | "p" | undefined;
    if (kind) {
      rmSync(target, { recursive: true, force: true });
      if (owner || kind === "p") nodes.push({ path: target, kind, major: entry.major, minor: entry.minor });
      return;
    }
    await place(entry, target, root, content);
    // A hard link is another name of what has its owner and mode already.
    if (entry.type === "link") return;
    if (owner) lchownSync(target, entry.uid, entry.gid);
    // After chown, which clears the set-id bits.
    if (entry.type === "file" || entry.type === "directory") chmodSync(target, entry.mode);
    times.push({ path: target, mtime: entry.mtime });
  });
  if (lower) for (const path of opaque) nodes.push(...hideAll(path, root, lower));
  await makeNodes(nodes);
  for (const { path, mtime } of times.reverse()) {
    if (lstatSync(path, { throwIfNoEntry: false })) lutimesSync(path, mtime, mtime);
  }
}

/** Links on the way are followed inside the layer alone; what is missing becomes a directory. */
function ensureParent(root: LayeredRoot, directory: string, path: string): string {
  const found = root.locate(path);
  if (found.stat?.isDirectory()) return found.host;
  if (found.stat) throw new RuntimeError("InvalidImage", `${path} is not a directory, yet has entries`);
  const host = join(directory, found.path);
  mkdirSync(host, { recursive: true, mode: 0o755 });
  return host;
}

async function place(
  entry: TarEntry,
  target: string,
  root: LayeredRoot,
  content: AsyncIterable<Uint8Array>,
): Promise<void> {
  const there = lstatSync(target, { throwIfNoEntry: false });
  if (entry.type === "directory") {
    if (there?.isDirectory()) return;
    if (there) rmSync(target, { force: true });
    mkdirSync(target, { mode: 0o755 });
    return;
  }
  if (there) rmSync(target, { recursive: true, force: true });
  if (entry.type === "symlink") return symlinkSync(entry.linkTarget, target);
  if (entry.type === "link") {
    const source = root.locate(posix.dirname(posix.normalize(`/${entry.linkTarget}`)));
    const path = join(source.host, posix.basename(entry.linkTarget));
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (!stat || stat.isDirectory()) throw new RuntimeError("InvalidImage", `link to missing ${entry.linkTarget}`);
    return linkSync(path, target);
  }
  await pipeline(content, createWriteStream(target, { flags: "wx", mode: 0o600 }));
}

function hideAll(path: string, root: LayeredRoot, lower: LayeredRoot) {
  const here = root.locate(path);
  const below = lower.locate(path);
  if (!here.stat?.isDirectory() || !below.stat?.isDirectory()) return [];
  const own = new Set(readdirSync(here.host));
  const hidden = lower.list(path).filter((name) => !own.has(name));
  return hidden.map((name) => ({ path: join(here.host, name), kind: "c" as const, major: 0, minor: 0 }));
}

async function makeNodes(
  nodes: { path: string; kind: "c" | "b" | "p"; major: number; minor: number }[],
): Promise<void> {
  const script =
    'while [ $# -gt 0 ]; do if [ "$2" = p ]; then mknod "$1" p; else mknod "$1" "$2" "$3" "$4"; fi || exit 1; shift 4; done';
  for (let at = 0; at < nodes.length; at += 250) {
    const words = nodes
      .slice(at, at + 250)
      .flatMap(({ path, kind, major, minor }) => [path, kind, `${major}`, `${minor}`]);
    await mustRun("/bin/sh", ["-c", script, "nodes", ...words]);
  }
}
