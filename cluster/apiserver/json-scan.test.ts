import assert from "node:assert/strict";
import { test } from "node:test";
import { depthLimit, scanJson } from "./json-scan.ts";

const scan = (text: string) => scanJson(text, JSON.parse(text));

test("keys given twice are found with their paths", () => {
  const text = '{"a":1,"b":{"c":[{"d":1},{"d":1,"d\\u0065":2,"d":3}]},"a":"x,\\"a\\":1"}';
  assert.deepEqual(scan(text).duplicates, ["b.c[1].d", "a"]);
});

test("escaped and plain spellings are the same key", () => {
  assert.deepEqual(scan('{"ab":1,"\\u0061b":2}').duplicates, ["ab"]);
  assert.deepEqual(scan('{"a\\\\":1,"a":2}').duplicates, []);
});

test("depth, prototypes and integers", () => {
  assert.equal(scan("[".repeat(depthLimit) + "]".repeat(depthLimit)).tooDeep, false);
  assert.equal(scan("[".repeat(depthLimit + 1) + "]".repeat(depthLimit + 1)).tooDeep, true);
  assert.equal(scan('{"a":{"__proto__":1}}').prototype, "a.__proto__");
  assert.equal(scan('{"a":[{"__proto__":1}],"a":{"b":1}}').prototype, "a[0].__proto__");
  assert.equal(scan('{"a":[1,9007199254740991,-9007199254740993]}').inexact, "a[2]");
  assert.equal(scan('{"a":1.0000000000000000001,"b":1e400,"c":"9007199254740993"}').inexact, undefined);
});
