import assert from "node:assert/strict";
import { test } from "node:test";
import type { Signature } from "@capstan/api/kinds/model-signature";
import { curlLine, readPrediction, rowOf } from "./prediction.ts";

const signature: Signature = {
  method_name: "predict",
  inputs: [
    { name: "island", dtype: "string", shape: [-1, 1], nullable: true },
    { name: "mass", dtype: "float32", shape: [-1, 1], nullable: true },
    { name: "banded", dtype: "bool", shape: [-1, 1] },
  ],
  outputs: [
    { name: "species", dtype: "string", shape: [-1] },
    { name: "probabilities", dtype: "float32", shape: [-1, 2] },
    { name: "margin", dtype: "float32", shape: [-1] },
  ],
  classLabels: ["Adelie", "Gentoo"],
};

test("a form becomes a row: empty is missing, numbers are numbers, text stays text", () => {
  const values = { island: " 7 ", mass: "5.2e3", banded: "true" };
  assert.deepEqual(rowOf(signature.inputs, values), { island: "7", mass: 5200, banded: true });
  assert.deepEqual(rowOf(signature.inputs, { mass: " " }), { island: null, mass: null, banded: null });
});

test("an answer is read by the signature", () => {
  const body = { predictions: [{ species: "Gentoo", probabilities: [0.25, 0.75], margin: 1.5 }] };
  const read = readPrediction(signature, body);
  assert.equal(read?.label, "Gentoo");
  assert.deepEqual(
    read?.probabilities.map((p) => p.probability),
    [0.25, 0.75],
  );
  assert.deepEqual(read?.others, [["margin", 1.5]]);
});

test("one output has no name in the answer", () => {
  const one: Signature = { ...signature, outputs: [{ name: "y", dtype: "float32", shape: [-1] }], classLabels: [] };
  assert.deepEqual(readPrediction(one, { predictions: [2.5] })?.others, [["y", 2.5]]);
  assert.equal(readPrediction(one, { error: "no" }), undefined);
});

test("the curl line survives quotes in values", () => {
  const request = { url: "http://m-a.example.com", gateway: "http://127.0.0.1:8080", body: `{"x":"it's"}` };
  const line = curlLine({ namespace: "a", name: "m" }, request);
  assert.match(line, /-d '\{"x":"it'\\''s"\}'$/);
  assert.match(line, /^curl http:\/\/127\.0\.0\.1:8080\/v1\/models\/m:predict/);
  assert.match(line, /Host: m-a\.example\.com/);
  assert.match(line, /Bearer \$TOKEN"/);
});

test("a service below localhost is asked by its own address, the administrator's token read from its file", () => {
  const url = "http://m-a.localhost:8080";
  const request = { url, gateway: "http://127.0.0.1:8080", tokenFile: "/data/gateway-token", body: "{}" };
  const line = curlLine({ namespace: "a", name: "m" }, request);
  assert.match(line, /^curl http:\/\/m-a\.localhost:8080\/v1/);
  assert.ok(!line.includes("Host:"));
  assert.match(line, /Bearer \$\(cat \/data\/gateway-token\)"/);
});
