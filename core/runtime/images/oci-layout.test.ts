import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { silent } from "@capstan/base/log";
import { digestOf, makeImage, makeIndex, type TestImageOptions, writeLayout } from "@capstan/testing/registry";
import { Images } from "./service.ts";

const skip = process.getuid?.() === 0 ? undefined : "device nodes of whiteouts need root";
let directory: string;
let images: Images;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "capstan-layout-"));
  images = await open();
});
afterEach(async () => {
  await images.close();
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<Images> {
  const made = new Images({
    directory: join(directory, "images"),
    builtin: [],
    mappings: [
      { pattern: "test:*", rootfs: join(directory, "layout") },
      { pattern: "other", rootfs: join(directory, "layout"), cmd: ["mapped"], env: { B: "2" } },
    ],
    inProcess: [],
    inUse: () => [],
    log: silent,
  });
  await made.open();
  return made;
}

function layout(options: TestImageOptions): void {
  rmSync(join(directory, "layout"), { recursive: true, force: true });
  writeLayout(join(directory, "layout"), makeImage(options));
}

async function layersOf(options: TestImageOptions): Promise<string[]> {
  layout(options);
  await images.pullImage("test:1");
  const { root } = images.find("test:1") ?? assert.fail();
  return root.kind === "layers" ? root.layers : [];
}

const stored = () => readdirSync(join(directory, "images/layers")).filter((name) => !name.endsWith(".json"));

test("settings are read, layers shared, and the map's own words count", async () => {
  const base = [{ path: "base", content: "b" }];
  const Config = { Entrypoint: ["/bin/x"], Cmd: ["a"], Env: ["A=1=2"], WorkingDir: "/w", User: "7" };
  const config = { ...Config, Volumes: { "/data": {} }, StopSignal: "SIGQUIT" };
  await layersOf({ layers: [base, [{ path: "one", content: "1" }]], config });
  const { id: _, names, root: __, digests: ___, size, ...settings } = images.find("test:1") ?? assert.fail();
  assert.deepEqual(settings, {
    entrypoint: ["/bin/x"],
    cmd: ["a"],
    env: { A: "1=2" },
    workingDir: "/w",
    user: "7",
    volumes: ["/data"],
    stopSignal: "SIGQUIT",
  });
  assert.deepEqual([names, size], [["docker.io/library/test:1"], 2]);
  layout({ layers: [base, [{ path: "two", content: "2" }]], config });
  await images.pullImage("other");
  assert.deepEqual(images.find("other")?.cmd, ["mapped"]);
  assert.deepEqual(images.find("other")?.env, { A: "1=2", B: "2" });
  assert.equal(stored().length, 3, "the base is there once");
});

test("an image is whole after a restart; its layers go with its last name", async () => {
  await layersOf({ layers: [[{ path: "a", content: "1" }]] });
  const { id } = images.find("test:1") ?? assert.fail();
  mkdirSync(join(directory, "images/layers", `${"0".repeat(16)}.cut-off`));
  await images.close();
  images = await open();
  assert.equal(images.imageStatus(id)?.size, 1);
  assert.equal(images.find("test:1"), undefined, "the directory may have changed: it is read again");
  assert.equal(stored().length, 1, "what was left half done is gone");
  await images.removeImage(id);
  assert.deepEqual([images.imageStatus(id), stored()], [undefined, []]);
});

test("whiteouts, opaque directories and unnamed parents as an overlay shows them", { skip }, async () => {
  const layers = await layersOf({
    layers: [
      [
        { path: "a/one", content: "1" },
        { path: "a/two", content: "2" },
        { path: "b/sub/old", content: "" },
        { path: "b/old", content: "" },
        { path: "tmp", type: "5", mode: 0o1777 },
        { path: "again/old", content: "" },
      ],
      [{ path: ".wh.again" }],
      [
        { path: "a/.wh.one" },
        { path: "b/.wh..wh..opq" },
        { path: "b/sub/new", content: "" },
        { path: "tmp/file", content: "" },
        { path: "again/new", content: "" },
      ],
    ],
  });
  const mounted = join(directory, "mounted");
  mkdirSync(mounted);
  const script = `mount -t overlay overlay -o lowerdir=${layers.join(":")} ${mounted} && cd ${mounted} && find . -type f && stat -c %a tmp`;
  const { stdout, stderr } = spawnSync("unshare", ["--mount", "sh", "-c", script], { encoding: "utf8" });
  const found = stdout.trim().split("\n").sort();
  assert.deepEqual(found, ["./a/two", "./again/new", "./b/sub/new", "./tmp/file", "1777"], stderr);
});

test("a layer that is there twice and an image without layers make roots", async () => {
  const same = [{ path: "a", content: "1" }];
  assert.equal((await layersOf({ layers: [same, [{ path: "b", content: "" }], same] })).length, 2);
  const [empty = "", ...none] = await layersOf({ layers: [] });
  assert.deepEqual([readdirSync(empty), none], [[], []]);
});

test("what is not as it says is refused and leaves nothing", async () => {
  const layers = [[{ path: "a", content: "x" }]];
  const refused = async (message: RegExp) => {
    await assert.rejects(images.pullImage("test:1"), message);
    assert.deepEqual([stored(), images.find("test:1")], [[], undefined]);
  };
  layout({ layers, diffs: [digestOf("other")] });
  await refused(/the layer's content is not sha256:/);
  layout({ layers, diffs: [] });
  await refused(/1 layers but 0 diff_ids/);
  layout({ layers, architecture: "sparc" });
  await refused(/no match for platform in manifest: it is for linux\/sparc, and this machine is linux\//);
  layout({ layers });
  for (const name of readdirSync(join(directory, "layout/blobs/sha256")))
    writeFileSync(join(directory, "layout/blobs/sha256", name), "{}");
  await refused(/has another digest/);
  layout({ layers: [[{ path: "../x", content: "!" }]] });
  await refused(/leaves the image/);
  assert.ok(!existsSync(join(directory, "images/layers/x")));
});

test("of an index the machine's image is taken", async () => {
  const layers = (content: string) => [[{ path: "a", content }]];
  const other = makeImage({ layers: layers("not mine"), architecture: "sparc" });
  writeLayout(join(directory, "layout"), makeIndex([other, makeImage({ layers: layers("mine") })]));
  await images.pullImage("test:1");
  const { root } = images.find("test:1") ?? assert.fail();
  assert.equal(lstatSync(join(root.kind === "layers" ? (root.layers[0] ?? "") : "", "a")).size, 4);
  writeLayout(join(directory, "layout"), makeIndex([other]));
  await assert.rejects(images.pullImage("test:2"), /it is for linux\/sparc/);
});
