import type { Pod } from "@capstan/api/generated/core-v1";
import { prepareFilters, type Refusal } from "./filter.ts";
import type { NodeState } from "./node-state.ts";
import type { NamespaceLabels } from "./pod-affinity.ts";
import { priorityOf } from "./queue.ts";

export interface Preemption {
  state: NodeState;
  victims: Pod[];
}

/**
 * The node where the fewest and least important pods have to go for this one to fit; undefined when that helps nowhere
 * or victims of an earlier choice are still going. Source: pkg/scheduler/framework/preemption.
 */
export function findVictims(
  pod: Pod,
  states: NodeState[],
  refusals: Map<NodeState, Refusal>,
  labelsOf: NamespaceLabels,
): Preemption | undefined {
  if (pod.spec.preemptionPolicy === "Never") return undefined;
  const nominated = states.find(({ name }) => name === pod.status?.nominatedNodeName);
  if (nominated && lesser(nominated, pod).some(({ metadata }) => metadata.deletionTimestamp)) return undefined;
  let best: Preemption | undefined;
  for (const [state, { preemptable }] of refusals) {
    const victims = preemptable ? victimsOn(state, pod, states, labelsOf) : undefined;
    if (victims && (!best || compare(victims, best.victims) < 0)) best = { state, victims };
  }
  return best;
}

function lesser({ pods }: NodeState, pod: Pod): Pod[] {
  return pods.filter((other) => priorityOf(other) < priorityOf(pod));
}

/** Takes all lesser pods away, and gives back, most important first, each that may stay. */
function victimsOn(state: NodeState, pod: Pod, states: NodeState[], labelsOf: NamespaceLabels): Pod[] | undefined {
  const candidates = lesser(state, pod).sort((a, b) => priorityOf(b) - priorityOf(a) || older(a, b));
  const fitsWithout = (gone: Pod[]) => {
    const imagined = state.without(gone);
    const others = states.map((other) => (other === state ? imagined : other));
    return prepareFilters(pod, others, labelsOf)(imagined) === undefined;
  };
  if (candidates.length === 0 || !fitsWithout(candidates)) return undefined;
  let victims = candidates;
  for (const candidate of candidates) {
    const fewer = victims.filter((victim) => victim !== candidate);
    if (fitsWithout(fewer)) victims = fewer;
  }
  return victims;
}

function older(a: Pod, b: Pod): number {
  return Date.parse(a.metadata.creationTimestamp ?? "") - Date.parse(b.metadata.creationTimestamp ?? "");
}

function compare(a: Pod[], b: Pod[]): number {
  const highest = (pods: Pod[]) => Math.max(...pods.map(priorityOf));
  const sum = (pods: Pod[]) => pods.reduce((total, pod) => total + priorityOf(pod), 0);
  return highest(a) - highest(b) || sum(a) - sum(b) || a.length - b.length;
}
