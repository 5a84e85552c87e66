import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { claimDataDirectory, locateDataDirectory, lockDataDirectory } from "./data-directory.ts";

const fresh = () => locateDataDirectory(mkdtempSync(join(tmpdir(), "capstan-data-")));

test("an empty directory is claimed, and claimed again", () => {
  const directory = fresh();
  claimDataDirectory(directory);
  claimDataDirectory(directory);
  assert.equal(readFileSync(directory.path("capstan.json"), "utf8"), '{"format":1}\n');
});

test("somebody else's directory is refused and left as it was", () => {
  const directory = fresh();
  writeFileSync(directory.path("thesis.tex"), "");
  assert.throws(() => claimDataDirectory(directory), /is not a data directory of Capstan: it holds thesis\.tex/);
});

test("a newer format is refused", () => {
  const directory = fresh();
  writeFileSync(directory.path("capstan.json"), '{"format":9}');
  assert.throws(() => claimDataDirectory(directory), /says format 9, this Capstan reads 1/);
});

test("a file in the directory's place is refused", () => {
  const file = join(fresh().root, "file");
  writeFileSync(file, "");
  assert.throws(() => claimDataDirectory(locateDataDirectory(join(file, "data"))), /choose another with --data-dir/);
});

test("a live process keeps others out by name; a dead one does not", () => {
  const directory = fresh();
  {
    using _lock = lockDataDirectory(directory);
    assert.throws(() => lockDataDirectory(directory), new RegExp(`in use by process ${process.pid}`));
  }
  const { pid } = spawnSync("true");
  writeFileSync(directory.path("lock"), `${pid} 1\n`);
  lockDataDirectory(directory)[Symbol.dispose]();
});
