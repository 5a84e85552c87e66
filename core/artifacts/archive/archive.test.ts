import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { detect, tarOf, unpackLimits, untar, unzip, zipOf } from "./index.ts";
import { endOfArchive, padding, type TarEntry, writeHeader } from "./tar-format.ts";

function scratch() {
  const path = mkdtempSync(join(tmpdir(), "capstan-archive-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
async function* inPieces(bytes: Buffer, size: number) {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
const entry = (name: string, over: Partial<TarEntry> = {}, content = ""): Buffer =>
  Buffer.concat([
    writeHeader({ name, type: "file", mode: 0o644, size: Buffer.byteLength(content), mtime: 0, target: "", ...over }),
    Buffer.from(content),
    padding(Buffer.byteLength(content)),
  ]);
const archive = (...entries: Buffer[]) => Buffer.concat([...entries, endOfArchive]);

test("a tree comes out of a tar as it went in, in any pieces", async () => {
  using from = scratch();
  using to = scratch();
  const long = "n".repeat(120);
  mkdirSync(join(from.path, "t/deep/empty"), { recursive: true });
  writeFileSync(join(from.path, "t/deep", long), "long");
  writeFileSync(join(from.path, "t/run"), "x".repeat(100_000));
  chmodSync(join(from.path, "t/run"), 0o751);
  symlinkSync("deep", join(from.path, "t/link"));
  const bytes = await bytesOf(tarOf(join(from.path, "t"), "t"));
  for (const size of [1, 513, 1_000_000]) {
    const target = join(to.path, String(size));
    mkdirSync(target);
    if (size > 1) await untar(inPieces(bytes, size), target);
    else await untar(inPieces(bytes.subarray(0, 1024), 1), target);
    if (size === 1) continue;
    assert.equal(readFileSync(join(target, "t/deep", long), "utf8"), "long");
    assert.equal(statSync(join(target, "t/run")).size, 100_000);
    assert.equal(statSync(join(target, "t/run")).mode & 0o777, 0o751);
    assert.equal(readlinkSync(join(target, "t/link")), "deep");
    assert.ok(statSync(join(target, "t/deep/empty")).isDirectory());
  }
});

test("content tells what a file is", async () => {
  using at = scratch();
  const tar = archive(entry("a", {}, "x"));
  const files: Record<string, Buffer> = {
    tar,
    tgz: gzipSync(tar),
    other: gzipSync("text"),
    zip: await bytesOf(zipOf(at.path, "d")),
  };
  for (const [kind, bytes] of Object.entries(files)) {
    writeFileSync(join(at.path, kind), bytes);
    assert.equal(await detect(join(at.path, kind)), kind);
  }
  writeFileSync(join(at.path, "empty"), "");
  assert.equal(await detect(join(at.path, "empty")), "other");
});

const hostile: Record<string, [Buffer, RegExp]> = {
  "a path upwards": [archive(entry("../evil", {}, "x")), /outside of the artifact/],
  "a path upwards from inside": [archive(entry("a/../../evil", {}, "x")), /outside of the artifact/],
  "an absolute path": [archive(entry("/evil", {}, "x")), /outside of the artifact/],
  "a link upwards": [archive(entry("l", { type: "link", target: "../.." })), /points outside/],
  "an absolute link": [archive(entry("l", { type: "link", target: "/etc/passwd" })), /points outside/],
  "a file through a link": [
    archive(entry("d", { type: "directory" }), entry("l", { type: "link", target: "d" }), entry("l/x", {}, "x")),
    /below what is no directory/,
  ],
  "a hard link out": [archive(entry("h", { type: "hard link", target: "../evil" })), /outside of the artifact/],
  "a hard link to a link": [
    archive(
      entry("f", {}, ""),
      entry("l", { type: "link", target: "f" }),
      entry("h", { type: "hard link", target: "l" }),
    ),
    /links to what is no file/,
  ],
  "a cut file": [entry("a", { size: 5000 }, "x").subarray(0, 1024), /ends in the middle/],
  "a huge size": [archive(entry("a", { size: 2 ** 45 })), /limit bytes/],
  noise: [Buffer.alloc(1024, 7), /checksum/],
};
for (const [name, [bytes, message]] of Object.entries(hostile)) {
  test(`untar refuses ${name}`, async () => {
    using at = scratch();
    const target = join(at.path, "in");
    mkdirSync(target);
    await assert.rejects(untar(inPieces(bytes, 700), target), message);
    assert.equal(existsSync(join(at.path, "evil")), false);
  });
}

test("a zip comes out as it went in, and refuses what leaves its directory", async () => {
  using at = scratch();
  mkdirSync(join(at.path, "d/sub"), { recursive: true });
  writeFileSync(join(at.path, "d/sub/x"), "y".repeat(10_000));
  const bytes = await bytesOf(zipOf(join(at.path, "d"), "d"));
  writeFileSync(join(at.path, "z"), bytes);
  await unzip(join(at.path, "z"), join(at.path, "out"));
  assert.equal(readFileSync(join(at.path, "out/d/sub/x"), "utf8"), "y".repeat(10_000));
  writeFileSync(join(at.path, "bad"), Buffer.from(bytes.toString("latin1").replaceAll("d/sub/x", "../../x"), "latin1"));
  await assert.rejects(unzip(join(at.path, "bad"), join(at.path, "out2")), /outside of the artifact/);
});

/** Runs with a smaller limit. */
async function limited(name: "bytes" | "entries", limit: number, work: () => Promise<void>) {
  const before = unpackLimits[name];
  unpackLimits[name] = limit;
  try {
    await work();
  } finally {
    unpackLimits[name] = before;
  }
}

test("what unpacks to more than a limit is refused by the limit's name", async () => {
  using at = scratch();
  const into = join(at.path, "in");
  mkdirSync(into);
  const big = archive(entry("a", {}, "x".repeat(5000)), entry("b", {}, "x".repeat(5000)));
  await limited("bytes", 8000, () => assert.rejects(untar(inPieces(big, 700), into), /8000 bytes \(limit bytes\)/));
  await limited("entries", 1, () => assert.rejects(untar(inPieces(big, 700), into), /1 entries \(limit entries\)/));
  mkdirSync(join(at.path, "d"));
  for (const name of ["x", "y"]) writeFileSync(join(at.path, "d", name), "y".repeat(10_000));
  const bytes = await bytesOf(zipOf(join(at.path, "d"), "d"));
  writeFileSync(join(at.path, "z"), bytes);
  const unpack = () => unzip(join(at.path, "z"), join(at.path, "out"));
  await limited("bytes", 15_000, () => assert.rejects(unpack(), /limit bytes/));
  await limited("entries", 2, () => assert.rejects(unpack(), /limit entries/));
  assert.equal(existsSync(join(at.path, "out/d/x")), false);
});

test("a zip that holds more than it says is damaged, and no more than that is written", async () => {
  using at = scratch();
  mkdirSync(join(at.path, "d"));
  writeFileSync(join(at.path, "d/x"), "y".repeat(1_000_000));
  const bytes = await bytesOf(zipOf(join(at.path, "d"), "d"));
  const central = bytes.lastIndexOf(Buffer.from([0x50, 0x4b, 1, 2]));
  bytes.writeUInt32LE(10, central + 24);
  writeFileSync(join(at.path, "z"), bytes);
  await assert.rejects(unzip(join(at.path, "z"), join(at.path, "out")), /has another size than it says/);
  assert.equal(statSync(join(at.path, "out/d/x")).size, 0);
});
