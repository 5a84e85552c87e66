import assert from "node:assert/strict";
import { test } from "node:test";
import { holdsFor as holds, parseConditions } from "./selector.ts";

const object = { status: { succeeded: 3, phase: "Ready", conditions: [{ type: "Up" }], "a.b": "c" } };
const golden: [string, boolean][] = [
  ["status.succeeded > 2", true],
  ["status.succeeded < 3", false],
  ["status.succeeded == 3, status.phase = Ready", true],
  ["status.phase != Ready", false],
  ["status.phase in (Ready, Done)", true],
  ["status.phase notin (Ready)", false],
  ["status.failed", false],
  ["!status.failed", true],
  ["status.failed > 0", false],
  ["status.conditions.0.type == Up", true],
  ["status.conditions.# > 0", true],
  ["status.a\\.b == c", true],
];
for (const [text, expected] of golden) {
  test(`condition ${text}`, () =>
    assert.equal(
      parseConditions(text).every((one) => holds(one, object)),
      expected,
    ));
}
test("what is no condition is refused", () => {
  for (const text of ["a >", "a > b", "a ~ b", "(", "a in b"])
    assert.throws(() => parseConditions(text), /condition/, text);
});
