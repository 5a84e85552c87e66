import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
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
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type ArchiveEntry, digestOf, tar } from "@capstan/testing/registry";
import { layerLimits, unpackLayer } from "./unpack.ts";

const skip = process.getuid?.() === 0 ? undefined : "owners, device nodes and capabilities need root";
let directory: string;
let layer: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-layer-"));
  layer = join(directory, "layer");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function unpack(content: ArchiveEntry[] | Buffer, limits = {}, digest?: string) {
  const blob = join(directory, "blob");
  writeFileSync(blob, Buffer.isBuffer(content) ? content : tar(content));
  rmSync(layer, { recursive: true, force: true });
  mkdirSync(layer);
  return await unpackLayer({ blob, directory: layer, limits: { ...layerLimits, free: 0, ...limits }, digest });
}

const at = (path: string) => join(layer, path);

test("files, links and directories, with owners, modes and times", { skip }, async () => {
  const content = [
    { path: "./", type: "5", mode: 0o711 },
    { path: "bin/", type: "5", mode: 0o2755, gid: 8, mtime: 1_000_000 },
    { path: "bin/x", content: "program", mode: 0o4755, uid: 7, gid: 8, mtime: 1_500_000_000 },
    { path: "bin/y", type: "2", link: "/bin/x", uid: 3 },
    { path: "bin/z", type: "1", link: "bin/x" },
    { path: "bin/inherits", content: "" },
    { path: `deep/${"d".repeat(60)}/${"e".repeat(60)}/file`, content: "made its parents" },
    { path: "pipe", type: "6", mode: 0o622 },
    { path: "Főtanúsítvány", content: "utf-8" },
  ];
  const unpacked = await unpack(content);
  assert.equal(unpacked.diff, digestOf(tar(content)));
  assert.equal(lstatSync(layer).mode & 0o7777, 0o711);
  const program = lstatSync(at("bin/x"));
  assert.deepEqual([program.mode & 0o7777, program.uid, program.gid], [0o4755, 7, 8]);
  assert.equal(program.mtimeMs, 1_500_000_000_000);
  assert.equal(lstatSync(at("bin")).mtimeMs, 1_000_000_000, "a directory's time is that of its entry");
  assert.equal(readlinkSync(at("bin/y")), "/bin/x");
  assert.equal(lstatSync(at("bin/y")).uid, 3);
  assert.equal(lstatSync(at("bin/z")).ino, program.ino);
  assert.equal(lstatSync(at("bin/inherits")).gid, 0, "not the directory's group");
  assert.equal(readFileSync(at(content[6]?.path ?? ""), "utf8"), "made its parents");
  assert.ok(lstatSync(at("pipe")).isFIFO());
  assert.equal(readFileSync(at("Főtanúsítvány"), "utf8"), "utf-8");
  assert.deepEqual(unpacked.implicit.length, 3);
});

test("the packing is told by its first bytes, and its digest is checked", async () => {
  const archive = tar([{ path: "a", content: "1" }]);
  for (const packed of [archive, gzipSync(archive), zstdCompressSync(archive)]) {
    assert.equal((await unpack(packed, {}, digestOf(packed))).diff, digestOf(archive));
    assert.equal(readFileSync(at("a"), "utf8"), "1");
    await assert.rejects(unpack(packed, {}, digestOf("other")), /has another digest/);
  }
  await assert.rejects(unpack(gzipSync(archive).subarray(0, 40)), /cannot be unpacked|breaks off/);
  await assert.rejects(unpack(archive.subarray(0, 700)), /breaks off/);
  await assert.rejects(unpack(Buffer.from("no archive at all".repeat(100))), /wrong sum/);
});

test("whiteouts are devices 0/0; what the layer has itself they do not hide", { skip }, async () => {
  const unpacked = await unpack([
    { path: "a/.wh.gone", content: "" },
    { path: "b/.wh..wh..opq", content: "" },
    { path: "b/new", content: "" },
    { path: "c/kept", content: "" },
    { path: ".wh.c", content: "" },
    { path: ".wh.file", content: "" },
    { path: "file", content: "" },
    { path: ".wh..wh.plnk", content: "aufs" },
  ]);
  const hidden = lstatSync(at("a/gone"));
  assert.ok(hidden.isCharacterDevice() && hidden.rdev === 0);
  assert.deepEqual(unpacked.opaque.sort(), ["b", "c"]);
  assert.ok(lstatSync(at("file")).isFile());
  assert.deepEqual(readdirSync(layer).sort(), ["a", "b", "c", "file"]);
});

test("a later entry replaces an earlier one", async () => {
  await unpack([
    { path: "x", type: "2", link: "/etc/passwd" },
    { path: "x", content: "file" },
    { path: "d/file", content: "" },
    { path: "d", content: "now a file" },
    { path: "e", type: "2", link: "d" },
    { path: "e/", type: "5" },
    { path: "e/inside", content: "" },
  ]);
  assert.ok(lstatSync(at("x")).isFile());
  assert.equal(readFileSync(at("d"), "utf8"), "now a file");
  assert.ok(lstatSync(at("e/inside")).isFile());
});

test("file capabilities and user attributes are kept, an overlay's own are not", { skip }, async () => {
  const capability = Buffer.from("0100000200200000000000000000000000000000", "hex").toString("base64");
  await unpack([
    { path: "ping", content: "p", mode: 0o755, uid: 5, attributes: { "security.capability": capability } },
    { path: "other", type: "1", link: "ping" },
    { path: "dir", type: "5", mode: 0o750, attributes: { "trusted.overlay.opaque": "eQ==", "user.note": "aGk=" } },
  ]);
  const shown = execFileSync("tar", ["-C", layer, "--xattrs", "--xattrs-include=*", "-c", "."], { encoding: "latin1" });
  assert.match(shown, /SCHILY\.xattr\.security\.capability=/);
  assert.match(shown, /user\.note=hi/);
  assert.doesNotMatch(shown, /trusted\.overlay/);
  assert.equal(readFileSync(at("ping"), "utf8"), "p");
  assert.deepEqual([lstatSync(at("ping")).uid, lstatSync(at("ping")).mode & 0o7777], [5, 0o755]);
  assert.equal(lstatSync(at("ping")).ino, lstatSync(at("other")).ino);
});

test("nothing leaves the layer", { skip }, async () => {
  const outside = join(directory, "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "secret"), "secret");
  const refused: [ArchiveEntry[], RegExp][] = [
    [[{ path: "../outside/x", content: "!" }], /leaves the image/],
    [[{ path: "a/../../outside/x", content: "!" }], /leaves the image/],
    [[{ path: "a", type: "1", link: "../outside/secret" }], /leaves the image/],
    [[{ path: "a", type: "1", link: "/etc/passwd" }], /hard link to missing/],
    [
      [
        { path: "up", type: "2", link: ".." },
        { path: "a", type: "1", link: "up/outside/secret" },
      ],
      /hard link to missing/,
    ],
    [
      [
        { path: "file", content: "x" },
        { path: "file/below", content: "y" },
      ],
      /is not a directory, yet has entries/,
    ],
    [
      [
        { path: "loop", type: "2", link: "loop" },
        { path: "loop/x", content: "" },
      ],
      /more than 40 links/,
    ],
    [[{ path: ".wh..." }, { path: ".wh.." }], /whiteout of/],
    [[{ path: "p/".repeat(3000), type: "5" }], /limit path = 4096/],
  ];
  for (const [entries, message] of refused) await assert.rejects(unpack(entries), message);
  // A link in the place of a directory whose mode, owner, whiteouts and more are still to be set.
  chmodSync(outside, 0o700);
  mkdirSync(join(outside, "dir"), { mode: 0o700 });
  await unpack([
    { path: "d", type: "5" },
    { path: "d/dir", type: "5", mode: 0o777, uid: 99, mtime: 1, attributes: { "user.a": "YQ==" } },
    { path: "d/.wh.gone" },
    { path: "d/dir/.wh..wh..opq" },
    { path: "d/pipe", type: "6" },
    { path: "d/secret", content: "x", mode: 0o777, attributes: { "user.a": "YQ==" } },
    { path: "d/other", type: "1", link: "d/secret" },
    { path: "d", type: "2", link: outside },
  ]);
  assert.deepEqual(readdirSync(outside).sort(), ["dir", "secret"]);
  const untouched = lstatSync(join(outside, "dir"));
  assert.deepEqual([untouched.mode & 0o7777, untouched.uid], [0o700, 0]);
  assert.equal(readFileSync(join(outside, "secret"), "utf8"), "secret");
  rmSync(join(outside, "dir"), { recursive: true });
  // Links are followed, inside.
  await unpack([
    { path: "absolute", type: "2", link: outside },
    { path: "absolute/x", content: "!" },
    { path: "up", type: "2", link: "../../../.." },
    { path: "up/y", content: "?" },
  ]);
  assert.deepEqual(readdirSync(outside), ["secret"]);
  assert.equal(readFileSync(at(`${outside}/x`), "utf8"), "!");
  assert.equal(readFileSync(at("y"), "utf8"), "?");
});

test("devices are left out, and said", async () => {
  const { notes } = await unpack([
    { path: "sda", type: "4" },
    { path: "null", type: "3" },
  ]);
  assert.deepEqual(notes, ["2 device nodes were left out"]);
  assert.ok(!existsSync(at("sda")));
});

test("bombs end at a limit that the error names", async () => {
  const zeros = gzipSync(tar([{ path: "zeros", content: Buffer.alloc(4 << 20) }]));
  await assert.rejects(unpack(zeros, { ratioFrom: 1 << 20 }), /limit ratio = 200/);
  const many = Array.from({ length: 20 }, (_, i) => ({ path: `f${i}`, content: "12345" }));
  await assert.rejects(unpack(many, { entries: 10 }), /limit entries = 10/);
  await assert.rejects(unpack(many, { bytes: 80 }), /limit bytes = 80/);
  await assert.rejects(unpack([{ path: "f", size: 2 ** 32 - 1 }], { bytes: 1 << 20 }), /limit bytes/);
  await assert.rejects(unpack([{ path: "x", type: "x", size: 1 << 30 }]), /limit headerBytes/);
  const large = tar([{ path: "large", content: Buffer.alloc(65 << 20) }]);
  await assert.rejects(unpack(large, { free: Number.MAX_SAFE_INTEGER }), /no space for images/);
});
