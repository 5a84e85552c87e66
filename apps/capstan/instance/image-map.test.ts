import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { readImageMap } from "./image-map.ts";

function write(content: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "capstan-map-")), "map.json");
  writeFileSync(file, content);
  return file;
}

test("patterns keep their order, words and variables", () => {
  const map = { "busybox:*": { rootfs: "host" }, "say:*": { rootfs: "host", entrypoint: "/bin/say", env: { A: "1" } } };
  assert.deepEqual(readImageMap(write(JSON.stringify(map))), [
    { pattern: "busybox:*", rootfs: "host" },
    { pattern: "say:*", rootfs: "host", entrypoint: ["/bin/say"], env: { A: "1" } },
  ]);
});

for (const [content, expected] of [
  ["{", /--image-map .*map\.json:/],
  ["[]", /must be an object/],
  ['{"a": {"rootfs": "/nowhere/at/all"}}', /"a": rootfs: \/nowhere\/at\/all is not a directory/],
  ['{"a": {"rootfs": "host", "entripoint": []}}', /entripoint: unknown field, did you mean entrypoint\?/],
  ['{"a": {"rootfs": "host", "cmd": [1]}}', /cmd: must be a list of strings/],
] as const) {
  test(`refuses ${content}`, () => assert.throws(() => readImageMap(write(content)), expected));
}
