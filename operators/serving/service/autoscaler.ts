// The HorizontalPodAutoscaler of a predictor that may have more replicas than it starts with.
import type { HorizontalPodAutoscaler } from "@capstan/api/generated/autoscaling-v2";
import type { InferenceService, PredictorSpec } from "@capstan/api/kinds/serving";
import type { New } from "@capstan/api/meta";
import { ownedMetadata } from "./names.ts";

// KServe's default target of CPU use, percent of the request.
const defaultTarget = 80;

export function scales({ minReplicas = 1, maxReplicas = 0 }: PredictorSpec): boolean {
  return maxReplicas > minReplicas;
}

/** Replicas that a Deployment should have: an autoscaler's choice stands within the bounds. */
export function replicasOf(spec: PredictorSpec, present: number | undefined): number {
  const { minReplicas = 1, maxReplicas = 0 } = spec;
  return scales(spec) ? Math.min(maxReplicas, Math.max(minReplicas, present ?? minReplicas)) : minReplicas;
}

/** Undefined when the number of replicas is fixed. */
export function buildAutoscaler(
  service: InferenceService,
  { name, component, spec }: { name: string; component: string; spec: PredictorSpec },
): New<HorizontalPodAutoscaler> | undefined {
  if (!scales(spec)) return undefined;
  const { minReplicas = 1, maxReplicas = 1, scaleMetric = "cpu", scaleTarget = defaultTarget } = spec;
  const target = { type: "Utilization", averageUtilization: scaleTarget };
  return {
    metadata: ownedMetadata(service, name, component),
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name },
      minReplicas,
      maxReplicas,
      metrics: [{ type: "Resource", resource: { name: scaleMetric, target } }],
    },
  };
}
