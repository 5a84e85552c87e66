import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseCommandLine } from "./command-line.ts";

test("the command line names a component and its parameters", () => {
  assert.deepEqual(parseCommandLine(["split", "--ratio=0.5", "--note=a=b\nc", "--empty="], ["split"]), {
    component: "split",
    parameters: { ratio: "0.5", note: "a=b\nc", empty: "" },
  });
  assert.throws(() => parseCommandLine([], ["split"]), /which component\? Known are split/);
  assert.throws(() => parseCommandLine(["splt"], ["split"]), /no component "splt": did you mean "split"\?/);
  assert.throws(() => parseCommandLine(["split", "ratio"], ["split"]), /"ratio" is not of the form --parameter=value/);
  assert.throws(() => parseCommandLine(["split", "--a=1", "--a=2"], ["split"]), /--a is given twice/);
});

function run(directory: string, args: string[]): Promise<{ code: number; out: string; error: string }> {
  const env = { ...process.env, CAPSTAN_INPUTS: join(directory, "in"), CAPSTAN_OUTPUTS: join(directory, "out") };
  return new Promise((resolve) => {
    execFile(join(import.meta.dirname, "bin/capstan-component"), args, { env }, (failure, out, error) => {
      resolve({ code: failure ? Number(failure.code) : 0, out, error });
    });
  });
}

test("the process reads its ports, prints its progress, and says what is wrong with an exit code of 1", async (context) => {
  const directory = mkdtempSync(join(tmpdir(), "capstan-component-"));
  context.after(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, "in"));
  writeFileSync(join(directory, "in/file"), "a,b\n1,x\n2,y\n");
  const read = await run(directory, ["read-file", "--sample=0"]);
  assert.deepEqual([read.code, read.out, read.error], [0, "2 rows, 2 columns\n", ""]);
  assert.equal(readFileSync(join(directory, "out/table")).subarray(0, 4).toString(), "PAR1");
  assert.equal(JSON.parse(readFileSync(join(directory, "out/summary.json"), "utf8")).rows, 2);
  writeFileSync(join(directory, "in/file"), "a,b\n1\n");
  const broken = await run(directory, ["read-file"]);
  assert.equal(broken.code, 1);
  assert.match(broken.error, /^line 2 of the CSV file is broken: 1 fields, the header has 2/);
  const unknown = await run(directory, ["gbtd"]);
  assert.deepEqual([unknown.code, unknown.error], [1, 'no component "gbtd": did you mean "gbdt"?\n']);
});
