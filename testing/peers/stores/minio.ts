import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadArtifact, openStore, saveArtifact } from "@capstan/core/artifacts";
import { minioKeys, missing, openDesk, startMinio } from "./programs.ts";
import { resources, signal, tryStore } from "./suite.ts";

const skip = missing("minio");
const keys = { accessKeySecret: { name: "m", key: "id" }, secretKeySecret: { name: "m", key: "key" } };
const given = resources({ "m/id": minioKeys.user, "m/key": minioKeys.password, "m/wrong": "wrong" });

test("MinIO keeps trees", { skip }, async () => {
  const endpoint = await startMinio();
  const s3 = { endpoint, insecure: true, bucket: "trees", createBucketIfNotPresent: {}, ...keys };
  const { createBucketIfNotPresent: _, ...known } = s3;
  await assert.rejects(
    loadArtifact({ s3: { ...known, key: "x" } }, "/nowhere/x", given, signal),
    /bucket does not exist/,
  );
  const desk = openDesk("s3");
  writeFileSync(join(desk, "f"), "text");
  await saveArtifact({ s3: { ...s3, key: "first" } }, join(desk, "f"), "f", given, signal);
  await tryStore((key) => ({ s3: { ...s3, key } }), given);
  await tryStore((key) => ({ oss: { ...keys, endpoint: `http://${endpoint}`, bucket: "trees", key } }), given);
  using opened = await openStore({ s3: { ...s3, key: "first" } }, given, signal);
  const answer = await fetch((await opened.store.link?.("first", 60)) as string);
  assert.equal(answer.status, 200);
  const wrong = { ...s3, secretKeySecret: { name: "m", key: "wrong" }, key: "first" };
  await assert.rejects(loadArtifact({ s3: wrong }, join(desk, "o"), given, signal), /SignatureDoesNotMatch/);
});

test("MinIO takes 200 MB in parts, and gives them back", { skip }, async () => {
  const endpoint = await startMinio();
  const desk = openDesk("large");
  const block = Buffer.from(Array.from({ length: 1 << 20 }, (_, i) => (i * 7919) % 251));
  writeFileSync(join(desk, "f"), Buffer.concat(Array.from({ length: 200 }, () => block)));
  const s3 = { endpoint, insecure: true, bucket: "large", key: "f", createBucketIfNotPresent: {}, ...keys };
  const place = { s3, archive: { none: {} } };
  await saveArtifact(place, join(desk, "f"), "f", given, signal);
  await loadArtifact(place, join(desk, "o"), given, signal);
  assert.ok(readFileSync(join(desk, "o")).equals(readFileSync(join(desk, "f"))));
});
