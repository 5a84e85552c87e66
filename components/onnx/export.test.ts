// Every kind of model and step, in the engine and as ONNX in the runtime that serves it: the same answers.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { type ModelDocument, readModel } from "@capstan/components/models";
import { type Bench, createBench } from "@capstan/testing/components";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { createRandom } from "../engine/index.ts";

const rows = 1200;

/** Numbers with gaps, texts with gaps and with values that the training rows lack. */
function makeCsv(seed: number, label: (x: number, y: number, shop: string, noise: number) => string): string {
  const random = createRandom(seed);
  const lines = ["x,y,big,shop,answer"];
  for (let i = 0; i < rows; i++) {
    const x = random() * 10 - 5;
    const y = random() * 100;
    const shop = ["north", "süd", "o'west", ""][Math.floor(random() * 4)] as string;
    const gap = (text: string) => (random() < 0.1 ? "" : text);
    lines.push(
      `${gap(x.toFixed(3))},${gap(y.toFixed(1))},${Math.floor(random() * 1e6)},${shop},${label(x, y, shop, random())}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

const two = (x: number, y: number, shop: string, noise: number) =>
  x + y / 20 - 2.5 + (shop === "north" ? 2 : 0) + noise > 0.5 ? "yes" : "no";
const three = (x: number, y: number, shop: string, noise: number) =>
  String(Math.min(2, Math.max(0, Math.floor(x / 4 + y / 60 + (shop === "" ? 0.5 : 0) + noise))));
const value = (x: number, y: number, shop: string, noise: number) =>
  (x * x + y / 10 + (shop === "süd" ? 5 : 0) + noise).toFixed(3);

async function prepare(bench: Bench, csv: string): Promise<{ train: string; raw: string }> {
  const raw = (await bench.run("read-file", {}, { file: bench.file("data.csv", csv) })).output("table");
  const named = await bench.run("select", { label: "answer", rename: "x=height, y=x" }, { table: raw });
  const whole = await bench.run(
    "impute",
    { indicator: "true", strategies: "shop=mode, x=mean" },
    { table: named.output("table") },
  );
  const logged = await bench.run("scale", { columns: "big", method: "log" }, { table: whole.output("table") });
  const scaled = await bench.run("scale", { columns: "height", method: "robust" }, { table: logged.output("table") });
  const encoded = await bench.run("one-hot", {}, { table: scaled.output("table") });
  return { train: encoded.output("table"), raw };
}

/** Answers of the runtime for the raw rows; missing is "" and NaN. */
async function serve(bench: Bench, directory: string, raw: string) {
  const session = await InferenceSession.create(join(directory, "model.onnx"));
  const table = await bench.rows(raw);
  const feeds: Record<string, Tensor> = {};
  for (const name of session.inputNames) {
    const values = table.map((row) => row[name]);
    feeds[name] =
      name === "shop"
        ? new Tensor(
            "string",
            values.map((text) => String(text ?? "")),
            [values.length],
          )
        : new Tensor(
            "float32",
            Float32Array.from(values, (number) => (number === null ? Number.NaN : Number(number))),
            [values.length],
          );
  }
  const answer = await session.run(feeds);
  await session.release();
  return answer;
}

async function compare(bench: Bench, directory: string, raw: string): Promise<ModelDocument> {
  const model = await readModel(directory);
  const answers = await serve(bench, directory, raw);
  const step = await bench.run("predict", { prefix: "p_" }, { model: directory, table: raw });
  const predicted = await bench.rows(step.output("table"));
  let worst = 0;
  predicted.forEach((row, i) => {
    if (model.task === "regression") {
      const [here, there] = [Number(row.p_answer), Number(answers.answer?.data[i])];
      worst = Math.max(worst, Math.abs(here - there) / Math.max(1, Math.abs(here)));
      return;
    }
    model.classes.forEach((name, k) => {
      const p = Number(answers.probabilities?.data[i * model.classes.length + k]);
      worst = Math.max(worst, Math.abs(p - Number(row[`p_answer=${name}`])));
    });
    assert.equal(answers.answer?.data[i], row.p_answer, `row ${i}`);
  });
  assert.ok(worst <= 1e-6, `the largest difference is ${worst}`);
  return model;
}

for (const [name, label] of Object.entries({ two, three })) {
  for (const trainer of ["gbdt", "logistic"]) {
    test(`${trainer} with ${name} classes answers the same as ONNX, to 1e-6`, async () => {
      using bench = createBench();
      const { train, raw } = await prepare(bench, makeCsv(5, label));
      const step = await bench.run(trainer, {}, { table: train });
      const model = await compare(bench, step.output("model"), raw);
      assert.equal(model.classes.length, name === "two" ? 2 : 3);
      const document = JSON.parse(readFileSync(join(step.output("model"), "signature.json"), "utf8"));
      const { inputs, outputs } = document.signatures.serving_default;
      assert.deepEqual(
        inputs.map((input: { name: string; dtype: string; nullable?: boolean }) => [
          input.name,
          input.dtype,
          input.nullable,
        ]),
        [
          ["x", "float32", true],
          ["y", "float32", true],
          ["big", "float32", true],
          ["shop", "string", true],
        ],
      );
      assert.deepEqual(
        outputs.map((output: { name: string }) => output.name),
        ["answer", "probabilities"],
      );
    });
  }
}

test("regression answers the same as ONNX, to 1e-6", async () => {
  using bench = createBench();
  const { train, raw } = await prepare(bench, makeCsv(6, value));
  const step = await bench.run("gbdt", { rounds: "50" }, { table: train });
  assert.equal((await compare(bench, step.output("model"), raw)).task, "regression");
});

test("missing numbers go the way the trees learned, without any preprocessing", async () => {
  using bench = createBench();
  const raw = (await bench.run("read-file", {}, { file: bench.file("data.csv", makeCsv(8, two)) })).output("table");
  const named = await bench.run("select", { label: "answer", drop: "shop" }, { table: raw });
  const step = await bench.run("gbdt", {}, { table: named.output("table") });
  await compare(bench, step.output("model"), raw);
});
