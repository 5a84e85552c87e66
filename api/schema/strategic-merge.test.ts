import assert from "node:assert/strict";
import { test } from "node:test";
import { applyStrategicMerge, builtinSchema } from "./index.ts";

const pod = builtinSchema("core/v1.Pod");
const container = (name: string, more: object = {}) => ({ name, ...more });

/** What it is about, target, patch, result. Source of the cases: kubernetes.io's description of strategic merge patch. */
const cases: [string, object, object, object][] = [
  [
    "items merge by their key, new ones come first",
    { spec: { containers: [container("a", { image: "x" })] } },
    { spec: { containers: [container("b", { image: "z" }), container("a", { image: "y" })] } },
    { spec: { containers: [container("b", { image: "z" }), container("a", { image: "y" })] } },
  ],
  [
    "$patch: delete removes an item",
    { spec: { containers: [container("a"), container("b")] } },
    { spec: { containers: [{ name: "a", $patch: "delete" }] } },
    { spec: { containers: [container("b")] } },
  ],
  [
    "$patch: replace replaces a list",
    { spec: { containers: [container("a"), container("b")] } },
    { spec: { containers: [{ $patch: "replace" }, container("c")] } },
    { spec: { containers: [container("c")] } },
  ],
  [
    "$patch: replace replaces an object",
    { spec: { securityContext: { runAsUser: 1 } } },
    { spec: { securityContext: { $patch: "replace", runAsGroup: 2 } } },
    { spec: { securityContext: { runAsGroup: 2 } } },
  ],
  [
    "null removes, also in maps",
    { metadata: { labels: { a: "1", b: "2" } }, spec: { nodeName: "n" } },
    { metadata: { labels: { a: null } }, spec: { nodeName: null } },
    { metadata: { labels: { b: "2" } }, spec: {} },
  ],
  [
    "lists without a merge strategy are replaced",
    { spec: { containers: [container("a", { args: ["x", "y"] })] } },
    { spec: { containers: [container("a", { args: ["z"] })] } },
    { spec: { containers: [container("a", { args: ["z"] })] } },
  ],
  [
    "$retainKeys keeps what it names",
    { spec: { volumes: [{ name: "v", emptyDir: {} }] } },
    { spec: { volumes: [{ name: "v", $retainKeys: ["name", "hostPath"], hostPath: { path: "/" } }] } },
    { spec: { volumes: [{ name: "v", hostPath: { path: "/" } }] } },
  ],
  [
    "$deleteFromPrimitiveList and merged primitive lists",
    { metadata: { finalizers: ["a/x", "b/x"] } },
    { metadata: { "$deleteFromPrimitiveList/finalizers": ["a/x"], finalizers: ["c/x"] } },
    { metadata: { finalizers: ["c/x", "b/x"] } },
  ],
  [
    "$setElementOrder orders what it names",
    { spec: { containers: [container("a"), container("b")] } },
    {
      spec: {
        "$setElementOrder/containers": [{ name: "b" }, { name: "a" }],
        containers: [container("b", { image: "y" })],
      },
    },
    { spec: { containers: [container("b", { image: "y" }), container("a")] } },
  ],
];

test("strategic merge patches", () => {
  for (const [name, target, patch, expected] of cases) {
    const before = structuredClone(target);
    assert.deepEqual(applyStrategicMerge(target, patch, pod), expected, name);
    assert.deepEqual(target, before, `${name}: the target is not changed`);
  }
});

test("malformed ones are refused", () => {
  const bad: [object, string][] = [
    [{ $patch: "other" }, "Unknown"],
    [{ spec: { containers: [{ image: "x" }] } }, "Unknown"],
    [{ spec: { $other: 1 } }, "BadRequest"],
    [{ spec: { $retainKeys: "x" } }, "BadRequest"],
  ];
  for (const [patch, reason] of bad) assert.throws(() => applyStrategicMerge({ spec: {} }, patch, pod), { reason });
});
