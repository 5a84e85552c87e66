import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import type { NodeStatus, Template, Workflow } from "@capstan/api/kinds/workflow";
import { registrationsOf } from "./registration.ts";

const register: Template = { name: "register", metadata: { annotations: { "capstan.dev/component": "register" } } };
const none = () => undefined;

function node(more: Partial<NodeStatus> = {}, said: unknown = { name: "m" }): NodeStatus {
  return {
    id: "w-1",
    name: "w.register",
    type: "Pod",
    phase: "Succeeded",
    templateName: "register",
    templateScope: "local/w",
    outputs: {
      parameters: [{ name: "model", value: typeof said === "string" ? said : JSON.stringify(said) }],
      artifacts: [{ name: "model", file: { key: "runs/w/model" } }],
    },
    ...more,
  };
}

function workflow(nodes: NodeStatus[], templates: Template[] = [register]): Workflow {
  return {
    apiVersion: "argoproj.io/v1alpha1",
    kind: "Workflow",
    metadata: { namespace: "a", name: "w", uid: "u" },
    spec: { templates },
    status: { nodes: Object.fromEntries(nodes.map((one) => [one.id, one])) },
  };
}

test("reads local, stored and outside templates, and compressed nodes", () => {
  const expected = [
    {
      model: "m",
      version: {
        framework: "onnx",
        artifact: { key: "runs/w/model" },
        source: { kind: "Workflow", name: "w", uid: "u", nodeId: "w-1" },
      },
    },
  ];
  assert.deepEqual(registrationsOf(workflow([node()]), none), expected);
  const templateRef = { name: "t", template: "register", clusterScope: true };
  const outside = node({ templateRef, templateName: "", templateScope: "local/w" });
  const find = (scope: string, object: string) => (scope === "cluster" && object === "t" ? register : undefined);
  assert.deepEqual(registrationsOf(workflow([outside], []), find), expected);
  const packed = workflow([]);
  packed.status = { compressedNodes: gzipSync(JSON.stringify({ "w-1": node() })).toString("base64") };
  assert.deepEqual(registrationsOf(packed, none), expected);
});

test("takes only pods that succeeded and whose template says so", () => {
  const others = [
    node({ id: "1", phase: "Failed" }),
    node({ id: "2", type: "Retry" }),
    node({ id: "3", templateName: "other" }),
    node({ id: "4", templateScope: "cluster/foreign" }),
  ];
  assert.deepEqual(registrationsOf(workflow(others, [{ ...register, metadata: {} }, { name: "other" }]), none), []);
});

test("says what is wrong with a registration", () => {
  const cases: [NodeStatus, RegExp][] = [
    [node({}, "{"), /is not a JSON object/],
    [node({}, { name: "../x" }), /model\.name: expected lower-case letters/],
    [node({}, {}), /model\.name/],
    [node({ outputs: {} }), /no output parameter model/],
    [node({ outputs: { parameters: [{ name: "model", value: "{}" }] } }), /no output artifact model with a key/],
    [
      node({
        outputs: {
          parameters: [{ name: "model", value: "{}" }],
          artifacts: [{ name: "model", s3: { key: "k" } }],
        },
      }),
      /kept in s3: models are served from the artifact directory/,
    ],
  ];
  for (const [wrong, message] of cases) {
    const [result] = registrationsOf(workflow([wrong]), none);
    assert.ok(result && "problem" in result);
    assert.match(result.problem, message);
  }
});
