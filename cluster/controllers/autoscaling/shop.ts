import type { HorizontalPodAutoscaler, HorizontalPodAutoscalerCondition } from "@capstan/api/generated/autoscaling-v2";
import type { Pod } from "@capstan/api/generated/core-v1";
import type { Informer } from "@capstan/core/reconcile";
import type { Workshop } from "../context.ts";
import type { MetricsReader } from "./metrics.ts";
import type { History } from "./scaling-rules.ts";

/** What all autoscalers share. */
export interface Shop {
  workshop: Workshop;
  autoscalers: Informer<HorizontalPodAutoscaler>;
  pods: Informer<Pod>;
  reader: MetricsReader;
  /** What is remembered of each autoscaler, by its key. */
  histories: Map<string, History>;
  /** The selector of each autoscaler's pods, by its key. */
  selectors: Map<string, string>;
  cpuInitialization: number;
  readinessDelay: number;
}

export const statusOf = ({ status }: HorizontalPodAutoscaler) => status ?? { desiredReplicas: 0 };

type ConditionType = "AbleToScale" | "ScalingActive" | "ScalingLimited";

/** Says a condition of the autoscaler, whose status the caller writes. */
export function say(
  { workshop }: Shop,
  autoscaler: HorizontalPodAutoscaler,
  type: ConditionType,
  status: boolean,
  because: { reason: string; message: string },
): void {
  const { reason, message } = because;
  const present = statusOf(autoscaler);
  const conditions = withCondition(present.conditions ?? [], type, { status, reason, message }, workshop.timestamp());
  autoscaler.status = { ...present, conditions };
}

type Conditions = readonly HorizontalPodAutoscalerCondition[];

/** The conditions with this one in its place, or at the end; its time stays while its status does. */
function withCondition(
  conditions: Conditions,
  type: ConditionType,
  { status, reason, message }: { status: boolean; reason: string; message: string },
  timestamp: string,
): HorizontalPodAutoscalerCondition[] {
  const text = status ? "True" : "False";
  const old = conditions.find((condition) => condition.type === type);
  const lastTransitionTime = old?.status === text ? old.lastTransitionTime : timestamp;
  const next = { type, status: text, reason, message, ...(lastTransitionTime ? { lastTransitionTime } : {}) };
  return old ? conditions.map((condition) => (condition === old ? next : condition)) : [...conditions, next];
}
