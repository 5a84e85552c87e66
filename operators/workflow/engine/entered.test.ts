import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "@capstan/testing/workflow";

const head = (spec: string) =>
  `apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n${spec.replace(/^/gm, "  ")}`;
const pod = "container: {image: busybox, command: [echo]}";

test("a retry that wants another node does not go where it failed", () => {
  let tries = 0;
  const run = simulate(
    head(
      `entrypoint: t\naffinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: Exists}]}]}}}\ntemplates:\n- {name: t, retryStrategy: {limit: 2, affinity: {nodeAntiAffinity: {}}}, ${pod}}`,
    ),
    {
      ends: { t: () => ({ exitCode: ++tries < 3 ? 1 : 0 }) },
      pods: (made) => ({ ...made, spec: { ...made.spec, nodeName: `node-${tries}` } }),
    },
  );
  assert.equal(run.workflow.status?.phase, "Succeeded");
  const last = [...run.pods.values()].find(({ metadata }) => metadata.name.endsWith(run.node("wf(2)").id.slice(2)));
  const terms = last?.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  assert.deepEqual(terms, [
    {
      matchExpressions: [
        { key: "zone", operator: "Exists" },
        { key: "kubernetes.io/hostname", operator: "NotIn", values: ["node-0", "node-1"] },
      ],
    },
  ]);
});

test("what nodes enter is told once, and who ended has run", () => {
  const run = simulate(
    head(`entrypoint: m\ntemplates:\n- name: m\n  steps: [[{name: a, template: t}]]\n- {name: t, ${pod}}`),
    { ends: { a: { exitCode: 1 } } },
  );
  assert.deepEqual(
    run.entered.map(({ node, phase }) => `${phase} ${node.name}`),
    ["Running wf", "Running wf[0]", "Running wf[0].a", "Failed wf[0].a", "Failed wf[0]", "Failed wf"],
  );
});
