import assert from "node:assert/strict";
import { test } from "node:test";
import type { HorizontalPodAutoscalerBehavior } from "@capstan/api/generated/autoscaling-v2";
import { decide, type History, noteScaling } from "./scaling-rules.ts";

const minute = 60_000;
const fresh = (): History => ({ recommendations: [], ups: [], downs: [] });
const ask = (given: {
  current: number;
  proposed: number;
  min?: number;
  max?: number;
  behavior?: HorizontalPodAutoscalerBehavior;
  now?: number;
}) => ({ min: 1, max: 100, now: minute, ...given });
const shown = ({ replicas, able, limited }: ReturnType<typeof decide>) =>
  `${replicas} ${able.reason} ${limited.reason} ${limited.status}`;

test("without rules a target grows at most to twice its size or four, within its bounds", () => {
  const cases: [Parameters<typeof ask>[0], string][] = [
    [{ current: 1, proposed: 10 }, "4 ReadyForNewScale ScaleUpLimit true"],
    [{ current: 10, proposed: 50 }, "20 ReadyForNewScale ScaleUpLimit true"],
    [{ current: 10, proposed: 50, max: 15 }, "15 ReadyForNewScale TooManyReplicas true"],
    [{ current: 10, proposed: 1, min: 3 }, "3 ReadyForNewScale TooFewReplicas true"],
    [{ current: 10, proposed: 12 }, "12 ReadyForNewScale DesiredWithinRange false"],
  ];
  for (const [question, expected] of cases) assert.equal(shown(decide(ask(question), fresh())), expected);
});

test("without rules a target shrinks to the most that five minutes proposed", () => {
  const history = fresh();
  decide(ask({ current: 8, proposed: 8, now: 0 }), history);
  const at = (now: number, proposed: number) => shown(decide(ask({ current: 8, proposed, now }), history));
  assert.equal(at(minute, 2), "8 ScaleDownStabilized DesiredWithinRange false");
  assert.equal(at(5 * minute + 1, 3), "3 ReadyForNewScale DesiredWithinRange false");
});

test("policies bound the change since the start of their period; the greatest, the least or none is taken", () => {
  const policies = [
    { type: "Pods", value: 2, periodSeconds: 60 },
    { type: "Percent", value: 50, periodSeconds: 60 },
  ];
  const behavior = (selectPolicy: string) => ({
    scaleUp: { selectPolicy, policies, stabilizationWindowSeconds: 0 },
    scaleDown: { selectPolicy, policies, stabilizationWindowSeconds: 0 },
  });
  const of = (selectPolicy: string, current: number, proposed: number, history = fresh()) =>
    shown(decide(ask({ current, proposed, behavior: behavior(selectPolicy) }), history));
  assert.equal(of("Max", 10, 50), "15 ReadyForNewScale ScaleUpLimit true");
  assert.equal(of("Min", 10, 50), "12 ReadyForNewScale ScaleUpLimit true");
  assert.equal(of("Disabled", 10, 50), "10 ReadyForNewScale ScaleUpLimit true");
  assert.equal(of("Max", 10, 1), "5 ReadyForNewScale ScaleDownLimit true");
  assert.equal(of("Min", 10, 1), "8 ReadyForNewScale ScaleDownLimit true");
  assert.equal(of("Disabled", 10, 1), "10 ReadyForNewScale ScaleDownLimit true");
  const grown = fresh();
  noteScaling(grown, 8, 10, minute - 1000, behavior("Min"));
  assert.equal(of("Min", 10, 50, grown), "10 ReadyForNewScale ScaleUpLimit true");
  noteScaling(grown, 10, 10, 3 * minute, behavior("Min"));
  assert.equal(grown.ups.length, 0);
});

test("windows hold back what was not proposed all along", () => {
  const behavior = { scaleUp: { stabilizationWindowSeconds: 60 }, scaleDown: { stabilizationWindowSeconds: 120 } };
  const history = fresh();
  const at = (now: number, current: number, proposed: number) =>
    shown(decide(ask({ current, proposed, behavior, now }), history));
  assert.equal(at(0, 4, 4), "4 ReadyForNewScale DesiredWithinRange false");
  assert.equal(at(30_000, 4, 8), "4 ScaleUpStabilized DesiredWithinRange false");
  assert.equal(at(61_000, 4, 7), "7 ReadyForNewScale DesiredWithinRange false");
  assert.equal(at(70_000, 7, 2), "7 ScaleDownStabilized DesiredWithinRange false");
  assert.equal(at(182_000, 7, 2), "2 ReadyForNewScale DesiredWithinRange false");
});
