import assert from "node:assert/strict";
import { test } from "node:test";
import { Events, Pods } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { createRecorder } from "./index.ts";

test("the same event again is counted, others are written, and one object cannot flood", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const spec = { containers: [{ name: "c", image: "busybox" }] };
  const pod = await client.create(Pods, { metadata: { namespace: "default", name: "web" }, spec });
  let now = Date.UTC(2026, 0, 1);
  const recorder = createRecorder(client, { component: "tester", host: "n1", now: () => now });
  recorder.warning(pod, "Failed", "no luck");
  now += 5000;
  recorder.warning(pod, "Failed", "no luck");
  recorder.normal({ ...pod, fieldPath: "spec.containers{c}" }, "Started", "at last");
  await recorder.flush();
  const { items } = await client.list(Events, {
    namespace: "default",
    fieldSelector: `involvedObject.uid=${pod.metadata.uid}`,
  });
  const shown = items.map(({ type, reason, count, lastTimestamp, source, involvedObject }) => {
    return [type, reason, count, lastTimestamp, source, involvedObject.fieldPath];
  });
  const source = { component: "tester", host: "n1" };
  assert.deepEqual(shown, [
    ["Warning", "Failed", 2, "2026-01-01T00:00:05Z", source, undefined],
    ["Normal", "Started", 1, "2026-01-01T00:00:05Z", source, "spec.containers{c}"],
  ]);
  for (let i = 0; i < 40; i++) recorder.normal(pod, "Spam", `number ${i}`);
  await recorder.flush();
  const all = await client.list(Events, { namespace: "default" });
  assert.equal(all.items.length, 2 + 22);
});
