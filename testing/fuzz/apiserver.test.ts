import assert from "node:assert/strict";
import { test } from "node:test";
import { TestCluster } from "../cluster/index.ts";
import { fuzz } from "./fuzz.ts";

/** Enough to reach every verb with every kind; run.ts sends more. */
const count = 3000;
const seed = 20_260_101;

test("no request makes the server fail", async () => {
  await using cluster = await TestCluster.start();
  const { codes } = await fuzz(cluster, count, seed);
  for (const code of [200, 201, 400, 404, 409, 413, 415, 422])
    assert.ok((codes.get(code) ?? 0) > 0, `no answer was ${code}`);
});
