import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createBench } from "@capstan/testing/components";

async function read(content: string | Uint8Array, parameters: Record<string, string> = {}) {
  using bench = createBench();
  const step = await bench.run("read-file", parameters, { file: bench.file("data", content) });
  const { columns } = await bench.table(step.output("table"));
  const types = Object.fromEntries(columns.map(({ name, type }) => [name, type]));
  return { types, rows: await bench.rows(step.output("table")), lines: step.lines };
}

test("types are the narrowest that fit all values", async () => {
  const { types, rows } = await read(
    'id,price,code,day,open,note,none\n1,2.50,007,2024-01-02,true,a,\n-20,1e3,012,2024-02-29 10:00:00,false,"x, ""y""",NA\n,NA,100,,,,\n',
  );
  assert.deepEqual(types, {
    id: "integer",
    price: "number",
    code: "string",
    day: "timestamp",
    open: "string",
    note: "string",
    none: "string",
  });
  assert.deepEqual(rows[1], {
    id: -20,
    price: 1000,
    code: "012",
    day: "2024-02-29T10:00:00.000Z",
    open: "false",
    note: 'x, "y"',
    none: null,
  });
  assert.deepEqual(Object.values(rows[2] ?? {}), [null, null, "100", null, null, null, null]);
});

test("the delimiter is found, or given; a byte order mark and CRLF do no harm", async () => {
  const { rows } = await read("\uFEFFa;b\r\n1;2,5\r\n");
  assert.deepEqual(rows, [{ a: 1, b: "2,5" }]);
  assert.deepEqual((await read("a|b\n1|2\n", { delimiter: "comma" })).rows, [{ "a|b": "1|2" }]);
  assert.deepEqual((await read("1,x\n2,y\n", { header: "false" })).rows[1], { column1: 2, column2: "y" });
});

test("a broken row is named by its line, also behind fields that hold line ends", async () => {
  await assert.rejects(read("a,b\n1,2\n3\n4,5\n"), /line 3 of the CSV file is broken: 1 fields, the header has 2.*"3"/);
  await assert.rejects(read('a,b\n"x\ny",2\n4,5,6\n'), /line 4 of the CSV file is broken: 3 fields, the header has 2/);
  await assert.rejects(read('a,b\n1,"2\n3,4\n'), /line 2 of the CSV file is broken: .*unterminated quote/i);
  await assert.rejects(read(Buffer.from("a,b\n1,\xff\n", "latin1")), /line 2 of the CSV file is broken: .*unicode/i);
});

test("headers that cannot name columns are refused", async () => {
  await assert.rejects(read(""), /the file is empty/);
  await assert.rejects(read("a,,c\n1,2,3\n"), /line 1: column 2 has no name/);
  await assert.rejects(read("a,a\n1,2\n"), /line 1: two columns are named "a"/);
});

test("a given type holds for every row, and the row that breaks it is named", async () => {
  assert.equal((await read("zip\n12345\n", { types: "zip=string" })).types.zip, "string");
  await assert.rejects(
    read("n\n1\n2\nx\n", { types: "n=number" }),
    /column "n", data row 3: "x" is not of type number/,
  );
  await assert.rejects(
    read("price\n1\n", { types: "prize=number" }),
    /types: no column "prize": did you mean "price"\?/,
  );
});

test("a column that is almost all numbers is read as text, and says which row is to blame", async () => {
  const numbers = Array.from({ length: 50 }, (_, i) => String(i));
  const { types, lines } = await read(`n\n${[...numbers, "oops"].join("\n")}\n`);
  assert.equal(types.n, "string");
  assert.match(lines.join("\n"), /column "n" is read as text: data row 51 has "oops"/);
});

test("samples are the same for the same seed, and keep the rows' order", async () => {
  const csv = `n\n${Array.from({ length: 1000 }, (_, i) => i).join("\n")}\n`;
  const first = (await read(csv, { sample: "10", seed: "1" })).rows.map((row) => Number(row.n));
  assert.deepEqual(
    first,
    [...first].sort((a, b) => a - b),
  );
  assert.equal(first.length, 10);
  assert.deepEqual(
    (await read(csv, { sample: "10", seed: "1" })).rows.map((row) => row.n),
    first,
  );
  assert.notDeepEqual(
    (await read(csv, { sample: "10", seed: "2" })).rows.map((row) => row.n),
    first,
  );
});

test("JSON and Parquet are read as they are; nested values are refused by name", async () => {
  const { types, rows } = await read('{"a": 1, "b": "x", "c": true}\n{"a": 2.5, "b": "", "c": null}\n');
  assert.deepEqual(types, { a: "number", b: "string", c: "string" });
  assert.deepEqual(rows, [
    { a: 1, b: "x", c: "true" },
    { a: 2.5, b: null, c: null },
  ]);
  await assert.rejects(read('[{"a": [1, 2]}]'), /column "a" holds BIGINT\[\]: only plain values fit a table/);
  using bench = createBench();
  const table = (await bench.run("read-file", {}, { file: bench.file("t.csv", "a,b\n1,x\n") })).output("table");
  const again = (await bench.run("read-file", {}, { file: table })).output("table");
  assert.deepEqual(await bench.rows(again), [{ a: 1, b: "x" }]);
});

test("a file in a folder stays in the folder", async () => {
  using bench = createBench();
  const folder = join(bench.directory, "folder");
  mkdirSync(folder);
  writeFileSync(join(folder, "in.csv"), "a\n1\n");
  bench.file("out.csv", "a\n2\n");
  const step = await bench.run("read-file", { path: "in.csv" }, { file: folder });
  assert.deepEqual(await bench.rows(step.output("table")), [{ a: 1 }]);
  await assert.rejects(
    bench.run("read-file", { path: "../out.csv" }, { file: folder }),
    /the input folder has no file/,
  );
  await assert.rejects(bench.run("read-file", {}, { file: folder }), /the input is a folder: name the file in it/);
  await assert.rejects(bench.run("read-file", {}), /nothing to read: connect the input file/);
});

test("numbers that no float32 can hold are refused when they are needed, not before", async () => {
  using bench = createBench();
  const table = (await bench.run("read-file", {}, { file: bench.file("t.csv", "a,y\n1e300,p\n2,q\n3,p\n") })).output(
    "table",
  );
  await assert.rejects(bench.run("gbdt", { label: "y" }, { table }), /1e\+300.*out of range.*FLOAT/);
  const infinite = (await bench.run("read-file", {}, { file: bench.file("i.csv", "a,y\ninf,p\n2,q\n") })).output(
    "table",
  );
  await assert.rejects(
    bench.run("gbdt", { label: "y" }, { table: infinite }),
    /column "a", row 1: the value is infinite/,
  );
});
