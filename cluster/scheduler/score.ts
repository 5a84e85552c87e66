import type { Pod } from "@capstan/api/generated/core-v1";
import { matchesTerm } from "./node-affinity.ts";
import type { NodeState } from "./node-state.ts";
import { type NamespaceLabels, podAffinityScore } from "./pod-affinity.ts";
import { comparedRequests } from "./requests.ts";
import { spreadScore } from "./spread.ts";
import { tolerates } from "./tolerations.ts";

/**
 * The best of the nodes that fit: each view gives 0 to 100, weighted as upstream's default profile. Ties go to the
 * emptier node, then by name, so that the choice can be foretold.
 */
export function choose(pod: Pod, fitting: NodeState[], all: NodeState[], labelsOf: NamespaceLabels): NodeState {
  const [only] = fitting;
  if (only && fitting.length === 1) return only;
  const total = new Map(fitting.map((state) => [state, 0]));
  const count = (weight: number, scores: Map<NodeState, number>) => {
    for (const [state, score] of scores)
      if (total.has(state)) total.set(state, (total.get(state) ?? 0) + weight * score);
  };
  const of = (score: (state: NodeState) => number) => new Map(fitting.map((state) => [state, score(state)]));
  const narrow = (scores: Map<NodeState, number>) => new Map([...scores].filter(([state]) => total.has(state)));
  count(
    1,
    of((state) => leastAllocated(pod, state)),
  );
  count(
    1,
    of((state) => balanced(pod, state)),
  );
  count(2, spreadOut(of((state) => preferredNodes(pod, state))));
  count(3, spreadOut(of((state) => -avoided(pod, state))));
  count(2, spreadOut(narrow(podAffinityScore(pod, all, labelsOf))));
  count(2, spreadOut(narrow(spreadScore(pod, all))));
  const order = (a: NodeState, b: NodeState) =>
    (total.get(b) ?? 0) - (total.get(a) ?? 0) || a.size - b.size || (a.name < b.name ? -1 : 1);
  return fitting.toSorted(order)[0] as NodeState;
}

/** Stretches scores to 0..100; equal ones say nothing. */
function spreadOut(scores: Map<NodeState, number>): Map<NodeState, number> {
  const values = [...scores.values()];
  const least = Math.min(...values);
  const range = Math.max(...values) - least;
  if (range === 0 || values.length === 0) return new Map();
  return new Map([...scores].map(([state, score]) => [state, ((score - least) / range) * 100]));
}

function fractions(pod: Pod, { compared, allocatable }: NodeState): [number, number] {
  const asked = comparedRequests(pod);
  const part = (name: "cpu" | "memory") => Math.min(1, (compared[name] + asked[name]) / (allocatable[name] || 1));
  return [part("cpu"), part("memory")];
}

function leastAllocated(pod: Pod, state: NodeState): number {
  const [cpu, memory] = fractions(pod, state);
  return (1 - (cpu + memory) / 2) * 100;
}

function balanced(pod: Pod, state: NodeState): number {
  const [cpu, memory] = fractions(pod, state);
  return (1 - Math.abs(cpu - memory) / 2) * 100;
}

function preferredNodes({ spec }: Pod, { node }: NodeState): number {
  const terms = spec.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.reduce((sum, { preference, weight }) => sum + (node && matchesTerm(preference, node) ? weight : 0), 0);
}

function avoided({ spec }: Pod, { node }: NodeState): number {
  const soft = node?.spec?.taints?.filter(({ effect }) => effect === "PreferNoSchedule") ?? [];
  return soft.filter((taint) => !tolerates(spec.tolerations, taint)).length;
}
