import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { LogFile } from "./log-file.ts";
import { parseLine, readLog } from "./log-reader.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "capstan-log-"));
  path = join(directory, "a/0.log");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

async function text(options: Parameters<typeof readLog>[1] = {}): Promise<string> {
  let all = "";
  for await (const entry of readLog(path, options)) all += entry.text.toString();
  return all;
}

test("lines are stamped, split ones joined, long ones cut in parts", async () => {
  const log = new LogFile(path);
  log.write("stdout", Buffer.from("on"));
  log.write("stderr", Buffer.from("err\n"));
  log.write("stdout", Buffer.from("e\ntwo\n"));
  log.write("stdout", Buffer.from(`${"x".repeat(40_000)}\nend`));
  log.close();
  const lines = readFileSync(path, "utf8").trimEnd().split("\n");
  const shapes = lines.map((line) => line.replace(/^\S+Z /, "").replace(/x+/, (run) => String(run.length)));
  assert.deepEqual(shapes, [
    "stderr F err",
    "stdout F one",
    "stdout F two",
    "stdout P 16384",
    "stdout P 16384",
    "stdout F 7232",
    "stdout P end",
  ]);
  assert.equal(await text(), `err\none\ntwo\n${"x".repeat(40_000)}\nend`);
});

test("a full file gives way to a new one, and only so many are kept", async () => {
  const log = new LogFile(path, { maxBytes: 200, files: 3 });
  for (let line = 0; line < 20; line++) log.write("stdout", Buffer.from(`line ${line} ${".".repeat(20)}\n`));
  log.close();
  assert.ok(existsSync(`${path}.2`) && !existsSync(`${path}.3`));
  const left = (await text()).split("\n").filter(Boolean);
  assert.equal(left.at(-1), `line 19 ${".".repeat(20)}`);
  const numbers = left.map((line) => Number(line.split(" ")[1]));
  assert.deepEqual(
    numbers,
    numbers.toSorted((a, b) => a - b),
  );
});

test("a follower sees what comes, across a rotation, and ends with the container", async () => {
  const log = new LogFile(path, { maxBytes: 120, files: 5 });
  const ended = Promise.withResolvers<void>();
  log.write("stdout", Buffer.from("first\n"));
  let seen = "";
  for await (const entry of readLog(path, { follow: true, ended: ended.promise })) {
    seen += entry.text;
    if (seen === "first\n") log.write("stdout", Buffer.from("second\n"));
    else if (seen.endsWith("second\n"))
      for (let line = 0; line < 6; line++) log.write("stdout", Buffer.from(`more ${line}\n`));
    else if (seen.endsWith("more 5\n")) {
      log.close();
      ended.resolve();
    }
  }
  assert.match(seen, /^first\nsecond\n(more \d\n)*more 5\n$/);
});

test("times of other runtimes' files become those of the node's own", () => {
  const time = (written: string) => parseLine(Buffer.from(`${written} stdout F said`))?.time;
  assert.equal(time("2026-11-20T11:42:49.123456789Z"), "2026-11-20T11:42:49.123456789Z");
  assert.equal(time("2026-11-20T11:42:49.4583065Z"), "2026-11-20T11:42:49.458306500Z");
  assert.equal(time("2026-11-20T11:42:49Z"), "2026-11-20T11:42:49.000000000Z");
  assert.equal(time("2026-11-21T01:12:49.5+13:30"), "2026-11-20T11:42:49.500000000Z");
});
