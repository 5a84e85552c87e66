import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "yaml";
import { yamlAsGo } from "./yaml-as-go.ts";

for (const [text, value] of [
  ["0755", 0o755],
  ["755", 755],
  ["yes", true],
  ["Off", false],
  ["y", "y"],
  ["n", "n"],
  ["12:30:45", "12:30:45"],
  ["1:30", "1:30"],
  ["2026-01-02", "2026-01-02"],
  ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"],
  ["1_000", 1000],
  ["1e3", 1000],
  ["0x10", 16],
  ["~", null],
  ['"0755"', "0755"],
] as const)
  test(`YAML as Go reads it: ${text}`, () => {
    assert.deepEqual(parse(`a: ${text}`, yamlAsGo), { a: value });
  });

test("YAML as Go reads it: keys twice, and merged ones", () => {
  assert.deepEqual(parse("a: 1\na: 2", yamlAsGo), { a: 2 });
  assert.deepEqual(parse("a: &x {b: 1}\nc: {<<: *x, d: 2}", yamlAsGo), { a: { b: 1 }, c: { b: 1, d: 2 } });
});
