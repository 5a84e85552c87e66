// Repositories inside repositories: each at the commit that the one around it names.
import fs from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { StoreError } from "../store.ts";

export type Library = typeof import("isomorphic-git");
type Clone = (repo: string, dir: string, revision: string) => Promise<void>;

const depthLimit = 10;
const countLimit = 200;

/** Clones every submodule of a checkout, and theirs. Only over http and https. */
export async function loadSubmodules(
  library: Library,
  repo: string,
  dir: string,
  clone: Clone,
  depth = 0,
): Promise<void> {
  const modules = await declared(dir);
  if (modules.length === 0) return;
  if (depth >= depthLimit) throw new StoreError(`git: submodules are more than ${depthLimit} deep (limit depth)`);
  if (modules.length > countLimit) throw new StoreError(`git: more than ${countLimit} submodules (limit submodules)`);
  const head = await library.resolveRef({ fs, dir, ref: "HEAD" });
  for (const { path, url } of modules) {
    const commit = await pinned(library, dir, head, path);
    // The tree does not have it: a rest of the past.
    if (!commit) continue;
    const address = resolveUrl(repo, url);
    // The commit is in the tree, so its parents are directories of the checkout, and no links.
    const at = join(dir, path);
    await rm(at, { recursive: true, force: true });
    await clone(address, at, commit);
    await loadSubmodules(library, address, at, clone, depth + 1);
  }
}

async function declared(dir: string): Promise<{ path: string; url: string }[]> {
  let text: string;
  try {
    const found = await fs.promises.lstat(join(dir, ".gitmodules"));
    if (!found.isFile()) return [];
    text = await readFile(join(dir, ".gitmodules"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
  return text
    .split(/^\s*\[submodule [^\]]*\]/m)
    .slice(1)
    .flatMap((section) => {
      const field = (name: string) => new RegExp(`^\\s*${name}\\s*=\\s*"?(.*?)"?\\s*$`, "m").exec(section)?.[1] ?? "";
      const [path, url] = [field("path"), field("url")];
      const parts = path.split("/");
      const isSafe = path !== "" && parts.every((part) => !["", ".", "..", ".git"].includes(part.toLowerCase()));
      if (!isSafe) throw new StoreError(`git: the submodule path ${JSON.stringify(path)} is outside of the repository`);
      return [{ path, url }];
    });
}

/** The commit that a tree has at a path; undefined when it has something else there. */
async function pinned(library: Library, dir: string, oid: string, path: string): Promise<string | undefined> {
  const parts = path.split("/");
  const last = parts.pop() as string;
  let at = oid;
  for (const part of ["", ...parts]) {
    const { tree, oid: own } = await library.readTree({ fs, dir, oid: at });
    if (part === "") {
      at = own;
      continue;
    }
    const entry = tree.find((one) => one.path === part && one.type === "tree");
    if (!entry) return undefined;
    at = entry.oid;
  }
  const { tree } = await library.readTree({ fs, dir, oid: at });
  return tree.find((one) => one.path === last && one.type === "commit")?.oid;
}

function resolveUrl(repo: string, url: string): string {
  const full = /^\.\.?\//.test(url) ? new URL(url, `${repo.replace(/\/+$/, "")}/`).href : url;
  if (!/^https?:\/\//.test(full))
    throw new StoreError(`git: the submodule ${JSON.stringify(url)} is not over http or https; set disableSubmodules`);
  return full;
}
