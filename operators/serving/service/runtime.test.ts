import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServingRuntime, ServingRuntimeSpec } from "@capstan/api/kinds/serving";
import { PredictorProblem } from "./problem.ts";
import { selectRuntime } from "./runtime.ts";

function runtime(name: string, more: Partial<ServingRuntimeSpec> = {}): ServingRuntime {
  const supportedModelFormats = [{ name: "onnx", version: "1", autoSelect: true, priority: 1 }];
  const spec = { supportedModelFormats, containers: [{ name: "kserve-container" }], ...more };
  return { apiVersion: "serving.kserve.io/v1alpha1", kind: "ServingRuntime", metadata: { name }, spec };
}

const onnx = { modelFormat: { name: "onnx" } };

test("the namespace's own runtimes first, then the highest priority", () => {
  const high = runtime("high", { supportedModelFormats: [{ name: "onnx", autoSelect: true, priority: 2 }] });
  const low = runtime("low");
  const chosen = (namespaced: ServingRuntime[], cluster: ServingRuntime[]) =>
    selectRuntime(onnx, { namespaced, cluster }).metadata.name;
  assert.equal(chosen([], [low, high]), "high");
  assert.equal(chosen([low], [high]), "low");
  assert.equal(chosen([runtime("off", { disabled: true })], [low]), "low");
});

test("a runtime that is not for automatic choice must be named", () => {
  const manual = runtime("manual", { supportedModelFormats: [{ name: "onnx" }] });
  const world = { namespaced: [manual], cluster: [] };
  assert.throws(() => selectRuntime(onnx, world), /no runtime serves the format onnx/);
  assert.equal(selectRuntime({ ...onnx, runtime: "manual" }, world).metadata.name, "manual");
});

test("says why none fits", () => {
  const world = { namespaced: [runtime("off", { disabled: true })], cluster: [runtime("plain")] };
  const cases: [object, string, RegExp][] = [
    [{ runtime: "off" }, "RuntimeDisabled", /is disabled/],
    [{ runtime: "plane" }, "RuntimeNotRecognized", /did you mean "plain"/],
    [
      { runtime: "plain", modelFormat: { name: "sklearn" } },
      "NoSupportingRuntime",
      /does not serve the format sklearn/,
    ],
    [{ modelFormat: { name: "onnx", version: "9" } }, "NoSupportingRuntime", /onnx 9/],
    [{ protocolVersion: "grpc-v2" }, "NoSupportingRuntime", /protocol grpc-v2/],
  ];
  for (const [more, reason, message] of cases) {
    assert.throws(
      () => selectRuntime({ ...onnx, ...more }, world),
      (error) => error instanceof PredictorProblem && error.reason === reason && message.test(error.message),
    );
  }
});
