// What every store that keeps trees is asked, whichever it is.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { ArtifactLocation } from "@capstan/api/kinds/workflow";
import {
  deleteArtifact,
  listArtifact,
  loadArtifact,
  openStore,
  type StoreResources,
  saveArtifact,
} from "@capstan/core/artifacts";
import { openDesk } from "./programs.ts";

export const { signal } = new AbortController();

/** Secrets by `name/key`. */
export const resources = (secrets: Record<string, string> = {}): StoreResources => ({
  secret: async (name, key) => secrets[`${name}/${key}`],
  env: {},
  readText: async (path) => readFileSync(path, "utf8"),
});

export async function tryStore(place: (key: string) => ArtifactLocation, given: StoreResources): Promise<void> {
  const desk = openDesk("tree");
  const [tree, out] = [join(desk, "tree"), join(desk, "out")];
  mkdirSync(join(tree, "sub/deep"), { recursive: true });
  writeFileSync(join(tree, "a ü.txt"), "A");
  writeFileSync(join(tree, "sub/deep/b"), Buffer.alloc(30 * 2 ** 20, "b"));
  writeFileSync(join(tree, "sub/empty"), "");
  for (const [i, archive] of [undefined, { none: {} }, { zip: {} }, { tar: { compressionLevel: 0 } }].entries()) {
    const location = { ...place(`k/${i}`), ...(archive ? { archive } : {}) };
    assert.equal(await loadArtifact(location, out, given, signal), false);
    await saveArtifact(location, tree, "tree", given, signal);
    assert.equal(await loadArtifact(location, out, given, signal), true);
    assert.equal(readFileSync(join(out, "a ü.txt"), "utf8"), "A");
    assert.equal(readFileSync(join(out, "sub/deep/b")).length, 30 * 2 ** 20);
    assert.equal(readFileSync(join(out, "sub/empty"), "utf8"), "");
    const isTree = archive !== undefined && "none" in archive;
    assert.equal((await listArtifact(location, given, signal)).length, isTree ? 3 : 1);
    using opened = await openStore(location, given, signal);
    assert.equal((await opened.store.stat(opened.key))?.kind, isTree ? "directory" : "file");
    await deleteArtifact(location, given, signal);
    assert.deepEqual(await listArtifact(location, given, signal), []);
    rmSync(out, { recursive: true });
  }
}
