// The same input through scikit-learn, recorded by testing/peers/sklearn/record.py, and through the components.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fitLogistic } from "@capstan/components/engine";
import { createBench } from "@capstan/testing/components";

const recorded = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/sklearn.json"), "utf8"));
const penguins = join(import.meta.dirname, "../../examples/penguins.csv");
const numbers = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"];

function close(actual: number, expected: number, tolerance: number, what: string): void {
  const off = Math.abs(actual - expected);
  assert.ok(
    off <= tolerance * Math.max(1, Math.abs(expected)),
    `${what}: ${actual} is not ${expected} (off by ${off})`,
  );
}

test("impute learns what scikit-learn's SimpleImputer learns", async () => {
  using bench = createBench();
  const table = (await bench.run("read-file", {}, { file: penguins })).output("table");
  for (const strategy of ["mean", "median", "mode"]) {
    const step = await bench.run("impute", { columns: numbers.join(","), numbers: strategy }, { table });
    const { columns } = step.result<{ columns: { column: string; value: number }[] }>("fitted");
    assert.deepEqual(
      columns.map(({ column }) => column),
      numbers,
    );
    for (const [i, { value }] of columns.entries())
      close(value, recorded.impute[strategy][i], 1e-9, `${strategy} of ${numbers[i]}`);
  }
  const step = await bench.run("impute", { columns: "island, sex" }, { table });
  const { columns } = step.result<{ columns: { value: string }[] }>("fitted");
  assert.deepEqual(
    columns.map(({ value }) => value),
    recorded.impute.text,
  );
});

for (const method of ["standard", "min-max", "robust"]) {
  test(`scale by ${method} is scikit-learn's`, async () => {
    using bench = createBench();
    const table = (await bench.run("read-file", {}, { file: penguins })).output("table");
    const step = await bench.run("scale", { columns: numbers.join(","), method }, { table });
    const { columns } = step.result<{ columns: { offset: number; divisor: number }[] }>("fitted");
    columns.forEach(({ offset, divisor }, i) => {
      close(offset, recorded.scale[method].offset[i], 1e-9, `offset of ${numbers[i]}`);
      close(divisor, recorded.scale[method].divisor[i], 1e-9, `divisor of ${numbers[i]}`);
    });
    const rows = await bench.rows(step.output("table"));
    recorded.scale[method].first.forEach((expected: (number | null)[], row: number) => {
      numbers.forEach((name, i) => {
        const [value, other] = [rows[row]?.[name], expected[i]];
        if (other === null) assert.equal(value, null);
        // Float32 from the first step on: half a unit in the last place of the largest number on the way.
        else close(Number(value), other as number, 1e-6, `${name} of row ${row}`);
      });
    });
  });
}

test("one-hot has scikit-learn's categories, in its order", async () => {
  using bench = createBench();
  const table = (await bench.run("read-file", {}, { file: penguins })).output("table");
  const step = await bench.run("one-hot", { columns: "island, sex" }, { table });
  const { columns } = step.result<{ columns: { values: string[] }[] }>("fitted");
  assert.deepEqual(
    columns.map(({ values }) => values),
    recorded.oneHot.categories,
  );
  const names = ["island=Biscoe", "island=Dream", "island=Torgersen", "sex=female", "sex=male"];
  const rows = (await bench.rows(step.output("table"))).filter(
    (row) => Number(row["sex=female"]) + Number(row["sex=male"]) > 0,
  );
  recorded.oneHot.first.forEach((expected: number[], i: number) => {
    assert.deepEqual(
      names.map((name) => rows[i]?.[name]),
      expected,
    );
  });
});

test("logistic regression has scikit-learn's coefficients", async () => {
  const rows = readFileSync(penguins, "utf8").trim().split("\n").slice(1);
  const records = rows.map((line) => line.split(",")).filter((fields) => !fields.slice(2, 6).includes("NA"));
  const { offset, divisor } = recorded.scale.standard;
  const columns = numbers.map((_, f) =>
    Float32Array.from(records, (fields) => (Number(fields[f + 2]) - offset[f]) / divisor[f]),
  );
  const species = ["Adelie", "Chinstrap", "Gentoo"];
  const labels = Float32Array.from(records, ([name]) => species.indexOf(name as string));
  const options = { c: 1, iterations: 2000, tolerance: 1e-9 };
  const fits = {
    binary: await fitLogistic(
      columns,
      { objective: "binary", outputs: 1, labels: labels.map((k) => Number(k === 2)) },
      options,
    ),
    softmax: await fitLogistic(columns, { objective: "softmax", outputs: 3, labels }, options),
  };
  for (const [name, fit] of Object.entries(fits)) {
    const { coefficients, intercepts } = recorded.logistic[name];
    for (const [i, value] of fit.coefficients.flat().entries())
      close(value, coefficients.flat()[i], 1e-4, `${name} coefficient ${i}`);
    for (const [i, value] of fit.intercepts.entries()) close(value, intercepts[i], 1e-4, `${name} intercept ${i}`);
  }
});
