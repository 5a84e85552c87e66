// A few random workflows, in peace and under kill -9 of the platform; testing/chaos/run.ts does so with hundreds.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { differences, perform } from "@capstan/testing/chaos";

const skip = process.getuid?.() === 0 ? false : "traces on the node need root";

test("workflows come to the same under kill -9, run nothing twice, and leave nothing", { skip }, async (t) => {
  const root = mkdtempSync(join(tmpdir(), "capstan-chaos-"));
  const tell = (line: string) => t.diagnostic(line);
  const common = { seed: 3, count: 3, pauseMs: 2000, tell, signal: t.signal };
  try {
    const calm = await perform({ ...common, directory: join(root, "calm"), kills: 0 });
    const disturbed = await perform({ ...common, directory: join(root, "disturbed"), kills: 1 });
    assert.deepEqual([...calm.problems, ...disturbed.problems], []);
    assert.equal(calm.results.size, 3);
    assert.deepEqual(differences(calm.results, disturbed.results), []);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
});
