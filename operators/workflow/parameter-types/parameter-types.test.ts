import assert from "node:assert/strict";
import { test } from "node:test";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { overrideParameters } from "../control/index.ts";
import { givenMismatch, mismatchOf, readTypes, typesAnnotation } from "./index.ts";

/** Texts of each type, and texts that are not. */
const spelled: Record<string, [string[], string[]]> = {
  integer: [
    ["0", "-7", "+12", "123456789012345678901234567890"],
    ["", " 1", "1.0", "1e3", "0x10", "ten", "1".repeat(2000)],
  ],
  number: [
    ["0", "-1.5", ".5", "5.", "1e-3"],
    ["", "NaN", "Infinity", "1e999", "1,5", "0x1"],
  ],
  boolean: [
    ["true", "false"],
    ["True", "yes", "1", ""],
  ],
  string: [["", "anything"], []],
  json: [
    ["{}", '"x"', "null"],
    ["", "{a: 1}", "[1,]"],
  ],
  duration: [
    ["30s", "1h30m", "90", "2d"],
    ["", "soon", "5 minutes"],
  ],
  quantity: [
    ["500m", "64Mi", "1e3", "2"],
    ["", "64MB", "a lot"],
  ],
  "date-time": [
    ["2024-02-29T23:59:60Z", "2026-01-31T12:00:00.5+08:00"],
    ["2026-02-29T00:00:00Z", "2026-01-31", "2026-01-31T12:00:00", "2026-13-01T00:00:00Z", "2026-01-31T24:00:00Z"],
  ],
};
for (const [name, [right, wrong]] of Object.entries(spelled)) {
  test(`texts of the type ${name}`, () => {
    const type = readTypes(`x: ${name}`).types.get("x");
    assert.ok(type);
    for (const text of right) assert.equal(mismatchOf(type, text), undefined, text);
    for (const text of wrong) assert.match(mismatchOf(type, text) ?? "", /^must be /, text);
  });
}

const wrongOf = (type: string, text: string) => {
  const { types, problems } = readTypes(`{x: ${type}}`);
  assert.deepEqual(problems, []);
  const found = types.get("x");
  assert.ok(found);
  return mismatchOf(found, text);
};

test("bounds, lengths and patterns narrow a type", () => {
  assert.equal(wrongOf("{type: integer, minimum: 1, maximum: 3}", "3"), undefined);
  assert.equal(
    wrongOf("{type: integer, minimum: 1, maximum: 3}", "4"),
    'must be an integer, at least 1, at most 3, not "4"',
  );
  assert.equal(
    wrongOf("{type: number, exclusiveMinimum: 0, exclusiveMaximum: 1}", "1"),
    'must be a number, more than 0, less than 1, not "1"',
  );
  assert.equal(wrongOf("{type: string, maxLength: 2}", "😀😀"), undefined);
  assert.equal(wrongOf("{type: string, minLength: 1}", ""), 'must be a string, no shorter than 1, not ""');
  assert.equal(wrongOf("{type: string, pattern: '^[a-z]+$'}", "abc"), undefined);
  assert.match(wrongOf("{type: string, pattern: '^[a-z]+$'}", "A") ?? "", /matching "\^\[a-z\]\+\$", not "A"/);
  assert.equal(wrongOf("{type: integer, minimum: 1, optional: true}", ""), undefined);
  assert.match(wrongOf("integer", "x".repeat(500)) ?? "", /not "x{60}"…$/);
});

test("a pattern that would take long, and texts that are long, are refused in a moment", () => {
  assert.match(wrongOf("{type: string, pattern: '(?:.?){1000}x'}", "a".repeat(60_000)) ?? "", /more than \d+ steps/);
  assert.match(wrongOf("{type: string, pattern: a}", "a".repeat(70_000)) ?? "", /more than 65536 characters/);
  assert.match(wrongOf("duration", "1".repeat(1_000_000)) ?? "", /more than 1000 characters/);
});

test("what is wrong in the annotation is told by path", () => {
  const problems = (text: string) => readTypes(text).problems.map(({ path, message }) => `${path}: ${message}`);
  assert.deepEqual(
    problems("{a: int, b: {minimum: 1}, c: {type: string, minimum: 1}, d: {type: integer, maximum: x, format: y}}"),
    [
      `.a: "int" is none of integer, number, boolean, string, json, duration, quantity, date-time`,
      ".b.type: nothing is none of integer, number, boolean, string, json, duration, quantity, date-time",
      ".c.minimum: is for integer and number",
      ".d.maximum: must be a number",
      ".d.format: unknown field: there are type, minimum, maximum, exclusiveMinimum, exclusiveMaximum, minLength, maxLength, pattern, optional",
    ],
  );
  assert.deepEqual(problems("{a: {type: string, pattern: '('}, b: {type: integer, minimum: 3, maximum: 1}}"), [
    ".a.pattern: error parsing regexp: missing closing ): `(`",
    ".b.minimum: is more than maximum",
  ]);
  assert.match(problems("{a")[0] ?? "", /neither JSON nor YAML/);
  assert.deepEqual(problems("[a]"), [": must be a map from parameters' names to types"]);
  assert.deepEqual(problems("a: '{{x}}'"), [": has tags: types are known before anything runs"]);
  assert.deepEqual(problems(`a: ${"x".repeat(70_000)}`), [": is longer than 65536 characters"]);
  const many = (type: string, count: number) =>
    `{${Array.from({ length: count }, (_, i) => `p${i}: ${type}`).join(", ")}}`;
  assert.deepEqual(problems(many("json", 501)), [": names more than 500 parameters"]);
  assert.deepEqual(problems(many("{type: string, pattern: a}", 51)), [": gives patterns to more than 50 parameters"]);
});

test("values over those of a finished workflow are of its types, and of those of its template", () => {
  const annotations = { [typesAnnotation]: "n: integer" };
  const parameters = [{ name: "n", value: "1" }];
  const own = { metadata: { name: "w", annotations }, spec: { arguments: { parameters } } } as unknown as Workflow;
  const wanted = { message: 'spec.arguments.parameters.n: must be an integer, not "x"' };
  assert.throws(() => overrideParameters(own, { n: "x" }, givenMismatch), wanted);
  overrideParameters(own, { n: "2" }, givenMismatch);
  assert.equal(own.spec.arguments?.parameters?.[0]?.value, "2");
  const stored = { arguments: { parameters }, workflowMetadata: { annotations } };
  const referring = {
    metadata: { name: "w" },
    spec: { workflowTemplateRef: { name: "t" } },
    status: { storedWorkflowTemplateSpec: stored },
  } as unknown as Workflow;
  assert.throws(() => overrideParameters(referring, { n: "x" }, givenMismatch), wanted);
});
