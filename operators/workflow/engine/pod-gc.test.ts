import assert from "node:assert/strict";
import { test } from "node:test";
import type { Workflow, WorkflowSpec } from "@capstan/api/kinds/workflow";
import { simulate } from "@capstan/testing/workflow";

const container = { image: "i" };
const spec = (podGC: NonNullable<WorkflowSpec["podGC"]>): Workflow => ({
  apiVersion: "argoproj.io/v1alpha1",
  kind: "Workflow",
  metadata: { name: "wf", namespace: "default", uid: "u", creationTimestamp: "2026-01-02T03:04:05Z" },
  spec: {
    entrypoint: "main",
    podGC,
    templates: [
      {
        name: "main",
        steps: [
          [{ name: "good", template: "kept" }],
          [{ name: "bad", template: "other", continueOn: { failed: true } }],
        ],
      },
      { name: "kept", container, metadata: { labels: { keep: "me" } } },
      { name: "other", container },
    ],
  },
});
const bad = { ends: { bad: { exitCode: 1 } } };

/** Templates of the pods that are deleted, with the delay; one that ends with the workflow may be asked for twice. */
function deleted(podGC: NonNullable<WorkflowSpec["podGC"]>, options: Parameters<typeof simulate>[1] = bad) {
  const { effects, workflow } = simulate(spec(podGC), options);
  assert.match(workflow.status?.phase ?? "", /Succeeded|Failed|Error/);
  const names = effects.flatMap((effect) =>
    effect.do === "delete pod"
      ? [`${effect.name.replace(/^wf-(\w+)-\d+$/, "$1")}${effect.after ? ` after ${effect.after}` : ""}`]
      : [],
  );
  return [...new Set(names)];
}

test("pods go when they or the workflow are over, as the strategy says", () => {
  assert.deepEqual(deleted({}), []);
  assert.deepEqual(deleted({ strategy: "OnPodCompletion" }), ["kept", "other"]);
  assert.deepEqual(deleted({ strategy: "OnPodSuccess" }), ["kept"]);
  assert.deepEqual(deleted({ strategy: "OnWorkflowCompletion" }), ["kept", "other"]);
  assert.deepEqual(deleted({ strategy: "OnWorkflowSuccess" }), ["kept", "other"]);
  assert.deepEqual(deleted({ strategy: "OnWorkflowSuccess" }, { ends: { good: { exitCode: 1 } } }), []);
});

test("only pods that the selector matches go, and after the delay", () => {
  const labelSelector = { matchExpressions: [{ key: "keep", operator: "DoesNotExist" }] };
  assert.deepEqual(deleted({ strategy: "OnPodCompletion", labelSelector, deleteDelayDuration: "1m30s" }), [
    "other after 90000",
  ]);
  assert.deepEqual(deleted({ strategy: "OnWorkflowCompletion", labelSelector, deleteDelayDuration: "5" }), [
    "other after 5000",
  ]);
  const { workflow } = simulate(spec({ strategy: "OnPodCompletion", deleteDelayDuration: "soon" }));
  assert.equal(workflow.status?.message, 'spec.podGC.deleteDelayDuration: "soon" is not a duration such as 30s or 5m');
});
