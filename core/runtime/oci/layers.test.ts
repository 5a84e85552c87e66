import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { LayeredRoot } from "./layers.ts";

let directory: string;
let root: LayeredRoot;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-layers-"));
  for (const path of ["upper/etc", "lower/etc", "lower/var/lib", "volume/sub"])
    mkdirSync(join(directory, path), { recursive: true });
  writeFileSync(join(directory, "lower/etc/a"), "lower");
  writeFileSync(join(directory, "upper/etc/b"), "upper");
  symlinkSync("/etc", join(directory, "lower/var/absolute"));
  symlinkSync("../../../../etc", join(directory, "lower/var/outside"));
  symlinkSync("loop", join(directory, "lower/loop"));
  root = new LayeredRoot([{ at: "/", directories: [join(directory, "upper"), join(directory, "lower")] }]);
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test("a path is found in the upper-most layer that has it", () => {
  assert.equal(root.locate("/etc/a").host, join(directory, "lower/etc/a"));
  assert.equal(root.locate("/etc/b").host, join(directory, "upper/etc/b"));
  assert.equal(root.locate("/etc/none").stat, undefined);
  assert.equal(root.locate("/etc/none").host, join(directory, "upper/etc/none"));
  assert.deepEqual(root.list("/etc").sort(), ["a", "b"]);
});

test("links never lead out of the root", () => {
  assert.equal(root.locate("/var/absolute/a").path, "/etc/a");
  assert.equal(root.locate("/var/outside/a").path, "/etc/a");
  assert.equal(root.locate("/../../etc/a").path, "/etc/a");
  assert.throws(() => root.locate("/loop"), /more than 40 links/);
});

test("a mount hides what is below it", () => {
  root.add({ at: "/var/lib", directories: [join(directory, "volume")] });
  assert.equal(root.locate("/var/lib/sub").host, join(directory, "volume/sub"));
  assert.equal(root.locate("/var/lib").host, join(directory, "volume"));
});

test("mount points are made in the upper layer, behind links, with the modes below", () => {
  statSync(join(directory, "lower/var"));
  assert.equal(root.makeMountPoint("/var/absolute/deep/point", "directory"), "/etc/deep/point");
  assert.ok(statSync(join(directory, "upper/etc/deep/point")).isDirectory());
  assert.equal(root.makeMountPoint("/var/lib/file", "file"), "/var/lib/file");
  assert.ok(statSync(join(directory, "upper/var/lib/file")).isFile());
  assert.throws(
    () => root.makeMountPoint("/etc/a", "directory"),
    /cannot mount a directory over \/etc\/a, which is a file/,
  );
});

test("a layer's link or file hides what lower layers have there", () => {
  const [hidden, lower] = [join(directory, "hidden"), join(directory, "lower")];
  mkdirSync(join(hidden, "a"), { recursive: true });
  mkdirSync(join(directory, "upper/a"));
  mkdirSync(join(lower, "b"));
  mkdirSync(join(directory, "upper/b"));
  writeFileSync(join(hidden, "b"), "a file in the middle");
  writeFileSync(join(lower, "b/below"), "");
  symlinkSync("/etc", join(lower, "a"));
  root = new LayeredRoot([{ at: "/", directories: [join(directory, "upper"), hidden, lower] }]);
  assert.equal(root.locate("/a/passwd").stat, undefined, "not the node's own /etc");
  assert.equal(root.locate("/b/below").stat, undefined);
  assert.deepEqual(root.list("/b"), []);
});
