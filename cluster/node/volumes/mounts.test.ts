import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { checkHostPath } from "./host-path.ts";
import { mountsOf } from "./mounts.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-mounts-"));
after(() => rmSync(directory, { recursive: true, force: true }));

test("subPaths stay in their volume", () => {
  const volume = join(directory, "volume");
  mkdirSync(join(volume, "sub"), { recursive: true });
  symlinkSync("/etc", join(volume, "out"));
  symlinkSync("sub", join(volume, "in"));
  const volumes = new Map([["v", { hostPath: volume, readOnly: false }]]);
  const at = (subPath: string, subPathExpr?: string) => {
    const volumeMounts = [{ name: "v", mountPath: "/m", subPath, subPathExpr }];
    return mountsOf({ name: "c", volumeMounts }, volumes, (text) => text.replace("$(X)", "sub"))[0]?.hostPath;
  };
  assert.equal(at("in"), join(volume, "sub"));
  assert.equal(at("", "$(X)"), join(volume, "sub"));
  assert.equal(at("new/deep"), join(volume, "new/deep"));
  assert.ok(statSync(join(volume, "new/deep")).isDirectory());
  assert.throws(() => at("../x"), /must be relative and must not contain ".."/);
  assert.throws(() => at("out/passwd"), /leaves its volume/);
  assert.throws(
    () => mountsOf({ name: "c", volumeMounts: [{ name: "w", mountPath: "/" }] }, volumes, String),
    /volume "w" is not mounted/,
  );
});

test("a hostPath is made or checked by its type", () => {
  const path = join(directory, "host");
  assert.throws(() => checkHostPath(path, "Directory"), /hostPath type check failed: .* is not a directory/);
  checkHostPath(path, "DirectoryOrCreate");
  checkHostPath(path, "Directory");
  assert.throws(() => checkHostPath(path, "File"), /is not a file/);
  checkHostPath(join(path, "file"), "FileOrCreate");
  checkHostPath(join(path, "file"), "File");
  checkHostPath("/dev/null", "CharDevice");
  assert.throws(() => checkHostPath("/dev/null", "Socket"), /is not a socket file/);
  assert.throws(() => checkHostPath(path, "Other"), /hostPath type "Other" is not known/);
  assert.throws(() => checkHostPath("/a/../etc", ""), /must be absolute/);
});
