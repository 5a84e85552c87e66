import assert from "node:assert/strict";
import { test } from "node:test";
import type { HorizontalPodAutoscaler as AutoscalerV2 } from "@capstan/api/generated/autoscaling-v2";
import {
  Events,
  EventsV1,
  HorizontalPodAutoscalers,
  HorizontalPodAutoscalersV1,
} from "@capstan/api/generated/resources";
import { TestCluster } from "@capstan/testing/cluster";

const ref = { namespace: "default", name: "a" };

test("an event written in one group is read in the other", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const regarding = { kind: "Pod", name: "p", namespace: "default" };
  await client.create(EventsV1, {
    metadata: ref,
    regarding,
    note: "hello",
    reason: "Because",
    type: "Normal",
    action: "Do",
    eventTime: "2026-01-01T00:00:00.000000Z",
    reportingController: "me",
    reportingInstance: "me-1",
  } as never);
  const found = await client.get(Events, ref);
  assert.equal(found.apiVersion, "v1");
  assert.deepEqual([found.involvedObject, found.message, found.reportingComponent], [regarding, "hello", "me"]);
  const { items } = await client.list(EventsV1, { fieldSelector: "regarding.name=p" });
  assert.deepEqual([items[0]?.apiVersion, items[0]?.note], ["events.k8s.io/v1", "hello"]);
});

test("an autoscaler keeps through v1 what only v2 can say", async () => {
  await using cluster = await TestCluster.start();
  const { client } = cluster;
  const metrics: AutoscalerV2["spec"]["metrics"] = [
    { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
    { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "64Mi" } } },
  ];
  const scaleTargetRef = { apiVersion: "apps/v1", kind: "Deployment", name: "d" };
  await client.create(HorizontalPodAutoscalers, { metadata: ref, spec: { scaleTargetRef, maxReplicas: 3, metrics } });
  const old = await client.get(HorizontalPodAutoscalersV1, ref);
  assert.equal(old.spec.targetCPUUtilizationPercentage, 50);
  await client.update(HorizontalPodAutoscalersV1, { ...old, spec: { ...old.spec, maxReplicas: 5 } });
  const next = await client.get(HorizontalPodAutoscalers, ref);
  assert.deepEqual([next.spec.maxReplicas, next.spec.metrics], [5, metrics]);
});
