import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createBench, readTemplate, runGraph } from "@capstan/testing/components";

const examples = join(import.meta.dirname, "../../examples");

test("the quickstart's pipeline tells penguins apart and registers a model of raw columns", async () => {
  using bench = createBench();
  const run = await runGraph(readTemplate(join(examples, "quickstart/workflow-template.yaml")), {
    artifact: (key) => join(examples, key.replace("datasets/", "")),
    directory: mkdtempSync(join(bench.directory, "run-")),
  });
  const report = JSON.parse(readFileSync(run.output("evaluate", "report"), "utf8"));
  assert.equal(report.rows, 86);
  assert.ok(report.accuracy >= 0.95, `accuracy ${report.accuracy}`);
  const { name, signature, metrics } = JSON.parse(readFileSync(run.output("register", "model.json"), "utf8"));
  assert.equal(name, "penguins");
  assert.equal(metrics.accuracy, report.accuracy);
  const { inputs, classLabels } = signature.signatures.serving_default;
  assert.deepEqual(
    inputs.map((input: { name: string }) => input.name),
    ["island", "bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g", "sex"],
  );
  assert.deepEqual(classLabels, ["Adelie", "Chinstrap", "Gentoo"]);
  assert.deepEqual(readdirSync(run.output("register", "model")).sort(), ["model.json", "model.onnx", "signature.json"]);
});

async function trainSmall() {
  const bench = createBench();
  const lines = Array.from({ length: 200 }, (_, i) => `${i % 17},${["u", "v"][i % 2]},${i % 17 > 8 ? "big" : "small"}`);
  const file = bench.file("data.csv", `n,t,size\n${lines.join("\n")}\n`);
  const raw = (await bench.run("read-file", {}, { file })).output("table");
  const named = (await bench.run("select", { label: "size" }, { table: raw })).output("table");
  const train = (await bench.run("one-hot", {}, { table: named })).output("table");
  const model = (await bench.run("gbdt", { rounds: "5" }, { table: train })).output("model");
  return { bench, raw, named, train, model };
}

test("a model judges tables from any stage of its own preprocessing, and no others", async () => {
  const { bench, raw, named, train, model } = await trainSmall();
  using _ = bench;
  for (const table of [raw, named, train]) {
    const step = await bench.run("evaluate", {}, { model, table });
    assert.equal(step.result("report").accuracy, 1);
  }
  const other = (await bench.run("scale", {}, { table: named })).output("table");
  await assert.rejects(bench.run("evaluate", {}, { model, table: other }), /went through other preprocessing/);
  const poor = (await bench.run("select", { drop: "t" }, { table: raw })).output("table");
  await assert.rejects(bench.run("evaluate", {}, { model, table: poor }), /the model needs a column "t"/);
  const blind = (await bench.run("select", { drop: "size" }, { table: raw })).output("table");
  await assert.rejects(bench.run("evaluate", {}, { model, table: blind }), /no column "size", the model's label/);
});

test("predict adds the answer and the probability of each class", async () => {
  const { bench, raw, model } = await trainSmall();
  using _ = bench;
  const step = await bench.run("predict", {}, { model, table: raw });
  const [row] = await bench.rows(step.output("table"));
  assert.equal(row?.predicted_size, "small");
  assert.ok(Math.abs(Number(row?.["predicted_size=small"]) + Number(row?.["predicted_size=big"]) - 1) < 1e-6);
  const twice = bench.run("predict", {}, { model, table: step.output("table") });
  await assert.rejects(twice, /there is a column "predicted_size" already: take another prefix/);
});

test("training refuses what nothing can be learned from", async () => {
  const { bench, raw, named } = await trainSmall();
  using _ = bench;
  await assert.rejects(bench.run("gbdt", {}, { table: raw }), /label: which column is to be predicted\?/);
  await assert.rejects(
    bench.run("gbdt", {}, { table: named }),
    /features: column "t" is of type string: encode it with one-hot/,
  );
  await assert.rejects(
    bench.run("gbdt", { rounds: "0" }, { table: named }),
    /rounds: 0 is too small: it must be at least 1/,
  );
  const gaps = (await bench.run("read-file", {}, { file: bench.file("g.csv", "n,y\n1,a\n,b\n3,a\n") })).output("table");
  await assert.rejects(
    bench.run("logistic", { label: "y" }, { table: gaps }),
    /column "n", row 2: the value is missing. Put the component impute/,
  );
  const one = (await bench.run("read-file", {}, { file: bench.file("o.csv", "n,y\n1,a\n2,a\n") })).output("table");
  await assert.rejects(bench.run("gbdt", { label: "y" }, { table: one }), /the label "y" has one value only/);
});

test("register refuses names that no Model may have, and graphs that do not load", async () => {
  const { bench, model } = await trainSmall();
  using _ = bench;
  const step = await bench.run("register", { name: "sizes" }, { model });
  assert.equal(step.result("model").name, "sizes");
  await assert.rejects(bench.run("register", { name: "Sizes!" }, { model }), /name: "Sizes!" is no name/);
  await assert.rejects(bench.run("register", {}, { model }), /name: a value is required/);
  writeFileSync(join(model, "model.onnx"), "not a graph");
  await assert.rejects(
    bench.run("register", { name: "sizes" }, { model }),
    /is not an ONNX model that the runtime can load/,
  );
});

test("sample data is the same for the same seed, whatever the number of rows", async () => {
  using bench = createBench();
  const few = readFileSync((await bench.run("sample-data", { rows: "10" })).output("file"), "utf8");
  const more = readFileSync((await bench.run("sample-data", { rows: "5000" })).output("file"), "utf8");
  assert.ok(more.startsWith(few));
  assert.equal(more.split("\n").length, 5002);
  const other = readFileSync((await bench.run("sample-data", { rows: "10", seed: "1" })).output("file"), "utf8");
  assert.notEqual(few, other);
});
