import type { Pod } from "@capstan/api/generated/core-v1";
import { parseQuantity } from "@capstan/api/meta";
import { conditionOf } from "../pod.ts";
import type { PodMetrics } from "./replica-count.ts";

/** How long a pod's use of the processor says nothing of its load; milliseconds. */
export interface Settling {
  now: number;
  /** After a pod's start: it counts once it is ready and measured since. */
  cpuInitialization: number;
  /** After a pod's start: a pod that was unready from then on has never been ready. */
  readinessDelay: number;
}

interface Groups {
  ready: number;
  /** Known, but their metrics say nothing yet. */
  unready: Set<string>;
  missing: Set<string>;
  /** On their way out. */
  ignored: Set<string>;
}

export function groupPods(pods: readonly Pod[], metrics: PodMetrics, resource: string, settling: Settling): Groups {
  const groups: Groups = { ready: 0, unready: new Set(), missing: new Set(), ignored: new Set() };
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    const metric = metrics.get(name);
    if (deletionTimestamp || pod.status?.phase === "Failed") groups.ignored.add(name);
    else if ((pod.status?.phase ?? "Pending") === "Pending") groups.unready.add(name);
    else if (!metric) groups.missing.add(name);
    else if (resource === "cpu" && isUnsettled(pod, metric, settling)) groups.unready.add(name);
    else groups.ready++;
  }
  return groups;
}

function isUnsettled(pod: Pod, metric: { time: number; window: number }, settling: Settling): boolean {
  const condition = conditionOf(pod, "Ready");
  const started = Date.parse(pod.status?.startTime ?? "");
  if (!condition || Number.isNaN(started)) return true;
  const unready = condition.status === "False";
  const changed = Date.parse(condition.lastTransitionTime ?? "") || 0;
  if (started + settling.cpuInitialization > settling.now) return unready || metric.time < changed + metric.window;
  return unready && started + settling.readinessDelay > changed;
}

/** What each pod, or its named container, requests, in thousandths. Throws when a container requests nothing. */
export function requestsOf(pods: readonly Pod[], resource: string, container: string): Map<string, number> {
  const requests = new Map<string, number>();
  for (const { metadata, spec } of pods) {
    const sidecars = (spec.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
    let sum = 0;
    for (const { name, resources } of [...spec.containers, ...sidecars]) {
      if (container !== "" && container !== name) continue;
      const request = resources?.requests?.[resource];
      if (request === undefined) {
        throw new Error(`missing request for ${resource} in container ${name} of Pod ${metadata.name}`);
      }
      sum += milliOf(request);
    }
    requests.set(metadata.name, sum);
  }
  return requests;
}

/** A quantity in thousandths, rounded up. */
export function milliOf(quantity: string | number): number {
  // Decimal fractions are not exact in binary: what is off by less than a millionth is no fraction.
  return Math.ceil(parseQuantity(quantity) * 1000 - 1e-6);
}
