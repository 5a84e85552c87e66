import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chownSync, linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { tar } from "@capstan/testing/registry";
import { TarReader } from "./tar.ts";
import type { TarEntry } from "./tar-header.ts";
import { layerLimits, unpackLayer } from "./unpack.ts";

const skip = process.getuid?.() === 0 ? undefined : "owners need root";

function listing(directory: string): string[] {
  const format = "%p %y %m %U %G %n %l %s %Ts\n";
  // The size of a directory is the file system's affair.
  const found = execFileSync(
    "find",
    [".", "(", "-type", "d", "-printf", "%p %y %m %U %G %Ts\n", "-o", "-printf", format, ")"],
    {
      cwd: directory,
      encoding: "utf8",
    },
  );
  return found.trim().split("\n").sort();
}

for (const format of ["gnu", "pax", "ustar", "v7"]) {
  test(`what GNU tar packs as ${format} comes out the same`, { skip }, async () => {
    const directory = mkdtempSync(join(tmpdir(), "capstan-tar-"));
    try {
      const [from, to] = [join(directory, "from"), join(directory, "to")];
      const long = format === "gnu" || format === "pax";
      const deep = join(from, ...(long ? ["a".repeat(120), "b".repeat(200)] : ["a", "b"]));
      mkdirSync(deep, { recursive: true });
      mkdirSync(to);
      writeFileSync(join(deep, "file"), "x".repeat(1000), { mode: 0o640 });
      writeFileSync(join(from, "empty"), "");
      writeFileSync(join(from, long ? "ü ü\nline" : "blank name"), "y".repeat(512));
      symlinkSync(long ? "t".repeat(300) : "target", join(from, "link"));
      linkSync(join(deep, "file"), join(from, "again"));
      chownSync(join(from, "empty"), long ? 3_000_000 : 1000, 7);
      utimesSync(join(from, "empty"), 1_234_567_890, 1_234_567_890);
      const blob = join(directory, "layer.tar");
      execFileSync("tar", ["-C", from, `--format=${format}`, "-cf", blob, "."]);
      const { entries } = await unpackLayer({ blob, directory: to, limits: layerLimits });
      assert.deepEqual(listing(to), listing(from));
      assert.equal(entries, 8);
    } finally {
      rmSync(directory, { recursive: true });
    }
  });
}

test("however an archive is cut, its entries are the same", () => {
  const archive = tar([
    { path: "d", type: "5" },
    { path: `d/${"n".repeat(150)}`, content: "c".repeat(700) },
    { path: "d/empty" },
    { path: "d/full", content: "f".repeat(512) },
  ]);
  const read = (size: number) => {
    const found: string[] = [];
    let current: TarEntry | undefined;
    let content = "";
    const reader = new TarReader(
      {
        entry(entry) {
          current = entry;
          content = "";
        },
        content(bytes) {
          content += Buffer.from(bytes).toString();
        },
        end: () => void found.push(`${current?.path} ${content}`),
      },
      layerLimits,
    );
    for (let at = 0; at < archive.length; at += size) reader.push(archive.subarray(at, at + size));
    reader.finish();
    return found;
  };
  const whole = read(archive.length);
  assert.deepEqual(
    whole.map((text) => text.length),
    [155 + 700 - 2, "d/empty ".length, "d/full ".length + 512],
  );
  for (const size of [1, 7, 511, 512, 513, 1000]) assert.deepEqual(read(size), whole, String(size));
});

test("whatever bytes come, there is an error or an end", () => {
  const archive = tar([
    { path: "a", content: "x".repeat(600), attributes: { "user.a": "YQ==" } },
    { path: "b", type: "2", link: "a" },
  ]);
  let seed = 7;
  const random = (below: number) => {
    seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31;
    return seed % below;
  };
  const visitor = { entry() {}, content() {}, end() {} };
  for (let round = 0; round < 3000; round++) {
    const broken = Buffer.from(archive);
    for (let flips = 0; flips <= random(4); flips++) broken[random(broken.length)] = random(256);
    const reader = new TarReader(visitor, layerLimits);
    try {
      reader.push(broken.subarray(0, random(broken.length) + 1));
      reader.finish();
    } catch (error) {
      assert.equal((error as { code?: string }).code, "InvalidImage", String(error));
    }
  }
});
