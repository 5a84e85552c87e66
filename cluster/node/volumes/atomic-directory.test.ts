import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { type Payload, writeAtomically } from "./atomic-directory.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-atomic-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const payload = (files: Record<string, string>): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode: 0o640 }]));

test("files are links through one link that changes", () => {
  assert.ok(writeAtomically(directory, payload({ a: "1", "d/e": "2" }), undefined));
  const first = readlinkSync(join(directory, "..data"));
  assert.equal(readFileSync(join(directory, "a"), "utf8"), "1");
  assert.equal(readlinkSync(join(directory, "a")), "..data/a");
  assert.equal(readFileSync(join(directory, "d/e"), "utf8"), "2");
  assert.equal(statSync(join(directory, "a")).mode & 0o777, 0o640);
  assert.ok(!writeAtomically(directory, payload({ a: "1", "d/e": "2" }), undefined));
  assert.equal(readlinkSync(join(directory, "..data")), first);
  assert.ok(writeAtomically(directory, payload({ a: "3" }), undefined));
  assert.equal(readFileSync(join(directory, "a"), "utf8"), "3");
  assert.deepEqual(
    readdirSync(directory).filter((name) => !name.startsWith("..")),
    ["a"],
  );
  assert.equal(readdirSync(directory).length, 3);
});

test("names that leave the volume, or hide its links, are refused before anything is written", () => {
  for (const path of ["../x", "a/../../x", "/x", "..data", ""]) {
    assert.throws(() => writeAtomically(directory, payload({ [path]: "!" }), undefined), /invalid path/, path);
  }
  assert.deepEqual(readdirSync(directory), []);
  const large = new Map([["a", { data: Buffer.alloc(17 << 20), mode: 0o644 }]]);
  assert.throws(() => writeAtomically(directory, large, undefined), /payloadLimit = 16777216/);
});
