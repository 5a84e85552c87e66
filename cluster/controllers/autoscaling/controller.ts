// Sizes what a HorizontalPodAutoscaler points at. Source: pkg/controller/podautoscaler/horizontal.go.
import type { HorizontalPodAutoscaler, MetricStatus } from "@capstan/api/generated/autoscaling-v2";
import { HorizontalPodAutoscalers, Pods } from "@capstan/api/generated/resources";
import { keyOf } from "@capstan/api/meta";
import { messageOf } from "@capstan/base/errors";
import { type Controller, createController } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop } from "../context.ts";
import { saySame } from "../same.ts";
import { writeStatus } from "../status.ts";
import { consultMetrics } from "./consult.ts";
import { createMetricsReader } from "./metrics.ts";
import { decide, type History, noteScaling } from "./scaling-rules.ts";
import { type Shop, say, statusOf } from "./shop.ts";
import { readTarget, type Target } from "./target.ts";

export interface AutoscalerOptions extends ControllerContext {
  /** Milliseconds between two looks at an autoscaler's metrics. Default 15,000, as upstream's flags have it. */
  syncPeriod?: number;
  /** Milliseconds after a pod's start in which its use of the processor counts only once it is ready. Default 300,000. */
  cpuInitialization?: number;
  /** Milliseconds in which a pod that is not ready counts as never having been. Default 30,000. */
  readinessDelay?: number;
}

/** Metrics announce no changes: each autoscaler has one timer. */
export function createAutoscalerController(options: AutoscalerOptions): Controller {
  const { syncPeriod = 15_000, cpuInitialization = 300_000, readinessDelay = 30_000 } = options;
  const workshop = openWorkshop(options, "horizontal-pod-autoscaler");
  const autoscalers = options.informers.informer(HorizontalPodAutoscalers);
  const shop: Shop = {
    workshop,
    autoscalers,
    pods: options.informers.informer(Pods),
    reader: createMetricsReader(options.client),
    histories: new Map(),
    selectors: new Map(),
    cpuInitialization,
    readinessDelay,
  };
  return createController({
    name: "horizontal-pod-autoscaler",
    informers: options.informers,
    log: workshop.log,
    sources: [
      {
        resource: HorizontalPodAutoscalers,
        when: ({ type, object, old }) => type !== "MODIFIED" || !saySame(object.spec, old?.spec),
      },
    ],
    async reconcile(ref, signal) {
      const autoscaler = autoscalers.get(ref);
      if (!autoscaler || autoscaler.metadata.deletionTimestamp) {
        shop.histories.delete(keyOf(ref));
        shop.selectors.delete(keyOf(ref));
        return undefined;
      }
      const next = structuredClone(autoscaler);
      await autoscale(shop, next);
      await writeStatus(workshop, HorizontalPodAutoscalers, autoscalers, autoscaler, statusOf(next), signal);
      return { requeueAfter: syncPeriod };
    },
  });
}

async function autoscale(shop: Shop, autoscaler: HorizontalPodAutoscaler): Promise<void> {
  const { client, recorder } = shop.workshop;
  const { namespace = "" } = autoscaler.metadata;
  let target: Target;
  try {
    target = await readTarget(client, namespace, autoscaler.spec.scaleTargetRef);
  } catch (error) {
    const message = messageOf(error);
    recorder.warning(autoscaler, "FailedGetScale", message);
    return say(shop, autoscaler, "AbleToScale", false, {
      reason: "FailedGetScale",
      message: `the HPA controller was unable to get the target's current scale: ${message}`,
    });
  }
  say(shop, autoscaler, "AbleToScale", true, {
    reason: "SucceededGetScale",
    message: "the HPA controller was able to get the target's current scale",
  });
  const { replicas, why, metrics } = await wantedSize(shop, autoscaler, target);
  const resized = replicas !== undefined && replicas !== target.current;
  if (resized && !(await resize(shop, autoscaler, target, { replicas, why }))) {
    return report(shop, autoscaler, { current: target.current, metrics });
  }
  const desired = replicas === undefined ? undefined : resized ? replicas : target.current;
  report(shop, autoscaler, { current: target.current, desired, metrics, resized });
}

interface Wanted {
  /** Undefined when it cannot be told. */
  replicas: number | undefined;
  /** Of a change, as its event says it. */
  why: string;
  metrics: MetricStatus[];
}

async function wantedSize(shop: Shop, autoscaler: HorizontalPodAutoscaler, target: Target): Promise<Wanted> {
  const { workshop } = shop;
  const { minReplicas: min = 1, maxReplicas: max, behavior } = autoscaler.spec;
  const { current } = target;
  const now = workshop.now();
  const history = historyOf(shop, autoscaler, current);
  if (current === 0 && min !== 0) {
    const message = "scaling is disabled since the replica count of the target is zero";
    say(shop, autoscaler, "ScalingActive", false, { reason: "ScalingDisabled", message });
    return { replicas: 0, why: "", metrics: [] };
  }
  if (current > max) return { replicas: max, why: "Current number of replicas above Spec.MaxReplicas", metrics: [] };
  if (current < min) return { replicas: min, why: "Current number of replicas below Spec.MinReplicas", metrics: [] };
  const { replicas: proposed, name, metrics } = await consultMetrics(shop, autoscaler, target);
  if (proposed === undefined) return { replicas: undefined, why: "", metrics };
  const decision = decide({ current, proposed, min, max, behavior, now }, history);
  say(shop, autoscaler, "AbleToScale", true, decision.able);
  say(shop, autoscaler, "ScalingLimited", decision.limited.status, decision.limited);
  const why = proposed > current ? `${name} above target` : proposed < current ? "All metrics below target" : "";
  return { replicas: decision.replicas, why, metrics };
}

function historyOf({ histories, workshop }: Shop, autoscaler: HorizontalPodAutoscaler, current: number): History {
  const key = keyOf(autoscaler.metadata);
  const known = histories.get(key);
  if (known) return known;
  const history = { recommendations: [{ at: workshop.now(), replicas: current }], ups: [], downs: [] };
  histories.set(key, history);
  return history;
}

/** False when the target could not be written, which the autoscaler then says. */
async function resize(
  shop: Shop,
  autoscaler: HorizontalPodAutoscaler,
  target: Target,
  { replicas, why }: { replicas: number; why: string },
): Promise<boolean> {
  const { recorder, now } = shop.workshop;
  try {
    await target.resize(replicas);
  } catch (error) {
    const message = messageOf(error);
    recorder.warning(autoscaler, "FailedRescale", `New size: ${replicas}; reason: ${why}; error: ${message}`);
    say(shop, autoscaler, "AbleToScale", false, {
      reason: "FailedUpdateScale",
      message: `the HPA controller was unable to update the target scale: ${message}`,
    });
    return false;
  }
  say(shop, autoscaler, "AbleToScale", true, {
    reason: "SucceededRescale",
    message: `the HPA controller was able to update the target scale to ${replicas}`,
  });
  recorder.normal(autoscaler, "SuccessfulRescale", `New size: ${replicas}; reason: ${why}`);
  const history = historyOf(shop, autoscaler, target.current);
  noteScaling(history, target.current, replicas, now(), autoscaler.spec.behavior);
  return true;
}

function report(
  { workshop }: Shop,
  autoscaler: HorizontalPodAutoscaler,
  seen: { current: number; desired?: number | undefined; metrics: MetricStatus[]; resized?: boolean },
): void {
  const { conditions = [], desiredReplicas, lastScaleTime } = statusOf(autoscaler);
  const scaled = seen.resized ? workshop.timestamp() : lastScaleTime;
  autoscaler.status = {
    currentReplicas: seen.current,
    desiredReplicas: seen.desired ?? desiredReplicas,
    currentMetrics: seen.metrics,
    conditions,
    ...(scaled ? { lastScaleTime: scaled } : {}),
  };
}
