// autoscaling/v1 knows CPU alone; what it cannot say travels in annotations. Source: upstream's pkg/apis/autoscaling/v1/conversion.go.
import type { HorizontalPodAutoscaler as AutoscalerV1 } from "@capstan/api/generated/autoscaling-v1";
import type { HorizontalPodAutoscaler as AutoscalerV2, MetricSpec } from "@capstan/api/generated/autoscaling-v2";
import { type KubeObject, StatusError } from "@capstan/api/meta";

const metricsKey = "autoscaling.alpha.kubernetes.io/metrics";
const behaviorKey = "autoscaling.alpha.kubernetes.io/behavior";
const statusKey = "autoscaling.alpha.kubernetes.io/current-metrics";
const conditionsKey = "autoscaling.alpha.kubernetes.io/conditions";

const isCpu = ({ type, resource }: MetricSpec) =>
  type === "Resource" && resource?.name === "cpu" && resource.target?.type === "Utilization";

function toV1(object: AutoscalerV2): AutoscalerV1 {
  const { metrics = [], behavior, ...spec } = object.spec;
  const cpu = metrics.find(isCpu);
  const others = metrics.filter((metric) => metric !== cpu);
  const {
    currentMetrics = [],
    conditions = [],
    ...status
  } = object.status ?? ({} as NonNullable<AutoscalerV2["status"]>);
  const used = currentMetrics.find(({ resource }) => resource?.name === "cpu")?.resource?.current.averageUtilization;
  const annotations = {
    ...object.metadata.annotations,
    ...(others.length > 0 ? { [metricsKey]: JSON.stringify(others) } : {}),
    ...(behavior ? { [behaviorKey]: JSON.stringify(behavior) } : {}),
    ...(currentMetrics.length > 0 ? { [statusKey]: JSON.stringify(currentMetrics) } : {}),
    ...(conditions.length > 0 ? { [conditionsKey]: JSON.stringify(conditions) } : {}),
  };
  const percentage = cpu?.resource?.target.averageUtilization;
  const { status: _status, spec: _spec, ...rest } = object;
  return {
    ...rest,
    apiVersion: "autoscaling/v1",
    metadata: { ...object.metadata, ...(Object.keys(annotations).length > 0 ? { annotations } : {}) },
    spec: { ...spec, ...(percentage === undefined ? {} : { targetCPUUtilizationPercentage: percentage }) },
    ...(object.status
      ? {
          status: {
            ...status,
            ...(used === undefined ? {} : { currentCPUUtilizationPercentage: used }),
          } as AutoscalerV1["status"],
        }
      : {}),
  };
}

function toV2(object: AutoscalerV1): AutoscalerV2 {
  const {
    [metricsKey]: metrics,
    [behaviorKey]: behavior,
    [statusKey]: current,
    [conditionsKey]: conditions,
    ...annotations
  } = object.metadata.annotations ?? {};
  const { targetCPUUtilizationPercentage: percentage, ...spec } = object.spec;
  const cpu: MetricSpec[] =
    percentage === undefined
      ? []
      : [
          {
            type: "Resource",
            resource: { name: "cpu", target: { type: "Utilization", averageUtilization: percentage } },
          },
        ];
  const metadata = { ...object.metadata, annotations };
  if (Object.keys(annotations).length === 0) delete (metadata as { annotations?: unknown }).annotations;
  const { currentCPUUtilizationPercentage: _used, ...status } = object.status ?? {};
  return {
    ...object,
    apiVersion: "autoscaling/v2",
    metadata,
    spec: {
      ...spec,
      metrics: [...cpu, ...((read(metrics, metricsKey) as MetricSpec[] | undefined) ?? [])],
      ...(behavior ? { behavior: read(behavior, behaviorKey) as NonNullable<AutoscalerV2["spec"]["behavior"]> } : {}),
    },
    ...(object.status
      ? {
          status: {
            ...status,
            ...(current ? { currentMetrics: read(current, statusKey) } : {}),
            ...(conditions ? { conditions: read(conditions, conditionsKey) } : {}),
          } as AutoscalerV2["status"],
        }
      : {}),
  };
}

function read(text: string | undefined, key: string): unknown {
  if (!text) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new StatusError("BadRequest", `metadata.annotations[${key}]: not valid JSON`);
  }
}

export const autoscalerConversion = {
  fromStored: (object: KubeObject): KubeObject => toV1(object as AutoscalerV2),
  toStored: (object: KubeObject): KubeObject => toV2(object as AutoscalerV1),
};
