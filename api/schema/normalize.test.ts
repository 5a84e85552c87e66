import assert from "node:assert/strict";
import { test } from "node:test";
import { builtinSchema, normalize } from "./index.ts";

const pod = builtinSchema("core/v1.Pod");

test("nulls, empty omitted fields and unknown fields go; set zeroes stay", () => {
  const object = {
    metadata: { name: "a", labels: null, creationTimestamp: null },
    spec: {
      hostNetwork: false,
      automountServiceAccountToken: false,
      bogus: 1,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "c", args: [], env: [{ name: "E", value: "" }], extra: {} }],
    },
  };
  assert.deepEqual(normalize(object, pod), ["spec.bogus", "spec.containers[0].extra"]);
  assert.deepEqual(object, {
    metadata: { name: "a" },
    spec: {
      automountServiceAccountToken: false,
      terminationGracePeriodSeconds: 0,
      containers: [{ name: "c", env: [{ name: "E" }], resources: {} }],
    },
    status: {},
  });
});

test("quantities and times take their canonical form", () => {
  const object = {
    metadata: { creationTimestamp: "2026-01-02T03:04:05.678+01:00" },
    spec: { containers: [{ name: "c", resources: { limits: { cpu: 0.5, memory: "1024Mi" } } }] },
  };
  normalize(object, pod);
  assert.equal(object.metadata.creationTimestamp, "2026-01-02T02:04:05Z");
  assert.deepEqual(object.spec.containers[0]?.resources.limits, { cpu: "500m", memory: "1Gi" });
});

const wrong: [object, string][] = [
  [
    { spec: { priority: "1" } },
    "json: cannot unmarshal string into Go struct field PodSpec.spec.priority of type int32",
  ],
  [
    { spec: { priority: 1.5 } },
    "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.priority of type int32",
  ],
  [
    { spec: { priority: 2 ** 31 } },
    "json: cannot unmarshal number into Go struct field PodSpec.spec.priority of type int32",
  ],
  [
    { spec: { containers: {} } },
    "json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container",
  ],
  [{ spec: [] }, "json: cannot unmarshal array into Go struct field Pod.spec of type PodSpec"],
  [
    { metadata: { labels: { a: 1 } } },
    "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
  ],
];

test("wrong types are named as Go names them", () => {
  for (const [object, message] of wrong) assert.throws(() => normalize(object, pod), { message });
});
