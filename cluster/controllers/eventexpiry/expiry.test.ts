import assert from "node:assert/strict";
import { test } from "node:test";
import { Events } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createEventExpiry } from "./index.ts";

test("an event goes an hour after it happened last", async () => {
  await using cluster = await TestCluster.start({
    parts: (made) => createEventExpiry({ ...made, now: () => Date.now() + 7_200_000 }),
  });
  const { client } = cluster;
  const lastTimestamp = (milliseconds: number) => new Date(milliseconds).toISOString().replace(/\.\d+Z$/, "Z");
  const event = (name: string, at: number) => ({
    metadata: { namespace: "default", name },
    involvedObject: { kind: "Pod", namespace: "default", name: "x" },
    lastTimestamp: lastTimestamp(at),
  });
  await client.create(Events, event("recent", Date.now() + 7_000_000));
  await client.create(Events, event("old", Date.now()));
  await cluster.until(Events, { namespace: "default", name: "old" }, (found) => found === undefined);
  assert.ok(await client.find(Events, { namespace: "default", name: "recent" }));
});
