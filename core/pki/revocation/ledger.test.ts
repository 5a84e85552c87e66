import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Revocation, readLedger, revoke } from "./ledger.ts";

const entry = (serial: string): Revocation => ({ serial, reason: "superseded", at: "2030-01-01T00:00:00Z" });

test("a line that a kill cut off goes, and those after it count", () => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-ledger-"));
  const path = join(directory, "revoked");
  assert.equal(revoke(path, entry("1")), true);
  appendFileSync(path, JSON.stringify(entry("2")).slice(0, 9));
  assert.deepEqual(readLedger(path), [entry("1")]);
  assert.equal(revoke(path, entry("3")), true);
  assert.equal(revoke(path, entry("3")), false);
  assert.deepEqual(readLedger(path), [entry("1"), entry("3")]);
  appendFileSync(path, "{}x\n");
  assert.throws(() => readLedger(path), /line 3 is no revocation/);
  rmSync(directory, { recursive: true });
});
