import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinSchema } from "@capstan/api/schema";
import { newFields } from "./new-fields.ts";
import { compare } from "./typed.ts";

const container = {
  name: "c",
  image: "i",
  command: ["a"],
  env: [
    { name: "B", value: "1" },
    { name: "A", value: "" },
    { name: "A", value: "again" },
  ],
  ports: [{ containerPort: 80 }, { containerPort: 81, protocol: "UDP" }],
  resources: {},
  securityContext: { capabilities: { add: ["X"] } },
};
const pod = {
  metadata: {
    labels: { b: "1", a: "2" },
    annotations: {},
    finalizers: ["x/y", "a/b"],
    ownerReferences: [{ uid: "u" }],
  },
  spec: {
    containers: [container, { name: "d" }],
    volumes: [{ name: "v", emptyDir: {} }],
    nodeSelector: { z: "1" },
    tolerations: [],
  },
};

test("a new object's fields are those that differ from nothing, in upstream's order", () => {
  const schema = builtinSchema("core/v1.Pod");
  const nothing = { metadata: {}, spec: { containers: [] } };
  const expected = compare(nothing, pod, schema).added.format();
  assert.deepEqual(newFields(pod, schema), expected);
  assert.equal(JSON.stringify(newFields(pod, schema)), JSON.stringify(expected));
});

test("what no schema describes is deduced", () => {
  const value: Record<string, unknown> = { spec: { a: { b: 1, c: {} }, list: [{ x: 1 }], none: null } };
  const schema = { kind: "any" } as const;
  assert.deepEqual(newFields(value, schema), compare({}, value, schema).added.format());
});
