import type { Pod } from "@capstan/api/generated/core-v1";
import type { PodDisruptionBudget } from "@capstan/api/generated/policy-v1";
import { matches, requirementsOf } from "@capstan/api/meta";
import { prepareFilters } from "./filter.ts";
import type { NodeState } from "./node-state.ts";
import type { Refusals } from "./placement.ts";
import type { NamespaceLabels } from "./pod-affinity.ts";
import { priorityOf } from "./queue.ts";

export interface Preemption {
  state: NodeState;
  victims: Pod[];
  /** How many of the victims a PodDisruptionBudget would keep. */
  violations: number;
}

export interface PreemptionWorld {
  nodes: NodeState[];
  budgets: PodDisruptionBudget[];
  labelsOf: NamespaceLabels;
}

/**
 * The node where the fewest and least important pods have to go for this one to fit; undefined when that helps nowhere
 * or victims of an earlier choice are still going. Source: pkg/scheduler/framework/preemption.
 */
export function findVictims(pod: Pod, refusals: Refusals, world: PreemptionWorld): Preemption | undefined {
  if (pod.spec.preemptionPolicy === "Never") return undefined;
  if (waitsForVictims(pod, world.nodes)) return undefined;
  let best: Preemption | undefined;
  for (const [state, { preemptable }] of refusals) {
    const found = preemptable ? victimsOn(state, pod, world) : undefined;
    if (found && (!best || compare(found, best) < 0)) best = found;
  }
  return best;
}

/** Whether victims of an earlier choice for the pod are still going. */
export function waitsForVictims(pod: Pod, nodes: NodeState[]): boolean {
  const nominated = nodes.find(({ name }) => name === pod.status?.nominatedNodeName);
  return nominated !== undefined && lesser(nominated, pod).some(({ metadata }) => metadata.deletionTimestamp);
}

function lesser({ pods }: NodeState, pod: Pod): Pod[] {
  return pods.filter((other) => priorityOf(other) < priorityOf(pod));
}

/** Takes all lesser pods away, and gives back each that may stay: first those that a budget keeps, then by importance. */
function victimsOn(state: NodeState, pod: Pod, { nodes, budgets, labelsOf }: PreemptionWorld): Preemption | undefined {
  const candidates = lesser(state, pod).sort((a, b) => priorityOf(b) - priorityOf(a) || started(a) - started(b));
  const fitsWithout = (gone: Pod[]) => {
    const imagined = state.imagine({ gone });
    const others = nodes.map((other) => (other === state ? imagined : other));
    return prepareFilters(pod, others, labelsOf)(imagined) === undefined;
  };
  if (candidates.length === 0 || !fitsWithout(candidates)) return undefined;
  const kept = keptByBudgets(candidates, budgets);
  let victims = candidates;
  for (const candidate of [...kept, ...candidates.filter((each) => !kept.has(each))]) {
    const fewer = victims.filter((victim) => victim !== candidate);
    if (fitsWithout(fewer)) victims = fewer;
  }
  return { state, victims, violations: victims.filter((victim) => kept.has(victim)).length };
}

/** Those whose going would break a budget when the ones before them go too. */
function keptByBudgets(pods: Pod[], budgets: PodDisruptionBudget[]): Set<Pod> {
  const allowed = new Map(budgets.map((budget) => [budget, budget.status?.disruptionsAllowed ?? 0]));
  const kept = new Set<Pod>();
  for (const pod of pods) {
    for (const [budget, left] of allowed) {
      if (!covers(budget, pod)) continue;
      allowed.set(budget, left - 1);
      if (left <= 0) kept.add(pod);
    }
  }
  return kept;
}

function covers({ metadata, spec, status }: PodDisruptionBudget, pod: Pod): boolean {
  if (metadata.namespace !== pod.metadata.namespace || status?.disruptedPods?.[pod.metadata.name]) return false;
  const wanted = requirementsOf(spec?.selector);
  return wanted !== undefined && wanted.length > 0 && matches(wanted, pod.metadata.labels);
}

function started({ metadata, status }: Pod): number {
  return Date.parse(status?.startTime ?? metadata.creationTimestamp ?? "");
}

function compare(a: Preemption, b: Preemption): number {
  const highest = ({ victims }: Preemption) => Math.max(...victims.map(priorityOf));
  const sum = ({ victims }: Preemption) => victims.reduce((total, pod) => total + priorityOf(pod), 0);
  return (
    a.violations - b.violations || highest(a) - highest(b) || sum(a) - sum(b) || a.victims.length - b.victims.length
  );
}
