import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { silent } from "@capstan/base/log";
import { watchDirectory } from "./watch-directory.ts";

test("a directory is watched before it is there, after it went and came back, and inside", async () => {
  const root = mkdtempSync(join(tmpdir(), "capstan-watch-"));
  const stop = new AbortController();
  const path = join(root, "a/b");
  let changed = Promise.withResolvers<void>();
  watchDirectory(path, () => changed.resolve(), silent, stop.signal);
  const after = async (act: () => void) => {
    changed = Promise.withResolvers<void>();
    act();
    await changed.promise;
  };
  try {
    await after(() => mkdirSync(path, { recursive: true }));
    await after(() => writeFileSync(join(path, "file"), ""));
    await after(() => mkdirSync(join(path, "inside")));
    await after(() => writeFileSync(join(path, "inside/driver"), ""));
    await after(() => rmSync(path, { recursive: true }));
    await after(() => mkdirSync(path));
    await after(() => writeFileSync(join(path, "again"), ""));
  } finally {
    stop.abort();
    rmSync(root, { recursive: true, force: true });
  }
  assert.ok(stop.signal.aborted);
});
