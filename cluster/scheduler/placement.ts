import type { Pod } from "@capstan/api/generated/core-v1";
import { claimRefusal, reachesVolumes, type Storage } from "./claims.ts";
import { prepareFilters, type Refusal } from "./filter.ts";
import type { NodeState } from "./node-state.ts";
import type { NamespaceLabels } from "./pod-affinity.ts";
import { priorityOf } from "./queue.ts";
import { choose } from "./score.ts";

export type Refusals = Map<NodeState, Refusal>;

/** Where a pod goes; or why each node refuses it; or what it waits for that no node could help. */
export type Placement = { state: NodeState } | { refusals: Refusals } | { missing: string };

const farVolume: Refusal = { reasons: ["node(s) had volume node affinity conflict"], preemptable: false };

/** What placing a pod looks at, beside nodes. */
export interface Surroundings {
  storage: Storage;
  labelsOf: NamespaceLabels;
  /** Pods that wait for victims to leave the node that they were promised. */
  nominated: Pod[];
}

/** The best of the nodes that fit. */
export function placePod(pod: Pod, nodes: NodeState[], surroundings: Surroundings): Placement {
  const { storage, labelsOf } = surroundings;
  const missing = claimRefusal(pod, storage);
  if (missing) return { missing };
  const filters = [prepareFilters(pod, nodes, labelsOf)];
  const promised = withPromised(pod, nodes, surroundings.nominated);
  if (promised) {
    const crowded = prepareFilters(pod, [...promised.values()], labelsOf);
    filters.push((state) => crowded(promised.get(state) ?? state));
  }
  const refusals: Refusals = new Map();
  const fitting = nodes.filter((state) => {
    let refusal: Refusal | undefined;
    for (const filter of filters) refusal ??= filter(state);
    if (!refusal && state.node && !reachesVolumes(pod, state.node, storage)) refusal = farVolume;
    if (refusal) refusals.set(state, refusal);
    return refusal === undefined;
  });
  return fitting.length > 0 ? { state: choose(pod, fitting, nodes, labelsOf) } : { refusals };
}

/** The nodes as they will be once the pods are in that were promised a place and are as important as this one. */
function withPromised(pod: Pod, nodes: NodeState[], nominated: Pod[]): Map<NodeState, NodeState> | undefined {
  const before = nominated.filter(
    (other) => other.metadata.uid !== pod.metadata.uid && priorityOf(other) >= priorityOf(pod),
  );
  if (before.length === 0) return undefined;
  return new Map(
    nodes.map((state) => {
      const coming = before.filter(({ status }) => status?.nominatedNodeName === state.name);
      return [state, coming.length > 0 ? state.imagine({ coming }) : state];
    }),
  );
}
