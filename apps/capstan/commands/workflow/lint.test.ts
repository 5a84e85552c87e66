import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const main = join(import.meta.dirname, "../../main.ts");
const lint = (input: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [main, "workflow", "lint", ...args], {
    encoding: "utf8",
    input,
  });
  return { status, stdout, stderr };
};
const workflow = (entrypoint: string) =>
  `apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\nspec:\n  entrypoint: ${entrypoint}\n  templates: [{name: m, suspend: {}}]\n`;

test("files, directories and standard input are looked at without a cluster", () => {
  const directory = mkdtempSync(join(tmpdir(), "lint-"));
  try {
    mkdirSync(join(directory, "below"));
    writeFileSync(join(directory, "good.yaml"), workflow("m"));
    assert.equal(lint("", directory).status, 0);
    const bad = join(directory, "below", "bad.yml");
    writeFileSync(bad, workflow("n"));
    const found = lint("", directory, "-o", "simple");
    assert.equal(found.status, 1);
    assert.equal(
      found.stdout,
      `${bad}:5:3: error: spec.entrypoint: template n not found in the workflow; did you mean m? (Workflow w)\n`,
    );
    const [only] = JSON.parse(lint(workflow("n"), "-", "-o", "json").stdout) as { file: string; line: number }[];
    assert.deepEqual([only?.file, only?.line], ["-", 5]);
    assert.equal(lint("", bad, "--kinds", "cronworkflows").status, 0);
    assert.match(lint("", bad, "-o", "xml").stderr, /-o is one of pretty, simple, json, github/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
