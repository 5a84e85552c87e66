// From what pods use to how many there should be. Source: pkg/controller/podautoscaler/replica_calculator.go.
import type { Pod } from "@capstan/api/generated/core-v1";
import { isReady } from "../pod.ts";
import { groupPods, requestsOf, type Settling } from "./pod-groups.ts";

/** Thousandths of a core, byte or piece. */
export type Milli = number;

export interface PodMetric {
  /** Milliseconds since 1970. */
  time: number;
  /** Milliseconds. */
  window: number;
  value: Milli;
}
export type PodMetrics = Map<string, PodMetric>;

/** How far from 1 a ratio may be without a change of size. */
export interface Tolerance {
  up: number;
  down: number;
}

export interface Count {
  pods: readonly Pod[];
  /** What the target should have at present. */
  current: number;
  tolerance: Tolerance;
  settling: Settling;
}
export interface Proposal {
  replicas: number;
  /** On average of the pods. */
  usage: Milli;
  /** Percent of the requests. */
  utilization?: number;
}

const isWithin = ({ up, down }: Tolerance, ratio: number) => ratio >= 1 - down && ratio <= 1 + up;
const sumOf = (metrics: PodMetrics) => [...metrics.values()].reduce((sum, { value }) => sum + value, 0);

interface Measured extends Omit<Proposal, "replicas"> {
  /** Of what is used to what is wanted. */
  ratio: number;
}

/** So many that they use, on average, `target` percent of what they request. Throws when that cannot be told. */
export function countByUtilization(
  count: Count,
  metrics: PodMetrics,
  { resource, container, target }: { resource: string; container: string; target: number },
): Proposal {
  const { known, ...groups } = splitPods(count, metrics, resource);
  const requests = requestsOf(count.pods, resource, container);
  requireSome(known);
  const measure = (among: PodMetrics): Measured => {
    const counted = [...among].filter(([name]) => requests.has(name));
    const requested = counted.reduce((sum, [name]) => sum + (requests.get(name) ?? 0), 0);
    if (requested === 0) throw new Error("no metrics returned matched known pods");
    const total = counted.reduce((sum, [, { value }]) => sum + value, 0);
    const utilization = Math.trunc((total * 100) / requested);
    return { ratio: utilization / target, utilization, usage: Math.trunc(total / counted.length) };
  };
  const fallback = (name: string) => ((requests.get(name) ?? 0) * Math.max(100, target)) / 100;
  return propose(count, { known, ...groups }, measure, fallback);
}

/** So many that each uses `target` on average. */
export function countByAverage(count: Count, metrics: PodMetrics, resource: string, target: Milli): Proposal {
  const groups = splitPods(count, metrics, resource);
  requireSome(groups.known);
  const measure = (among: PodMetrics): Measured => {
    const usage = Math.trunc(sumOf(among) / among.size);
    return { ratio: usage / target, usage };
  };
  return propose(count, groups, measure, () => target);
}

interface Split {
  known: PodMetrics;
  ready: number;
  unready: Set<string>;
  missing: Set<string>;
}

function splitPods({ pods, settling }: Count, metrics: PodMetrics, resource: string): Split {
  if (pods.length === 0) throw new Error("no pods returned by selector while calculating replica count");
  const { ready, unready, missing, ignored } = groupPods(pods, metrics, resource, settling);
  const known = new Map([...metrics].filter(([name]) => !unready.has(name) && !ignored.has(name)));
  return { known, ready, unready, missing };
}

function requireSome(metrics: PodMetrics): void {
  if (metrics.size === 0) throw new Error("did not receive metrics for targeted pods (pods might be unready)");
}

/** Pods of which nothing is known never make the change larger: they count as idle on the way up, as busy on the way down. */
function propose(
  { current, tolerance }: Count,
  { known, ready, unready, missing }: Split,
  measure: (metrics: PodMetrics) => Measured,
  fallback: (name: string) => Milli,
): Proposal {
  const { ratio, ...seen } = measure(known);
  const growsUnready = unready.size > 0 && ratio > 1;
  if (!growsUnready && missing.size === 0) {
    return { ...seen, replicas: isWithin(tolerance, ratio) ? current : Math.ceil(ratio * ready) };
  }
  const assumed = new Map(known);
  const assume = (name: string, value: Milli) => assumed.set(name, { time: 0, window: 0, value });
  for (const name of missing) if (ratio !== 1) assume(name, ratio < 1 ? fallback(name) : 0);
  if (growsUnready) for (const name of unready) assume(name, 0);
  const { ratio: next } = measure(assumed);
  const turned = (ratio < 1 && next > 1) || (ratio > 1 && next < 1);
  if (isWithin(tolerance, next) || turned) return { ...seen, replicas: current };
  const replicas = Math.ceil(next * assumed.size);
  const contrary = (next < 1 && replicas > current) || (next > 1 && replicas < current);
  return { ...seen, replicas: contrary ? current : replicas };
}

/** So many that one value, shared by all ready pods, becomes `target`. From none it goes straight to the ratio. */
export function countByValue({ pods, current, tolerance }: Count, value: Milli, target: Milli): Proposal {
  const ratio = value / target;
  if (current === 0) return { replicas: Math.ceil(ratio), usage: value };
  if (isWithin(tolerance, ratio)) return { replicas: current, usage: value };
  if (pods.length === 0) {
    throw new Error("unable to calculate ready pods: no pods returned by selector while calculating replica count");
  }
  const ready = pods.filter((pod) => pod.status?.phase === "Running" && isReady(pod)).length;
  return { replicas: Math.ceil(ratio * ready), usage: value };
}

/** So many that each has `target` of one value. @param replicas how many there are. */
export function countByShare(tolerance: Tolerance, replicas: number, value: Milli, target: Milli): Proposal {
  const steady = isWithin(tolerance, value / (target * replicas));
  return { replicas: steady ? replicas : Math.ceil(value / target), usage: replicas ? Math.ceil(value / replicas) : 0 };
}
