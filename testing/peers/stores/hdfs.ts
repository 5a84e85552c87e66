import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadArtifact, saveArtifact } from "@capstan/core/artifacts";
import { missing, openDesk, startHadoop } from "./programs.ts";
import { resources, signal, tryStore } from "./suite.ts";

const skip = missing("hdfs");

test("Hadoop keeps trees, and says what it does not allow", { skip }, async () => {
  const port = await startHadoop();
  const hdfs = { addresses: [`127.0.0.1:${port}`], hdfsUser: process.env.USER ?? "root" };
  await tryStore((key) => ({ hdfs: { ...hdfs, path: `/capstan/${key}` } }), resources());
  const web = (op: string) => ({
    http: { url: `http://127.0.0.1:${port}/webhdfs/v1/by-http?user.name=${hdfs.hdfsUser}&op=${op}` },
    archive: { none: {} },
  });
  await saveArtifact(web("CREATE&overwrite=true"), import.meta.filename, "f", resources(), signal);
  const copy = join(openDesk("copy"), "f");
  assert.equal(await loadArtifact(web("OPEN"), copy, resources(), signal), true);
  assert.equal(readFileSync(copy, "utf8"), readFileSync(import.meta.filename, "utf8"));
  const file = { hdfs: { ...hdfs, path: "/once" } };
  await saveArtifact(file, import.meta.filename, "f", resources(), signal);
  await saveArtifact(file, import.meta.filename, "f", resources(), signal);
  const other = () => saveArtifact(file, import.meta.dirname, "d", resources(), signal);
  await assert.rejects(other(), /there is a file at \/once already; set hdfs\.force/);
  const stranger = { hdfs: { ...hdfs, hdfsUser: "stranger", path: "/new" } };
  await assert.rejects(
    saveArtifact(stranger, import.meta.filename, "f", resources(), signal),
    /hdfs: AccessControlException: Permission denied: user=stranger/,
  );
  assert.equal(await loadArtifact({ hdfs: { ...hdfs, path: "/none" } }, "/nowhere/x", resources(), signal), false);
});
