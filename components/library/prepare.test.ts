import assert from "node:assert/strict";
import { test } from "node:test";
import { type Bench, createBench } from "@capstan/testing/components";
import { allot } from "./split.ts";

async function table(bench: Bench, csv: string): Promise<string> {
  return (await bench.run("read-file", {}, { file: bench.file(`${Math.random()}.csv`, csv) })).output("table");
}

test("select keeps, drops, renames (also in a circle) and gives roles", async () => {
  using bench = createBench();
  const from = await table(bench, "id,a,b,c,y\n1,2,3,4,5\n");
  const step = await bench.run(
    "select",
    { columns: "a, b", id: "id", label: "y", rename: "a=b, b=a" },
    { table: from },
  );
  const { columns } = await bench.table(step.output("table"));
  assert.deepEqual(
    columns.map(({ name, role }) => `${name}:${role}`),
    ["id:id", "b:feature", "a:feature", "y:label"],
  );
  assert.deepEqual(await bench.rows(step.output("table")), [{ id: 1, b: 2, a: 3, y: 5 }]);
  await assert.rejects(
    bench.run("select", { drop: "y", label: "y" }, { table: from }),
    /label: column "y" is dropped too/,
  );
  await assert.rejects(
    bench.run("select", { rename: "a=b" }, { table: from }),
    /rename: two columns would be named "b"/,
  );
  await assert.rejects(
    bench.run("select", { lable: "y" }, { table: from }),
    /lable: no parameter "lable": did you mean "label"/,
  );
});

test("impute fills features, marks what it filled, and refuses what has no value", async () => {
  using bench = createBench();
  const from = await table(bench, "n,t,empty\n1,x,\n,,\n4,y,\n5,y,\n");
  const parameters = { columns: "n, t", strategies: "n=mean", indicator: "true" };
  const step = await bench.run("impute", parameters, { table: from });
  const rows = await bench.rows(step.output("table"));
  assert.deepEqual(rows[1], { n: Math.fround(10 / 3), n_missing: 1, t: "y", t_missing: 1, empty: null });
  assert.deepEqual(rows[0], { n: 1, n_missing: 0, t: "x", t_missing: 0, empty: null });
  await assert.rejects(
    bench.run("impute", {}, { table: from }),
    /column "empty" has no value at all to take the mode of/,
  );
  await assert.rejects(
    bench.run("impute", { strategies: "t=median" }, { table: from }),
    /strategies: column "t" is text: it has no median/,
  );
});

test("splits are disjoint, whole, stratified, and the same for the same seed", async () => {
  using bench = createBench();
  const lines = Array.from({ length: 103 }, (_, i) => `${i},${i % 10 === 0 ? "rare" : i % 3 === 0 ? "" : "common"}`);
  const from = await table(bench, `n,kind\n${lines.join("\n")}\n`);
  const deal = async (seed: string) => {
    const step = await bench.run("split", { ratio: "0.7", stratify: "kind", seed }, { table: from });
    return { train: await bench.rows(step.output("train")), test: await bench.rows(step.output("test")) };
  };
  const { train, test } = await deal("3");
  assert.equal(test.length, 31);
  const all = [...train, ...test].map((row) => Number(row.n)).sort((a, b) => a - b);
  assert.deepEqual(
    all,
    Array.from({ length: 103 }, (_, i) => i),
  );
  const counts = ["rare", "common", null].map((kind) => test.filter((row) => row.kind === kind).length);
  assert.deepEqual(counts, allot([11, 61, 31], 31));
  assert.deepEqual(await deal("3"), { train, test });
  assert.notDeepEqual((await deal("4")).test, test);
});

test("the rows that seed 42 holds back stay the same from release to release", async () => {
  using bench = createBench();
  const from = await table(bench, `n\n${Array.from({ length: 20 }, (_, i) => i).join("\n")}\n`);
  const step = await bench.run("split", { ratio: "0.75" }, { table: from });
  const held = (await bench.rows(step.output("test"))).map((row) => row.n);
  assert.deepEqual(held, [4, 6, 7, 10, 17]);
});

test("shares go to the largest remainders", () => {
  assert.deepEqual(allot([50, 30, 20], 10), [5, 3, 2]);
  assert.deepEqual(allot([1, 1, 1], 2), [1, 1, 0]);
  assert.deepEqual(allot([7, 3], 3), [2, 1]);
});

test("one-hot refuses columns with too many values, and leaves the label alone", async () => {
  using bench = createBench();
  const from = await table(bench, "a,b,y\nx,1,p\ny,2,q\nz,3,p\n");
  const labelled = (await bench.run("select", { label: "y" }, { table: from })).output("table");
  const rows = await bench.rows((await bench.run("one-hot", {}, { table: labelled })).output("table"));
  assert.deepEqual(rows[1], { "a=x": 0, "a=y": 1, "a=z": 0, b: 2, y: "q" });
  await assert.rejects(bench.run("one-hot", { limit: "2" }, { table: labelled }), /column "a" has more than 2 values/);
  await assert.rejects(bench.run("one-hot", { columns: "y" }, { table: labelled }), /columns: column "y" is the label/);
  await assert.rejects(
    bench.run("one-hot", { columns: "b" }, { table: labelled }),
    /column "b" is of type integer; needed is string/,
  );
});
