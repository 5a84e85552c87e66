import assert from "node:assert/strict";
import { test } from "node:test";
import { Decimal, type Json, JsonError, maxDepth, parseJson } from "./json-reader.ts";
import { formatFloat32, formatFloat64, writeFlat, writeRow, writeTensor } from "./json-writer.ts";

const plain = (value: Json): unknown => {
  if (value instanceof Decimal) return { decimal: value.value };
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [key, plain(item)]));
  return Array.isArray(value) ? value.map(plain) : value;
};

const read: [string, unknown][] = [
  ["1", 1],
  ["-0", -0],
  ["1.0", { decimal: 1 }],
  ["-0.0", { decimal: -0 }],
  ["1e3", { decimal: 1000 }],
  ["1.5", 1.5],
  ["0.1", 0.1],
  ["-12.625e-2", -0.12625],
  ["3.141592653589793", Math.PI],
  ["123456789012345678", 123456789012345678n],
  ["-9223372036854775808", -9223372036854775808n],
  ["9007199254740991", 9007199254740991],
  ["1.7976931348623157e308", { decimal: Number.MAX_VALUE }],
  ["4.9e-324", 5e-324],
  ["[NaN, Infinity, -Infinity]", [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]],
  [' { "a" : [ true , false , null ] , "b\\u0041\\n" : "\\"x\\"" } ', { a: [true, false, null], "bA\n": '"x"' }],
  ['"数据"', "数据"],
  ["[]", []],
  ["{}", {}],
];

test("reads JSON, telling 1 from 1.0 and keeping 64 bits", () => {
  for (const [text, value] of read) assert.deepEqual(plain(parseJson(text)), value, text);
});

test("refuses what is not JSON, with the offset", () => {
  const wrong: [string, RegExp][] = [
    ["", /offset 0: the text ends too early/],
    ["[1,]", /offset 3/],
    ["[1 2]", /offset 3: "," or "]" is missing/],
    ['{"a":1,"a":2}', /offset 7: the key "a" stands twice/],
    ["01", /starts with 0/],
    ["1.", /digit is missing/],
    ["1e999", /too large/],
    ['"abc', /does not end/],
    ['"a\\q"', /wrong escape/],
    ["{a:1}", /key is missing/],
    ["1 1", /after the value/],
    ["nul", /unexpected "n"/],
    ["[".repeat(maxDepth + 1), /maxDepth/],
  ];
  for (const [text, message] of wrong) {
    assert.throws(
      () => parseJson(text),
      (error) => error instanceof JsonError && message.test(error.message),
      text,
    );
  }
});

test("keeps keys that objects treat in a special way", () => {
  const value = parseJson('{"__proto__": {"x": 1}}') as Map<string, Json>;
  assert.deepEqual([...value.keys()], ["__proto__"]);
  assert.equal(({} as Record<string, unknown>).x, undefined);
});

test("agrees with the engine's reader on random numbers", () => {
  let seed = 7;
  const next = () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
  for (let i = 0; i < 5000; i++) {
    const value = (next() - 0.5) * 10 ** Math.floor(next() * 40 - 20);
    const parsed = parseJson(String(value));
    assert.equal(Number(parsed instanceof Decimal ? parsed.value : parsed), value);
  }
});

test("prints the shortest digits that read back", () => {
  const floats: [number, string][] = [
    [0.1, "0.1"],
    [1, "1.0"],
    [0, "0.0"],
    [-0, "-0.0"],
    [16777216, "16777216.0"],
    [3.4028234663852886e38, "3.4028235e+38"],
    [1.401298464324817e-45, "1e-45"],
    [0.3333333333333333, "0.33333334"],
    [-2.5, "-2.5"],
    [1e-7, "1e-7"],
    [8589934592, "8589935000.0"],
    [Number.NaN, "NaN"],
    [Number.NEGATIVE_INFINITY, "-Infinity"],
  ];
  for (const [value, text] of floats) assert.equal(formatFloat32(Math.fround(value)), text);
  assert.equal(formatFloat64(0.1), "0.1");
  assert.equal(formatFloat64(1e21), "1e+21");
  assert.equal(formatFloat64(5), "5.0");
});

test("every float32 reads back, in at most as many digits as nine", () => {
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  let seed = 11;
  for (let i = 0; i < 20_000; i++) {
    seed = (seed * 48271) % 2147483647;
    bits[0] = seed * 2 + (i & 1);
    const value = float[0] as number;
    const text = formatFloat32(value);
    const back = text === "NaN" ? Number.NaN : Number(text);
    assert.ok(Object.is(Math.fround(back), value), `${value} printed as ${text}`);
    const digits = text.replace(/e.*|[-.]/g, "").replace(/^0+|0+$/g, "");
    assert.ok(digits.length <= 9, text);
  }
});

test("writes tensors nested, by row and flat", () => {
  const tensor = { dtype: "float32" as const, shape: [2, 2], data: Float32Array.of(1, 2.5, Number.NaN, 4) };
  assert.equal(writeTensor(tensor), "[[1.0, 2.5], [NaN, 4.0]]");
  assert.equal(writeRow(tensor, 1), "[NaN, 4.0]");
  assert.equal(writeFlat(tensor), "[1.0, 2.5, NaN, 4.0]");
  assert.equal(writeTensor({ dtype: "int64", shape: [1], data: BigInt64Array.of(2n ** 62n) }), "[4611686018427387904]");
  assert.equal(writeTensor({ dtype: "string", shape: [1], data: ["é"] }, true), '[{"b64": "w6k="}]');
  assert.equal(writeTensor({ dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) }), "[true, false]");
});
