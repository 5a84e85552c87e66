import assert from "node:assert/strict";
import { test } from "node:test";
import type { Node, Pod } from "@capstan/api/generated/core-v1";
import { RuntimeClasses } from "@capstan/api/generated/resources";
import { attributesFor, createMemoryView, runAdmission } from "@capstan/testing/view";
import { taintNodesByCondition } from "./node-taint.ts";
import { createRuntimeClassAdmission } from "./runtime-class.ts";

const view = createMemoryView("a");
const tolerations = [{ key: "sandbox", operator: "Exists" }];
view.put(RuntimeClasses, {
  metadata: { name: "safe" },
  handler: "gvisor",
  overhead: { podFixed: { cpu: "100m" } },
  scheduling: { nodeSelector: { sandbox: "yes" }, tolerations },
});
view.put(RuntimeClasses, { metadata: { name: "plain" }, handler: "runc" });

async function admitted(spec: Partial<Pod["spec"]>): Promise<Pod["spec"]> {
  const object = { metadata: { name: "p", namespace: "a" }, spec: { containers: [], ...spec } };
  const attributes = attributesFor({ path: "/api/v1/namespaces/a/pods", kind: "Pod", object });
  return ((await runAdmission([createRuntimeClassAdmission(view)], attributes)).object as Pod).spec;
}

test("a pod gets the overhead and the nodes of its class", async () => {
  const spec = await admitted({ runtimeClassName: "safe", nodeSelector: { disk: "ssd" }, tolerations });
  assert.deepEqual(spec.overhead, { cpu: "100m" });
  assert.deepEqual(spec.nodeSelector, { disk: "ssd", sandbox: "yes" });
  assert.deepEqual(spec.tolerations, tolerations);
  assert.equal((await admitted({ runtimeClassName: "safe", overhead: { cpu: "0.1" } })).overhead?.cpu, "100m");
  assert.deepEqual(await admitted({}), { containers: [] });
});

test("a class that is not there or says something else refuses the pod", async () => {
  const refused = (spec: Partial<Pod["spec"]>, message: RegExp) => assert.rejects(admitted(spec), message);
  await refused({ runtimeClassName: "none" }, /pod rejected: RuntimeClass "none" not found/);
  await refused({ runtimeClassName: "safe", overhead: { cpu: "1" } }, /doesn't match RuntimeClass's defined Overhead/);
  const without = /Pod Overhead set without corresponding RuntimeClass defined Overhead/;
  await refused({ runtimeClassName: "plain", overhead: { cpu: "1" } }, without);
  await refused({ overhead: { cpu: "1" } }, without);
  await refused(
    { runtimeClassName: "safe", nodeSelector: { sandbox: "no" } },
    /conflict: runtimeClass.scheduling.nodeSelector\[sandbox\] = yes; pod.spec.nodeSelector\[sandbox\] = no/,
  );
});

test("a new node takes no pods until somebody finds it ready", async () => {
  const of = async (spec?: Node["spec"]) => {
    const attributes = attributesFor({
      path: "/api/v1/nodes",
      kind: "Node",
      object: { metadata: { name: "n" }, spec },
    });
    return ((await runAdmission([taintNodesByCondition], attributes)).object as Node).spec?.taints;
  };
  const taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };
  const own = { key: "gpu", effect: "NoSchedule" };
  assert.deepEqual(await of(), [taint]);
  assert.deepEqual(await of({ taints: [own] }), [own, taint]);
  assert.deepEqual(await of({ taints: [taint] }), [taint]);
});
