import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { RuntimeClasses } from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";
import { checkRuntimeClass } from "./runtime-class.ts";

test("a pod runs with the handler that its class asks for, or not at all", async () => {
  await using cluster = await TestCluster.start();
  for (const [name, handler] of [
    ["usual", "runc"],
    ["own", "capstan"],
    ["sandboxed", "runsc"],
  ] as const) {
    await cluster.client.create(RuntimeClasses, { metadata: { name }, handler });
  }
  const check = (runtimeClassName?: string) =>
    checkRuntimeClass({ spec: { runtimeClassName, containers: [] } } as unknown as Pod, cluster.client, "capstan");
  await check();
  await check("usual");
  await check("own");
  await assert.rejects(check("sandboxed"), /"sandboxed": no runtime for "runsc" is configured: this node has "runc"/);
  await assert.rejects(check("gone"), /RuntimeClass "gone" is not there/);
});
