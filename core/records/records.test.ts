import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { testRecords } from "@capstan/testing/contracts";
import { createRecords } from "./index.ts";

const directory = mkdtempSync(join(tmpdir(), "capstan-records-"));
after(() => rmSync(directory, { recursive: true, force: true }));
let files = 0;
const newFile = () => join(directory, `${files++}.db`);

testRecords("sqlite", async () => ({ file: newFile() }));

const workflow = (name: string) =>
  ({ metadata: { name, namespace: "a", uid: name }, spec: {}, status: { phase: "Succeeded" } }) as Workflow;

test("a copy is whole, for its owner alone, and made while others write", async () => {
  const file = newFile();
  await using records = createRecords({ database: { file }, cluster: "here" });
  const { archive, copyTo } = await records.open();
  await archive.add([workflow("one")]);
  const target = newFile();
  await Promise.all([copyTo?.(target), archive.add([workflow("two")])]);
  await using copied = createRecords({ database: { file: target }, cluster: "here" });
  assert.ok(await (await copied.open()).archive.get("one"));
  for (const name of [file, `${file}-wal`, `${file}-shm`]) assert.equal(statSync(name).mode & 0o777, 0o600, name);
});

test("what was answered is there after a kill", async () => {
  const file = newFile();
  const script = `
    import { createRecords } from ${JSON.stringify(new URL("./index.ts", import.meta.url).href)};
    const records = createRecords({ database: { file: ${JSON.stringify(file)} }, cluster: "here" });
    const { archive } = await records.open();
    await archive.add([${JSON.stringify(workflow("kept"))}]);
    process.kill(process.pid, "SIGKILL");`;
  const { signal, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
  assert.equal(signal, "SIGKILL", stderr);
  await using records = createRecords({ database: { file }, cluster: "here" });
  assert.equal((await (await records.open()).archive.get("kept"))?.metadata.name, "kept");
});

test("a database that cannot be opened is told, and asked again the next time", async () => {
  const missing = join(directory, "absent");
  await using records = createRecords({ database: { file: join(missing, "x.db") }, cluster: "here" });
  await assert.rejects(records.open(), /x\.db cannot be used: .*; restore a backup/);
  assert.match(records.problem?.() ?? "", /x\.db/);
  mkdirSync(missing);
  await records.open();
  assert.equal(records.problem?.(), undefined);
});

test("a file that is no database is named, and stays as it is", async () => {
  const file = newFile();
  writeFileSync(file, "this is no database, and long enough to have a header of one hundred bytes".repeat(3));
  const before = readFileSync(file);
  await using records = createRecords({ database: { file }, cluster: "here" });
  await assert.rejects(records.open(), /file is not a database; restore a backup, or move the file away/);
  assert.deepEqual(readFileSync(file), before);
});
