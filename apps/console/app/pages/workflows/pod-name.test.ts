import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { podNameOf } from "./pod-name.ts";

const workflow = (annotations = {}): Workflow => ({
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Workflow",
  metadata: { name: "hello", annotations },
  spec: {},
});
const node = (name: string, more: Partial<NodeStatus> = {}): NodeStatus => {
  return { id: "hello-1", name, type: "Pod", templateName: "greet", ...more };
};

// Hashes: published FNV-1a test vectors ("a" is e40c292c, "foobar" bf9cf968).
const cases: [what: string, node: NodeStatus, name: string][] = [
  ["the root node's pod has the workflow's name", node("hello"), "hello"],
  ["others carry their template and the hash of their name", node("a"), "hello-greet-3826002220"],
  [
    "a referenced template counts by its own name",
    node("foobar", { templateRef: { name: "x", template: "t" } }),
    "hello-t-3214735720",
  ],
  ["a node without a template has none in its name", node("a", { templateName: "" }), "hello-3826002220"],
  [
    "a long prefix is cut",
    node("a", { templateName: "t".repeat(300) }),
    `${`hello-${"t".repeat(300)}`.slice(0, 242)}-3826002220`,
  ],
];
for (const [what, of, name] of cases) test(what, () => assert.equal(podNameOf(workflow(), of), name));

test("format v1 is the node's ID", () => {
  assert.equal(podNameOf(workflow({ "workflows.argoproj.io/pod-name-format": "v1" }), node("a")), "hello-1");
});
