import type { Pod } from "@capstan/api/generated/core-v1";
import type { NodeState } from "./node-state.ts";
import { type Placement, placePod, type Surroundings } from "./placement.ts";
import { findVictims, type Preemption, type PreemptionWorld } from "./preempt.ts";
import { type Amounts, add, podRequests } from "./requests.ts";

export interface GangTrial {
  placed: { pod: Pod; node: string }[];
  /** Those that fit nowhere, with why. */
  left: { pod: Pod; placement: Exclude<Placement, { state: NodeState }> }[];
  /** Pods of other groups that would have to go. Empty unless asked for. */
  preemptions: { pod: Pod; preemption: Preemption }[];
}

/**
 * Places the pods one after another on imagined nodes: nothing is bound.
 * @param makesRoom lets lesser pods go for members that fit nowhere.
 */
export function tryGang(
  pods: Pod[],
  nodes: NodeState[],
  surroundings: Surroundings,
  makesRoom?: Omit<PreemptionWorld, "nodes">,
): GangTrial {
  const trial: GangTrial = { placed: [], left: [], preemptions: [] };
  let imagined = nodes.map((state) => state.imagine());
  for (const pod of pods) {
    const placement = placePod(pod, imagined, surroundings);
    if ("state" in placement) {
      placement.state.place(onNode(pod, placement.state.name));
      trial.placed.push({ pod, node: placement.state.name });
      continue;
    }
    const refusals = "refusals" in placement ? placement.refusals : undefined;
    const preemption = makesRoom && refusals && findVictims(pod, refusals, { ...makesRoom, nodes: imagined });
    if (!preemption) {
      trial.left.push({ pod, placement });
      continue;
    }
    const { state, victims } = preemption;
    const cleared = state.imagine({ gone: victims, coming: [onNode(pod, state.name)] });
    imagined = imagined.map((each) => (each === state ? cleared : each));
    trial.preemptions.push({ pod, preemption });
  }
  return trial;
}

function onNode(pod: Pod, nodeName: string): Pod {
  return { ...pod, spec: { ...pod.spec, nodeName } };
}

/** What the nodes lack of `wanted`, not counting what the group's own pods take. Source: coscheduling's minResources. */
export function lackingResource(wanted: Amounts, nodes: NodeState[], own: ReadonlySet<string>): string | undefined {
  const free: Amounts = {};
  for (const { allocatable, requested, pods } of nodes) {
    add(free, allocatable);
    add(free, requested, -1);
    for (const pod of pods) if (own.has(pod.metadata.uid ?? "")) add(free, podRequests(pod));
  }
  return Object.keys(wanted).find((name) => (wanted[name] ?? 0) > (free[name] ?? 0) + 1e-6);
}
