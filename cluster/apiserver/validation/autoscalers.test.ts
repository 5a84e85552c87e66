import assert from "node:assert/strict";
import { test } from "node:test";
import type { HorizontalPodAutoscaler } from "@capstan/api/generated/autoscaling-v2";
import { FieldErrors } from "../field-errors.ts";
import { defaultAutoscaler } from "../kinds/core-defaults.ts";
import { checkAutoscaler } from "./autoscalers.ts";

type Spec = HorizontalPodAutoscaler["spec"];
const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "d" };
const made = (spec: Partial<Spec>): HorizontalPodAutoscaler => {
  const object = { metadata: { name: "a" }, spec: { scaleTargetRef, maxReplicas: 3, ...spec } };
  defaultAutoscaler(object as HorizontalPodAutoscaler);
  return object as HorizontalPodAutoscaler;
};
function problems(spec: Partial<Spec>): string[] {
  const errors = new FieldErrors();
  checkAutoscaler(made(spec), errors);
  return errors.causes.map(({ field, message }) => `${field}: ${message}`);
}

test("rules that are given are filled in", () => {
  const { spec } = made({ behavior: { scaleUp: { selectPolicy: "Min" } } });
  assert.equal(spec.behavior?.scaleUp?.selectPolicy, "Min");
  assert.equal(spec.behavior?.scaleUp?.policies?.length, 2);
  assert.deepEqual(spec.behavior?.scaleDown?.policies, [{ type: "Percent", value: 100, periodSeconds: 15 }]);
  assert.equal(made({}).spec.metrics?.[0]?.resource?.target.averageUtilization, 80);
});

test("each metric has its source and a target that fits it", () => {
  const target = { type: "AverageValue", averageValue: "1" };
  assert.deepEqual(problems({ metrics: [{ type: "Resource", resource: { name: "cpu", target } }] }), []);
  assert.deepEqual(problems({ metrics: [{ type: "Pods", resource: { name: "cpu", target } }] }), [
    "spec.metrics[0].resource: Forbidden: must populate the given metric source only",
    "spec.metrics[0].pods: Required value: must populate information for the given metric source",
  ]);
  const utilization = { type: "Utilization", averageUtilization: 0, averageValue: "-1" };
  assert.deepEqual(problems({ metrics: [{ type: "Resource", resource: { name: "", target: utilization } }] }), [
    "spec.metrics[0].resource.name: Required value: must specify a resource name",
    "spec.metrics[0].resource.target.averageValue: Forbidden: may not set both averageUtilization and averageValue",
    "spec.metrics[0].resource.target.averageUtilization: Invalid value: 0: must be greater than 0",
    'spec.metrics[0].resource.target.averageValue: Invalid value: "-1": must be positive',
  ]);
  assert.match(problems({ metrics: [{ type: "Odd" }] }).join(), /metrics\[0\].type: Unsupported value: "Odd"/);
});

test("rules are within their bounds", () => {
  const policies = [{ type: "Cows", value: 0, periodSeconds: 3600 }];
  const scaleUp = { stabilizationWindowSeconds: 4000, selectPolicy: "Most", policies };
  assert.deepEqual(
    problems({ behavior: { scaleUp, scaleDown: { policies: [] } } }).map((text) => text.replace(/: .*/, "")),
    [
      "spec.behavior.scaleUp.stabilizationWindowSeconds",
      "spec.behavior.scaleUp.selectPolicy",
      "spec.behavior.scaleUp.policies[0].type",
      "spec.behavior.scaleUp.policies[0].value",
      "spec.behavior.scaleUp.policies[0].periodSeconds",
      "spec.behavior.scaleDown.policies",
    ],
  );
});
