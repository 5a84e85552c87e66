import assert from "node:assert/strict";
import { test } from "node:test";
import type { Workflow } from "@capstan/api/kinds/workflow";
import { simulate } from "@capstan/testing/workflow";

const container = { image: "i" };

/** A step that never ends, its exit hook, one that follows, and an exit handler with steps of its own. */
const workflow = (body: "steps" | "dag", more: Partial<Workflow["spec"]> = {}): Workflow => {
  const hooks = { exit: { template: "pod" } };
  const parts = [
    { name: "first", template: "pod", hooks },
    { name: "next", template: "pod", hooks, dependencies: ["first"] },
  ];
  const main =
    body === "dag" ? { dag: { tasks: parts } } : { steps: parts.map(({ dependencies: _, ...step }) => [step]) };
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { name: "wf", namespace: "default", uid: "u", creationTimestamp: "2026-01-02T03:04:05Z" },
    spec: {
      entrypoint: "main",
      onExit: "bye",
      templates: [
        { name: "main", ...main },
        { name: "bye", steps: [[{ name: "clean", template: "pod" }]] },
        { name: "pod", container },
      ],
      ...more,
    },
  } as Workflow;
};
const forever = { first: { forever: true } };

for (const body of ["steps", "dag"] as const) {
  const run = (how: "Stop" | "Terminate") =>
    simulate(workflow(body), {
      ends: forever,
      before(wf) {
        const runs = Object.values(wf.status?.nodes ?? {}).some(
          ({ type, phase }) => type === "Pod" && phase === "Running",
        );
        if (runs) wf.spec.shutdown = how;
      },
    });

  test(`${body} that are stopped run their exit hooks and the exit handler, and nothing else`, () => {
    const { workflow: done, order } = run("Stop");
    const first = body === "dag" ? "wf.first" : "wf[0].first";
    assert.deepEqual(order, [first, `${first}.onExit`, "wf.onExit[0].clean"]);
    assert.equal(done.status?.phase, "Failed");
    assert.equal(done.status?.message, "Stopped with strategy 'Stop'");
  });

  test(`${body} that are terminated run nothing more`, () => {
    const { workflow: done, order } = run("Terminate");
    assert.equal(order.length, 1);
    assert.equal(done.status?.message, "Stopped with strategy 'Terminate'");
  });

  test(`${body} past the workflow's deadline fail, and the exit handler runs`, () => {
    const { workflow: done, order } = simulate(workflow(body, { activeDeadlineSeconds: 30 }), { ends: forever });
    assert.equal(done.status?.phase, "Failed");
    assert.ok(order.includes("wf.onExit[0].clean"), order.join(" "));
    assert.ok(!order.some((name) => /next/.test(name)), order.join(" "));
  });
}

test("a suspended step fails with a stop, and its time ends it with its defaults", () => {
  const templates = (valueFrom: object): Partial<Workflow["spec"]> => ({
    entrypoint: "ask",
    templates: [
      {
        name: "ask",
        suspend: { duration: "20" },
        outputs: { parameters: [{ name: "x", valueFrom: { supplied: {}, ...valueFrom } }] },
      },
      { name: "bye", container },
    ],
  });
  const timed = simulate(workflow("steps", templates({ default: "no" })));
  assert.equal(timed.workflow.status?.phase, "Succeeded");
  assert.deepEqual(timed.node("wf").outputs?.parameters, [{ name: "x", value: "no" }]);
  const bare = simulate(workflow("steps", templates({})));
  assert.deepEqual([bare.workflow.status?.phase, bare.node("wf").phase], ["Error", "Error"]);
  const stopped = simulate(workflow("steps", templates({ default: "no" })), {
    before(wf, round) {
      if (round === 1) wf.spec.shutdown = "Stop";
    },
  });
  assert.deepEqual([stopped.node("wf").phase, stopped.order], ["Failed", ["wf.onExit"]]);
});
