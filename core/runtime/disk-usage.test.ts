import assert from "node:assert/strict";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { diskUsage } from "./disk-usage.ts";

test("blocks of a tree, each file once, no links followed, and no more than the limit", async () => {
  const root = mkdtempSync(join(tmpdir(), "capstan-usage-"));
  try {
    mkdirSync(join(root, "a/b"), { recursive: true });
    const empty = await diskUsage(root);
    assert.equal(empty.entries, 3);
    writeFileSync(join(root, "a/b/file"), Buffer.alloc(1 << 20, 1));
    linkSync(join(root, "a/b/file"), join(root, "again"));
    symlinkSync("/usr", join(root, "away"));
    const full = await diskUsage(root);
    assert.ok(full.bytes - empty.bytes >= 1 << 20 && full.bytes - empty.bytes < (1 << 20) + 65_536, String(full.bytes));
    assert.deepEqual([full.entries, full.complete], [5, true]);
    assert.equal((await diskUsage(root, 2)).complete, false);
    assert.deepEqual(await diskUsage(join(root, "none")), { bytes: 0, entries: 0, complete: true });
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
