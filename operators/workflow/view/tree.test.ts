import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { renderTree } from "./index.ts";

const at = (second: number) => `2026-01-01T00:00:0${second}Z`;

test("a tree: signs, places, times; what was done once before is told", () => {
  const node = (id: string, second: number, more: Partial<NodeStatus> = {}): NodeStatus => ({
    ...{ id, name: id === "wf" ? id : `wf.${id}`, displayName: id, type: "Pod", phase: "Succeeded" },
    ...{ templateName: "say", boundaryID: "wf", startedAt: at(second), finishedAt: at(second + 1) },
    ...more,
  });
  const all = [
    node("wf", 0, { type: "DAG", templateName: "main", children: ["a"], boundaryID: undefined }),
    node("a", 1, { children: ["b", "c"], memoizationStatus: { hit: true, key: "k", cacheName: "c" } }),
    node("b", 2, { phase: "Failed", message: "Error (exit code 7)" }),
    node("c", 3, { phase: "Running", finishedAt: null }),
  ];
  const nodes = Object.fromEntries(all.map((one) => [one.id, one]));
  const workflow = { metadata: { name: "wf" }, status: { nodes } } as unknown as Workflow;
  const lines = renderTree(workflow, { now: Date.parse(at(8)) }).map((line) => line.trim().split(/\s{2,}/));
  assert.deepEqual(
    lines.map((line) => line.filter((cell) => !cell.startsWith("wf-say-"))),
    [
      ["STEP", "TEMPLATE", "PODNAME", "DURATION", "MESSAGE"],
      ["✔ wf", "main"],
      ["├─✔ a", "say", "1s", "reused"],
      ["├─✖ b", "say", "1s", "Error (exit code 7)"],
      ["└─● c", "say", "5s"],
    ],
  );
});
