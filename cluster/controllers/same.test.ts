import assert from "node:assert/strict";
import { test } from "node:test";
import { saySame } from "./same.ts";

test("what is absent, null or empty says the same; everything else differs", () => {
  assert.ok(saySame({ a: 1, b: [], c: null }, { a: 1, d: undefined }));
  assert.ok(saySame({ a: { b: 1, c: 2 } }, { a: { c: 2, b: 1 } }));
  const pairs: [unknown, unknown][] = [
    [{ a: 0 }, {}],
    [{ a: {} }, {}],
    [{ a: [1] }, { a: [1, 2] }],
    [{ a: [1, 2] }, { a: [2, 1] }],
    [{ a: "" }, {}],
    [[1], { 0: 1 }],
    [{ a: 1 }, { a: "1" }],
  ];
  for (const [a, b] of pairs) {
    assert.ok(!saySame(a, b), JSON.stringify([a, b]));
    assert.ok(!saySame(b, a), JSON.stringify([b, a]));
  }
});
