import assert from "node:assert/strict";
import { test } from "node:test";
import { depthLimit, scanJson } from "./json-scan.ts";

test("keys given twice are found with their paths", () => {
  const text = '{"a":1,"b":{"c":[{"d":1},{"d":1,"d\\u0065":2,"d":3}]},"a":"x,\\"a\\":1"}';
  assert.deepEqual(scanJson(text).duplicates, ["b.c[1].d", "a"]);
});

test("escaped and plain spellings are the same key", () => {
  assert.deepEqual(scanJson('{"ab":1,"\\u0061b":2}').duplicates, ["ab"]);
  assert.deepEqual(scanJson('{"a\\\\":1,"a":2}').duplicates, []);
});

test("depth, prototypes and integers", () => {
  assert.equal(scanJson("[".repeat(depthLimit) + "]".repeat(depthLimit)).tooDeep, false);
  assert.equal(scanJson("[".repeat(depthLimit + 1) + "]".repeat(depthLimit + 1)).tooDeep, true);
  assert.equal(scanJson('{"a":{"__proto__":1}}').prototype, "a.__proto__");
  assert.equal(scanJson('{"a":[1,9007199254740991,-9007199254740993]}').inexact, "a[2]");
  assert.equal(scanJson('{"a":1.0000000000000000001,"b":1e400,"c":"9007199254740993"}').inexact, undefined);
});
