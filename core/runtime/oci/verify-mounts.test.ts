import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { verifyMounts } from "./verify-mounts.ts";

const skip = process.getuid?.() === 0 ? undefined : "mounting needs root";

test("a mount outside the root, or of another file, is seen", { skip }, async () => {
  const base = mkdtempSync(join(tmpdir(), "capstan-verify-"));
  for (const name of ["root/v", "meant", "other", "outside"]) mkdirSync(join(base, name), { recursive: true });
  const script = `mount --bind ${base}/other ${base}/root/v; echo; read x; mount --bind ${base}/other ${base}/outside; echo; read x`;
  const child = spawn("unshare", ["--mount", "sh", "-c", script], { stdio: ["pipe", "pipe", "inherit"] });
  try {
    await once(child.stdout, "data");
    const expect = (name: string) => {
      const { dev, ino } = statSync(join(base, name));
      return [{ hostPath: join(base, name), containerPath: "/v", expect: { dev, ino } }];
    };
    const look = (mounts = expect("other")) =>
      verifyMounts({ pid: child.pid ?? 0, before: process.pid, root: join(base, "root"), mounts });
    look();
    assert.throws(() => look(expect("meant")), /what is mounted at \/v was exchanged meanwhile/);
    child.stdin.write("\n");
    await once(child.stdout, "data");
    assert.throws(() => look(), /a mount went to .*\/outside, outside of the container's root/);
  } finally {
    child.kill();
    await once(child, "close");
    rmSync(base, { recursive: true, force: true });
  }
});
