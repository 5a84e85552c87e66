import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { contentDigest } from "./index.ts";

test("a file's digest is that of its bytes; a directory's that of all in it, whatever their times", async () => {
  const root = mkdtempSync(join(tmpdir(), "capstan-digest-"));
  const make = (name: string) => {
    const directory = join(root, name);
    mkdirSync(join(directory, "sub"), { recursive: true });
    writeFileSync(join(directory, "b"), "two");
    writeFileSync(join(directory, "sub", "a"), "one");
    symlinkSync("b", join(directory, "link"));
    return directory;
  };
  try {
    const [one, two] = [make("one"), make("two")];
    utimesSync(join(two, "b"), 1, 1);
    const sum = createHash("sha256").update("two").digest("hex");
    assert.equal(await contentDigest(join(one, "b")), `sha256:${sum}`);
    const same = await contentDigest(one);
    assert.equal(await contentDigest(two), same);
    chmodSync(join(two, "b"), 0o755);
    assert.notEqual(await contentDigest(two), same);
    chmodSync(join(two, "b"), 0o644);
    writeFileSync(join(two, "sub", "a"), "One");
    assert.notEqual(await contentDigest(two), same);
    const empty = join(root, "empty");
    mkdirSync(empty);
    assert.match(await contentDigest(empty), /^sha256:[0-9a-f]{64}$/);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
