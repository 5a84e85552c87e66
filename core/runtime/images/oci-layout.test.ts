import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { gzipSync } from "node:zlib";
import { unpackLayout } from "./oci-layout.ts";

const skip = process.getuid?.() === 0 ? undefined : "device nodes of whiteouts need root";
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-oci-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

interface Entry {
  path: string;
  type?: "0" | "1" | "2" | "5";
  content?: string;
  link?: string;
  mode?: number;
}

function tar(entries: Entry[]): Buffer {
  const blocks = entries.flatMap(({ path, type = "0", content = "", link = "", mode = 0o644 }) => {
    const head = Buffer.alloc(512);
    const octal = (value: number, at: number, size: number) =>
      head.write(`${value.toString(8).padStart(size - 1, "0")}\0`, at);
    head.write(path, 0);
    octal(mode, 100, 8);
    octal(0, 108, 8);
    octal(0, 116, 8);
    octal(content.length, 124, 12);
    octal(0, 136, 12);
    head.write("        ", 148);
    head.write(type, 156);
    head.write(link, 157);
    head.write("ustar\x0000", 257);
    octal(
      head.reduce((sum, byte) => sum + byte, 0),
      148,
      7,
    );
    const body = Buffer.alloc(Math.ceil(content.length / 512) * 512);
    body.write(content);
    return [head, body];
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

const digest = (bytes: Buffer | string) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** @param wrong a digest that the manifest is to lie about. */
function layout(layers: Entry[][], wrong?: "layer" | "diff"): string {
  const root = join(directory, "image");
  mkdirSync(join(root, "blobs/sha256"), { recursive: true });
  const put = (bytes: Buffer | string, mediaType: string) => {
    writeFileSync(join(root, "blobs/sha256", digest(bytes).slice(7)), bytes);
    return { mediaType, digest: digest(bytes), size: bytes.length };
  };
  const archives = layers.map(tar);
  const packed = archives.map((bytes) => put(gzipSync(bytes), "application/vnd.oci.image.layer.v1.tar+gzip"));
  const [first] = packed;
  if (wrong === "layer" && first) writeFileSync(join(root, "blobs/sha256", first.digest.slice(7)), gzipSync(tar([])));
  const diff_ids = archives.map((bytes) => (wrong === "diff" ? digest("other") : digest(bytes)));
  const settings = { Entrypoint: ["/bin/x"], Cmd: ["a"], Env: ["A=1=2"], WorkingDir: "/w", User: "7" };
  const config = put(
    JSON.stringify({ config: settings, rootfs: { type: "layers", diff_ids } }),
    "application/vnd.oci.image.config.v1+json",
  );
  const manifest = put(JSON.stringify({ config, layers: packed }), "application/vnd.oci.image.manifest.v1+json");
  writeFileSync(join(root, "index.json"), JSON.stringify({ manifests: [manifest] }));
  writeFileSync(join(root, "oci-layout"), '{"imageLayoutVersion":"1.0.0"}');
  return root;
}

const unpack = (root: string) => unpackLayout(root, "test:1", join(directory, "layers"));
const layersOf = async (root: string) => {
  const image = await unpack(root);
  assert.equal(image.root.kind, "layers");
  return image.root.kind === "layers" ? image.root.layers : [];
};

test("layers are unpacked, settings read, and both used again", { skip }, async () => {
  const root = layout([
    [
      { path: "bin/", type: "5", mode: 0o755 },
      { path: "bin/x", content: "program", mode: 0o4755 },
      { path: "bin/y", type: "2", link: "/bin/x" },
      { path: "bin/z", type: "1", link: "bin/x" },
    ],
    [{ path: "deep/er/file", content: "made its parents" }],
  ]);
  const image = await unpack(root);
  assert.deepEqual(
    [image.entrypoint, image.cmd, image.env, image.workingDir, image.user],
    [["/bin/x"], ["a"], { A: "1=2" }, "/w", "7"],
  );
  const [upper = "", lower = ""] = await layersOf(root);
  assert.equal(readFileSync(join(upper, "deep/er/file"), "utf8"), "made its parents");
  assert.equal(lstatSync(join(lower, "bin/x")).mode & 0o7777, 0o4755);
  assert.equal(readlinkSync(join(lower, "bin/y")), "/bin/x");
  assert.equal(lstatSync(join(lower, "bin/z")).ino, lstatSync(join(lower, "bin/x")).ino);
  assert.equal(readdirSync(join(directory, "layers")).length, 2);
});

test("whiteouts hide names below, opaque directories all of them", { skip }, async () => {
  const root = layout([
    [
      { path: "a/one", content: "1" },
      { path: "b/two", content: "2" },
      { path: "b/three", content: "3" },
    ],
    [{ path: "a/.wh.one" }, { path: "b/.wh..wh..opq" }, { path: "b/three", content: "new" }],
  ]);
  const [upper = ""] = await layersOf(root);
  const hides = (path: string) =>
    lstatSync(join(upper, path)).isCharacterDevice() && lstatSync(join(upper, path)).rdev === 0;
  assert.ok(hides("a/one") && hides("b/two") && !hides("b/three"));
});

test("hostile and broken archives are refused and leave nothing", { skip }, async () => {
  const secret = join(directory, "outside");
  mkdirSync(secret);
  const cases: [Entry[], RegExp][] = [
    [[{ path: "../outside/x", content: "!" }], /leaves the image/],
    [[{ path: "a", type: "1", link: "../../outside" }], /link to missing/],
    [
      [
        { path: "file", content: "x" },
        { path: "file/below", content: "y" },
      ],
      /is not a directory/,
    ],
  ];
  for (const [entries, message] of cases) {
    await assert.rejects(unpack(layout([entries])), message);
    rmSync(join(directory, "image"), { recursive: true });
  }
  // A link out of the layer is followed inside of it.
  const [layer = ""] = await layersOf(
    layout([
      [
        { path: "link", type: "2", link: secret },
        { path: "link/x", content: "!" },
      ],
    ]),
  );
  assert.ok(!existsSync(join(secret, "x")));
  assert.equal(readFileSync(join(layer, secret, "x"), "utf8"), "!");
  rmSync(join(directory, "image"), { recursive: true });
  rmSync(join(directory, "layers"), { recursive: true });
  await assert.rejects(unpack(layout([[{ path: "a" }]], "layer")), /has another digest|its content is not/);
  rmSync(join(directory, "image"), { recursive: true });
  await assert.rejects(unpack(layout([[{ path: "a" }]], "diff")), /its content is not/);
  assert.deepEqual(readdirSync(join(directory, "layers")), []);
});
