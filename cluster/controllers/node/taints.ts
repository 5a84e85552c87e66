import type { Node, NodeCondition, Taint } from "@capstan/api/generated/core-v1";

const prefix = "node.kubernetes.io/";
const notReady = `${prefix}not-ready`;
const unreachable = `${prefix}unreachable`;

/** Condition type → status → key of the taint it brings. Source: nodeConditionToTaintKeyStatusMap. */
const byCondition: Record<string, Record<string, string>> = {
  Ready: { False: notReady, Unknown: unreachable },
  MemoryPressure: { True: `${prefix}memory-pressure` },
  DiskPressure: { True: `${prefix}disk-pressure` },
  PIDPressure: { True: `${prefix}pid-pressure` },
  NetworkUnavailable: { True: `${prefix}network-unavailable` },
};
const managed = new Set([
  ...Object.values(byCondition).flatMap((keys) => Object.values(keys)),
  `${prefix}unschedulable`,
]);

/** The node's taints with those of its conditions brought up to date; undefined when they are. */
export function updatedTaints(node: Node, time: string): Taint[] | undefined {
  const wanted = wantedTaints(node);
  const present = node.spec?.taints ?? [];
  const same = (a: Taint, b: Taint) => a.key === b.key && a.effect === b.effect;
  const missing = wanted.filter((taint) => !present.some((other) => same(taint, other)));
  const stale = present.filter((taint) => isManaged(taint) && !wanted.some((other) => same(taint, other)));
  if (missing.length + stale.length === 0) return undefined;
  const added = missing.map((taint) => (taint.effect === "NoExecute" ? { ...taint, timeAdded: time } : taint));
  return [...present.filter((taint) => !stale.includes(taint)), ...added];
}

function isManaged({ key, effect }: Taint): boolean {
  return managed.has(key) && (effect === "NoSchedule" || key === notReady || key === unreachable);
}

function wantedTaints({ spec, status }: Node): Taint[] {
  const taints = (status?.conditions ?? []).flatMap(({ type, status: truth }: NodeCondition): Taint[] => {
    const key = byCondition[type]?.[truth];
    if (!key) return [];
    const stop: Taint = { key, effect: "NoSchedule" };
    return type === "Ready" ? [stop, { key, effect: "NoExecute" }] : [stop];
  });
  return spec?.unschedulable ? [...taints, { key: `${prefix}unschedulable`, effect: "NoSchedule" }] : taints;
}
