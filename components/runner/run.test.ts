import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ComponentError, defineComponent, type RunContext } from "@capstan/components/contract";
import { catalogue } from "@capstan/components/library";
import { resultLimit, runComponent } from "./run.ts";

const text = { en: "x", zh: "x" };

function tryOut(context: TestContext, run: (context: RunContext) => Promise<void>) {
  const directory = mkdtempSync(join(tmpdir(), "capstan-runner-"));
  context.after(() => rmSync(directory, { recursive: true }));
  const definition = defineComponent({
    name: "probe",
    version: "1.0.0",
    stage: "judge",
    title: text,
    docs: text,
    parameters: { n: { type: "integer", default: 1, title: text, docs: text } },
    inputs: { table: { type: "table", title: text } },
    outputs: {},
    results: { found: text },
    propagate: () => ({ outputs: {}, problems: [] }),
    run: (given) => run(given as unknown as RunContext),
  });
  const lines: string[] = [];
  const start = (parameters: Record<string, string> = {}, signal = new AbortController().signal) =>
    runComponent(definition, {
      parameters,
      inputs: join(directory, "in"),
      outputs: join(directory, "out"),
      scratch: directory,
      log: (line) => lines.push(line),
      signal,
    });
  return { directory, lines, start };
}

test("the scratch directory is gone afterwards, also when the component fails", async (context) => {
  const { directory, start } = tryOut(context, async ({ scratch }) => {
    mkdirSync(join(scratch, "spill"));
    throw new ComponentError("no");
  });
  await assert.rejects(start(), /no/);
  assert.deepEqual(readdirSync(directory), ["out"]);
});

test("parameters are refused before the component runs, inputs when they are asked for", async (context) => {
  let ran = 0;
  const { start } = tryOut(context, async ({ input }) => {
    ran++;
    input("table");
  });
  await assert.rejects(start({ n: "x" }), /n: "x" is not a number/);
  assert.equal(ran, 0);
  await assert.rejects(start(), /the input table is not connected/);
});

test("results too large for a workflow's status are left out, and that is said", async (context) => {
  const { directory, lines, start } = tryOut(context, ({ emit }) => emit("found", "x".repeat(resultLimit)));
  await start();
  assert.match(lines.join(), /found has 200002 characters, more than 200000 \(limit result\): it is left out/);
  assert.match(readFileSync(join(directory, "out/found.json"), "utf8"), /omitted/);
});

test("a signal ends a query that runs", { timeout: 20_000 }, async (context) => {
  const { directory } = tryOut(context, async () => {});
  const stop = new AbortController();
  const options = {
    inputs: join(directory, "in"),
    outputs: join(directory, "out"),
    scratch: directory,
    signal: stop.signal,
  };
  const sample = catalogue.get("sample-data");
  const reader = catalogue.get("read-file");
  assert.ok(sample && reader);
  await runComponent(sample, { ...options, parameters: { rows: "300000" }, log: () => {} });
  const read = runComponent(reader, { ...options, parameters: { path: join(directory, "out/file") }, log: () => {} });
  setImmediate(() => stop.abort(new ComponentError("stopped")));
  await assert.rejects(read, /stopped/);
});
