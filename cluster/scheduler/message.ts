import type { Refusal } from "./filter.ts";
import type { NodeState } from "./node-state.ts";
import type { Placement } from "./placement.ts";

/** What people read when a pod fits nowhere. Source: FitError in pkg/scheduler/framework/types.go. */
function explain(refusals: Map<NodeState, Refusal>): string {
  if (refusals.size === 0) return "no nodes available to schedule pods";
  const all = [...refusals.values()];
  const why = summary(all.flatMap(({ reasons }) => reasons));
  const helpless = all.map(({ preemptable }) =>
    preemptable ? "No preemption victims found for incoming pod" : "Preemption is not helpful for scheduling",
  );
  return `0/${refusals.size} nodes are available: ${why}. preemption: 0/${refusals.size} nodes are available: ${summary(helpless)}.`;
}

/** Why a pod was not placed, over so many nodes. */
export function explainPlacement(placement: Exclude<Placement, { state: NodeState }>, nodes: number): string {
  return "missing" in placement ? explainAll(placement.missing, nodes) : explain(placement.refusals);
}

/** The same, for a reason that holds on every node. */
export function explainAll(reason: string, nodes: number): string {
  const helpless = nodes > 0 ? `${nodes} Preemption is not helpful for scheduling` : "";
  return `0/${nodes} nodes are available: ${reason}. preemption: 0/${nodes} nodes are available: ${helpless}.`;
}

function summary(reasons: string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .sort()
    .join(", ");
}
