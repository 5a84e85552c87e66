import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "@capstan/testing/workflow";

const head = (spec: string) =>
  `apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: wf}\nspec:\n${spec.replace(/^/gm, "  ")}`;

test("retries of a set's containers are the wrapper's, in each of them", () => {
  const made = (retries: string) => {
    const set = `containerSet: {retryStrategy: {retries: "${retries}", duration: 1500us}, containers: [{name: a, image: i, command: [x]}, {name: b, image: i, command: [y], dependencies: [a]}]}`;
    return simulate(
      head(`entrypoint: t\narguments: {parameters: [{name: n, value: "3"}]}\ntemplates:\n- {name: t, ${set}}`),
    );
  };
  const commands = (retries: string) =>
    ["a", "b"].map(
      (name) =>
        made(retries)
          .pods.get("wf")
          ?.spec.containers.find((one) => one.name === name)?.command,
    );
  const [run, own] = [
    ["/var/run/argo/argoexec", "emissary"],
    ["--retries=3", "--retry-duration=2", "--"],
  ];
  assert.deepEqual(commands("{{workflow.parameters.n}}"), [
    [...run, "--name=a", ...own, "x"],
    [...run, "--name=b", "--after=a", ...own, "y"],
  ]);
  assert.deepEqual(commands("0")[0], [...run, "--name=a", "--", "x"]);
  const wrong = made("{{workflow.name}}");
  assert.equal(wrong.pods.size, 0);
  assert.match(wrong.node("wf").message ?? "", /containerSet\.retryStrategy\.retries is "wf", not a whole number/);
});
