import assert from "node:assert/strict";
import { test } from "node:test";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Namespaces } from "@capstan/api/generated/resources";
import { attributesFor, createMemoryView, runAdmission } from "@capstan/testing/view";
import { createPodTolerations } from "./pod-tolerations.ts";

const prefix = "scheduler.alpha.kubernetes.io";
const own = { key: "tenant", operator: "Equal", value: "a", effect: "NoSchedule" };

async function create(annotations: Record<string, string>, tolerations?: object[]): Promise<Pod> {
  const view = createMemoryView("a");
  view.put(Namespaces, { metadata: { name: "a", annotations } });
  const object = {
    metadata: { name: "p", namespace: "a" },
    spec: { containers: [], ...(tolerations ? { tolerations } : {}) },
  };
  const write = attributesFor({ path: "/api/v1/namespaces/a/pods", kind: "Pod", object });
  return (await runAdmission([createPodTolerations(view)], write)).object as Pod;
}

test("pods tolerate what their namespace says, once", async () => {
  const annotations = { [`${prefix}/defaultTolerations`]: JSON.stringify([own]) };
  assert.deepEqual((await create(annotations)).spec.tolerations, [own]);
  assert.deepEqual((await create(annotations, [own])).spec.tolerations, [own]);
  assert.equal((await create({})).spec.tolerations, undefined);
  await assert.rejects(create({ [`${prefix}/defaultTolerations`]: "{" }), /is no list of tolerations in JSON/);
});

test("what the namespace's whitelist does not cover is refused", async () => {
  const annotations = { [`${prefix}/tolerationsWhitelist`]: JSON.stringify([own, { key: "x", operator: "Exists" }]) };
  await create(annotations, [own, { key: "x", value: "1" }]);
  for (const foreign of [{ operator: "Exists" }, { ...own, value: "b" }, { ...own, operator: "Exists" }]) {
    await assert.rejects(create(annotations, [foreign]), /conflict with its namespace whitelist/);
  }
});
