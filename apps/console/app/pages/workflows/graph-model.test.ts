import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeStatus, Workflow } from "@capstan/api/kinds/workflow";
import { fanOut, idOf, pipelineRun, template } from "../../../../../testing/console/scene-workflows.ts";
import { place } from "./graph-layout.ts";
import { type Graph, graphOf, planOf } from "./graph-model.ts";
import type { NodeMap } from "./node-map.ts";

type Made = ReturnType<typeof pipelineRun>;
const draw = (made: Made) => graphOf(made as Workflow, made.status?.nodes as NodeMap);
/** Edges by label, sorted. */
const arrows = ({ nodes, edges }: Graph) => {
  const label = (id: string) => nodes.find((node) => node.id === id)?.label;
  return edges.map(([from, to]) => `${label(from)} > ${label(to)}`).sort();
};

const whole = [
  "evaluate > register",
  "gbdt > evaluate",
  "gbdt > register",
  "impute > split",
  "one-hot > scale",
  "read-file > select-columns",
  "scale > evaluate",
  "scale > gbdt",
  "select-columns > impute",
  "split > one-hot",
];

test("a finished pipeline is its tasks alone: the node that holds them is not drawn", () => {
  const graph = draw(pipelineRun({ name: "p-1", ago: 60, until: 11 }));
  assert.deepEqual(arrows(graph), whole);
  assert.ok(graph.nodes.every((node) => node.phase === "Succeeded"));
});

test("what is still to come hangs from what has happened", () => {
  const graph = draw(pipelineRun({ name: "p-2", ago: 8, until: 7.5 }));
  assert.deepEqual(arrows(graph), whole);
  const planned = graph.nodes.filter((node) => node.phase === "Planned").map((node) => node.label);
  assert.deepEqual(planned, ["evaluate", "register"]);
});

test("a template that has not run is all plan", () => {
  const graph = planOf(template.spec);
  assert.deepEqual(arrows(graph), whole);
  assert.ok(graph.nodes.every((node) => node.phase === "Planned"));
});

test("attempts follow one another, many meet many in one dot, and one meets many without", () => {
  const graph = draw(fanOut("w", 3));
  const dots = graph.nodes.filter((node) => node.kind === "dot");
  assert.equal(dots.length, 1);
  assert.deepEqual(arrows(graph), [
    "[2] > merge",
    "[2] > report",
    "count(0:0) > [2]",
    "count(1:1) > [2]",
    "count(2:2) > [2]",
    "split(0) > split(1)",
    "split(1) > count(0:0)",
    "split(1) > count(1:1)",
    "split(1) > count(2:2)",
  ]);
});

test("`depends` names its tasks inside an expression", () => {
  const task = (name: string, depends?: string) => ({ name, template: "t", ...(depends ? { depends } : {}) });
  const dag = { tasks: [task("a"), task("b-1"), task("c", "a.Succeeded && (b-1.Failed || !a.Daemoned)")] };
  assert.deepEqual(arrows(planOf({ entrypoint: "m", templates: [{ name: "m", dag }] })), ["a > c", "b-1 > c"]);
});

test("steps to come wait for the whole group before them", () => {
  const step = (name: string) => ({ name, template: "t" });
  const steps = [[step("a")], [step("b"), step("c")], [step("d")]];
  const spec = { entrypoint: "m", templates: [{ name: "m", steps }] } as Workflow["spec"];
  assert.deepEqual(arrows(planOf(spec)), ["a > b", "a > c", "b > d", "c > d"]);
});

test("a workflow of one pod is that pod", () => {
  const node: NodeStatus = { id: "one", name: "one", displayName: "one", type: "Pod", phase: "Running" };
  const workflow = { apiVersion: "", kind: "Workflow", metadata: { name: "one" }, spec: {} };
  assert.deepEqual(
    graphOf(workflow, { one: node }).nodes.map((n) => n.id),
    ["one"],
  );
});

test("ten thousand nodes are placed without overlap, and fast", () => {
  const nodes: NodeMap = {};
  for (let index = 0; index < 10_000; index++) {
    const id = idOf("w", `w.t${index}`);
    const next = index + 100 < 10_000 ? [idOf("w", `w.t${index + 100}`)] : [];
    nodes[id] = { id, name: `w.t${index}`, type: "Pod", phase: "Succeeded", children: next };
  }
  const workflow = { apiVersion: "", kind: "Workflow", metadata: { name: "w" }, spec: {} };
  const began = performance.now();
  const { positions } = place(graphOf(workflow, nodes), "TB");
  assert.ok(performance.now() - began < 2000);
  const places = new Set([...positions.values()].map(({ x, y }) => `${x},${y}`));
  assert.equal(places.size, Object.keys(nodes).length);
});
