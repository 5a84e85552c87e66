import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { isTest, root, sources } from "./source.ts";

const files = sources().filter((file) => !isTest(file.path));
const lengths = files.map((file) => file.lines).sort((a, b) => a - b);
const at = (share: number) => lengths[Math.min(lengths.length - 1, Math.floor(lengths.length * share))] ?? 0;

test("half of the files have at most 100 lines", () => {
  assert.ok(at(0.5) <= 100, `The median file has ${at(0.5)} lines: the next reader should know a room at once.`);
});

test("95 of 100 files have at most 350 lines", () => {
  assert.ok(at(0.95) <= 350, `The 95th percentile is ${at(0.95)} lines: split what does two things.`);
});

test("no file has more than 500 lines", () => {
  const long = sources().filter((file) => file.lines > 500);
  const names = long.map((file) => `${file.path} (${file.lines})`);
  assert.deepEqual(names, [], `A file that long holds several nouns:\n  ${names.join("\n  ")}\n`);
});

test("no function has more than 70 lines", () => {
  const command = ["biome", "lint", "--only=complexity/noExcessiveLinesPerFunction", "--max-diagnostics=50", "."];
  try {
    execFileSync("npx", command, { cwd: root, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
    const where = `${stdout}${stderr}`.split("\n").filter((line) => line.includes("noExcessiveLinesPerFunction"));
    assert.fail(`A function does one thing, and that fits in 70 lines:\n  ${where.join("\n  ")}\n`);
  }
});
