import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { packImage } from "./pack.ts";

const directory = mkdtempSync(join(tmpdir(), "pack-"));
after(() => rmSync(directory, { recursive: true, force: true }));

const sha = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

test("a root becomes an image that its documents describe, the same for the same root", async () => {
  const root = join(directory, "root");
  mkdirSync(join(root, "bin"), { recursive: true });
  writeFileSync(join(root, "bin/argoexec"), "program");
  chmodSync(join(root, "bin/argoexec"), 0o755);
  const pack = (work: string) =>
    packImage({
      root,
      work: join(directory, work),
      output: join(directory, `${work}.tar`),
      name: "capstan/executor:1",
    });
  const first = await pack("first");
  utimesSync(join(root, "bin/argoexec"), 1, 1);
  assert.equal((await pack("second")).digest, first.digest);

  const layout = join(directory, "layout");
  mkdirSync(layout);
  assert.equal(spawnSync("tar", ["-xf", join(directory, "first.tar"), "-C", layout]).status, 0);
  const blob = (digest: string) => readFileSync(join(layout, "blobs/sha256", digest.slice(7)));
  const document = (digest: string) => JSON.parse(blob(digest).toString());
  for (const name of readdirSync(join(layout, "blobs/sha256")))
    assert.equal(sha(blob(`sha256:${name}`)), `sha256:${name}`);
  const [top] = JSON.parse(readFileSync(join(layout, "index.json"), "utf8")).manifests;
  assert.equal(top.digest, first.digest);
  assert.equal(top.annotations["io.containerd.image.name"], "docker.io/capstan/executor:1");
  const { config, layers } = document(top.digest);
  const plain = gunzipSync(blob(layers[0].digest));
  assert.deepEqual(document(config.digest).rootfs.diff_ids, [sha(plain)]);
  assert.deepEqual(document(config.digest).config.Entrypoint, ["argoexec"]);
  const listed = spawnSync("tar", ["-tvf", "-"], { input: plain, encoding: "utf8" }).stdout;
  assert.match(listed, /-rwxr-xr-x 0\/0 +7 .* \.\/bin\/argoexec/);
});
