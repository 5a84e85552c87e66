import assert from "node:assert/strict";
import { test } from "node:test";
import type { Lineage } from "@capstan/api/kinds/records";
import { lineageGraph } from "./lineage-graph.ts";

function step(workflow: string, node: string, inputs: string[], outputs: string[], reused = false): Lineage["step"] {
  const artifacts = (names: string[]) => names.map((artifact) => ({ name: "a", artifact, location: "" }));
  const shared = { template: "t", phase: "Succeeded", finishedAt: "", parameters: {}, reused };
  const name = `${workflow}[0].${node}`;
  return { ...shared, uid: workflow, workflow, node, name, inputs: artifacts(inputs), outputs: artifacts(outputs) };
}

test("a step follows those of its own workflow, else those that did the work", () => {
  const steps = [
    step("one", "make", [], ["x"]),
    step("two", "make", [], ["x"], true),
    step("two", "use", ["x"], ["y"]),
    step("three", "use", ["x"], []),
  ];
  const { nodes, edges } = lineageGraph(steps);
  assert.deepEqual(
    nodes.map(({ label, phase }) => [label, phase]),
    [
      ["one[0].make", "Succeeded"],
      ["two[0].make", "Skipped"],
      ["two[0].use", "Succeeded"],
      ["three[0].use", "Succeeded"],
    ],
  );
  assert.deepEqual(edges, [
    ["two/make", "two/use"],
    ["one/make", "three/use"],
  ]);
  assert.equal(lineageGraph([steps[0] as Lineage["step"]]).nodes[0]?.label, "make");
});
