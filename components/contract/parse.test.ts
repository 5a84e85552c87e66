import assert from "node:assert/strict";
import { test } from "node:test";
import { defaultText, namesToText, type Parameters, parseParameters } from "./index.ts";

const text = { en: "x", zh: "x" };
const described = { title: text, docs: text };
const parameters: Parameters = {
  columns: { type: "columns", port: "table", default: [], ...described },
  ratio: { type: "number", minimum: 0, maximum: 1, exclusiveMinimum: true, default: 0.5, ...described },
  rounds: { type: "integer", minimum: 1, ...described },
  fast: { type: "boolean", default: false, ...described },
  method: { type: "choice", values: ["mean", "median"], default: "mean", ...described },
  types: { type: "map", values: ["string", "number"], ...described },
  note: { type: "string", default: "", maxLength: 5, ...described },
};

const valuesOf = (given: Record<string, string>) => parseParameters(parameters, { rounds: "1", ...given }).values;
const problemsOf = (given: Record<string, string | undefined>) =>
  parseParameters(parameters, { rounds: "1", ...given }).problems.map(({ path, message }) => `${path}: ${message}`);

test("texts become values; an empty one is the default", () => {
  assert.deepEqual(
    valuesOf({ ratio: "", fast: "true", method: "median", columns: "a,  b c ,d", types: "a=number, b=string" }),
    {
      columns: ["a", "b c", "d"],
      ratio: 0.5,
      rounds: 1,
      fast: true,
      method: "median",
      types: { a: "number", b: "string" },
      note: "",
    },
  );
  assert.deepEqual(valuesOf({ columns: '["a, b", "c"]' }).columns, ["a, b", "c"]);
  assert.deepEqual(valuesOf({ types: '{"a=b": "number"}' }).types, { "a=b": "number" });
});

test("what does not fit is refused by the parameter's name", () => {
  assert.deepEqual(problemsOf({ ratio: "0" }), ["ratio: 0 is too small: it must be more than 0"]);
  assert.deepEqual(problemsOf({ ratio: "1.5" }), ["ratio: 1.5 is too large: it must be at most 1"]);
  assert.deepEqual(problemsOf({ ratio: "half" }), ['ratio: "half" is not a number']);
  assert.deepEqual(problemsOf({ rounds: "1.5" }), ["rounds: 1.5 is not a whole number"]);
  assert.deepEqual(problemsOf({ rounds: "" }), ["rounds: a value is required"]);
  assert.deepEqual(problemsOf({ fast: "yes" }), ['fast: "yes" is neither true nor false']);
  assert.deepEqual(problemsOf({ method: "mediam" }), ['method: no choice "mediam": did you mean "median"?']);
  assert.deepEqual(problemsOf({ methd: "mean" }), ['methd: no parameter "methd": did you mean "method"?']);
  assert.deepEqual(problemsOf({ columns: "a, a" }), ['columns: "a" is named twice']);
  assert.deepEqual(problemsOf({ columns: "[1]" }), ["columns: not a JSON array of names"]);
  assert.deepEqual(problemsOf({ types: "a" }), ['types: "a" is not of the form name=value']);
  assert.deepEqual(problemsOf({ types: "a=date" }), ['types: a: no choice "date": the choices are "string", "number"']);
  assert.deepEqual(problemsOf({ note: "too long" }), ["note: longer than 5 characters"]);
  assert.deepEqual(problemsOf({ note: "x".repeat(70_000) }), ["note: longer than 65536 characters"]);
});

test("values known only at run time are left out", () => {
  const { values, problems } = parseParameters(parameters, { rounds: undefined });
  assert.deepEqual(problems, []);
  assert.equal("rounds" in values, false);
});

test("defaults are written as they are read", () => {
  assert.equal(defaultText(parameters.rounds as Parameters[string]), undefined);
  assert.equal(defaultText(parameters.ratio as Parameters[string]), "0.5");
  for (const names of [["a", "b"], ["a, b", "c"], [" a"], []]) {
    assert.deepEqual(valuesOf({ columns: namesToText(names) }).columns, names);
  }
});
