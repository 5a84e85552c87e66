import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DirectoryError, directoryUnder } from "./directory.ts";

test("finds directories inside a root, and nothing outside of it", async () => {
  const scratch = await mkdtemp(join(tmpdir(), "directory-"));
  const root = join(scratch, "root");
  await mkdir(join(root, "runs", "model"), { recursive: true });
  await mkdir(join(scratch, "root-of-another"));
  await writeFile(join(root, "file"), "");
  await symlink("/etc", join(root, "etc"));
  await symlink("../root-of-another", join(root, "neighbour"));
  await symlink("model", join(root, "runs", "latest"));
  try {
    assert.equal(await directoryUnder(root, "runs/model"), join(root, "runs/model"));
    assert.equal(await directoryUnder(root, "runs/latest"), join(root, "runs/model"));
    const cases: [string, RegExp][] = [
      ["../root-of-another", /not a path inside/],
      ["runs/../../root-of-another", /not a path inside/],
      ["/etc", /not a path inside/],
      ["", /not a path inside/],
      ["runs\0", /not a path inside/],
      ["etc", /leads out of/],
      ["neighbour", /leads out of/],
      ["absent", /is not in the repository/],
      ["file/x", /is not in the repository/],
      ["file", /is a file/],
    ];
    for (const [key, message] of cases) {
      await assert.rejects(
        directoryUnder(root, key),
        (error) => error instanceof DirectoryError && message.test(error.message),
      );
    }
  } finally {
    await rm(scratch, { recursive: true });
  }
});
