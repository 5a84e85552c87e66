import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson } from "./json-reader.ts";
import { readFlat, readTensor, TensorError, type Wanted } from "./tensor-reader.ts";

const at = (indices: readonly number[]) => `x${indices.map((i) => `[${i}]`).join("")}`;
const read = (text: string, wanted: Wanted) => readTensor(parseJson(text), wanted, at);

test("reads nested lists into a tensor", () => {
  const tensor = read("[[1, 2.5], [NaN, 3.0]]", { dtype: "float32", shape: [-1, 2] });
  assert.deepEqual(tensor, { dtype: "float32", shape: [2, 2], data: Float32Array.of(1, 2.5, Number.NaN, 3) });
});

test("adds and drops trailing dimensions of size one", () => {
  assert.deepEqual(read("[1, 2]", { dtype: "float32", shape: [-1, 1] }).shape, [2, 1]);
  assert.deepEqual(read("[[1], [2]]", { dtype: "float32", shape: [-1] }).shape, [2]);
});

test("null is NaN or the empty string where it is allowed", () => {
  const floats = read("[1, null]", { dtype: "float64", shape: [-1], nullable: true });
  assert.deepEqual(floats.data, Float64Array.of(1, Number.NaN));
  const strings = read('["a", null]', { dtype: "string", shape: [-1], nullable: true });
  assert.deepEqual(strings.data, ["a", ""]);
  assert.throws(() => read("[null]", { dtype: "float32", shape: [-1] }), /x\[0\]: expected float32, got null/);
});

test("reads bytes, booleans and 64-bit integers", () => {
  assert.deepEqual(read('[{"b64": "YWJj"}]', { dtype: "string", shape: [-1] }).data, ["abc"]);
  assert.deepEqual(read("[true]", { dtype: "bool", shape: [-1] }).data, Uint8Array.of(1));
  assert.deepEqual(
    read("[9223372036854775807]", { dtype: "int64", shape: [-1] }).data,
    BigInt64Array.of(9223372036854775807n),
  );
});

test("refuses what does not fit, by path", () => {
  const wrong: [string, Wanted, RegExp][] = [
    ["[1.0]", { dtype: "int32", shape: [-1] }, /x\[0\]: expected int32, got 1\.0/],
    ["[300]", { dtype: "uint8", shape: [-1] }, /expected uint8, got 300/],
    ["[-1]", { dtype: "uint64", shape: [-1] }, /expected uint64/],
    ['["1"]', { dtype: "float32", shape: [-1] }, /expected float32, got "1"/],
    ["[1]", { dtype: "string", shape: [-1] }, /expected string, got 1/],
    ["[1]", { dtype: "bool", shape: [-1] }, /expected bool/],
    ["[[1, 2], [3]]", { dtype: "float32", shape: [-1, 2] }, /x\[1\]: 1 items where the ones before have 2/],
    ["[[1, 2], 3]", { dtype: "float32", shape: [-1, 2] }, /x\[1\]: expected a list of 2/],
    ["[1, [2]]", { dtype: "float32", shape: [-1] }, /x\[1\]: expected float32, got a list/],
    ["[[1, 2]]", { dtype: "float32", shape: [-1, 3] }, /x: the shape is \[1,2\], expected \[-1,3\]/],
    ['[{"b64": "/w=="}]', { dtype: "string", shape: [-1] }, /expected string, got an object/],
  ];
  for (const [text, wanted, message] of wrong) {
    assert.throws(
      () => read(text, wanted),
      (error) => error instanceof TensorError && message.test(error.message),
      text,
    );
  }
});

test("takes no memory for a product of lengths that the text does not hold", () => {
  const text = `[[[${"0,".repeat(5000)}0]${",[]".repeat(5000)}]${",[]".repeat(5000)}]`;
  assert.throws(() => read(text, { dtype: "float32", shape: [-1, -1, -1] }), /items where the ones before have/);
});

test("reads a flat list of a given shape", () => {
  const wanted: Wanted = { dtype: "int64", shape: [-1, 2] };
  assert.deepEqual(readFlat(parseJson("[1, 2, 3, 4]"), [2, 2], wanted, at).shape, [2, 2]);
  assert.throws(() => readFlat(parseJson("[1, 2, 3]"), [2, 2], wanted, at), /3 elements, but shape \[2,2\] has 4/);
});
