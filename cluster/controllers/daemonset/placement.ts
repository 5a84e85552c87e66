import type { ControllerRevision, DaemonSet } from "@capstan/api/generated/apps-v1";
import type { Node, NodeSelectorRequirement, Pod, Toleration } from "@capstan/api/generated/core-v1";
import { DaemonSets } from "@capstan/api/generated/resources";
import type { New } from "@capstan/api/meta";
import { matchesNode } from "../../scheduler/node-affinity.ts";
import { untolerated } from "../../scheduler/tolerations.ts";
import { hashOfRevision, templateOf } from "../history.ts";
import { podOf } from "../pod.ts";

export const hashLabel = "controller-revision-hash";

/** What a daemon's pods put up with: they belong to their node. Source: AddOrUpdateDaemonPodTolerations. */
const tolerations: Toleration[] = [
  ["not-ready", "NoExecute"],
  ["unreachable", "NoExecute"],
  ["disk-pressure", "NoSchedule"],
  ["memory-pressure", "NoSchedule"],
  ["pid-pressure", "NoSchedule"],
  ["unschedulable", "NoSchedule"],
].map(([name, effect]) => ({ key: `node.kubernetes.io/${name}`, operator: "Exists", effect: effect ?? "" }));
const ofHostNetwork: Toleration = {
  key: "node.kubernetes.io/network-unavailable",
  operator: "Exists",
  effect: "NoSchedule",
};

function withTolerations(template: DaemonSet["spec"]["template"]): Toleration[] {
  const own = template.spec?.tolerations ?? [];
  return [...own, ...tolerations, ...(template.spec?.hostNetwork ? [ofHostNetwork] : [])];
}

/** Whether a node is to have the pod, and whether one that is there may stay. Source: NodeShouldRunDaemonPod. */
export function shouldRun(set: DaemonSet, node: Node): { run: boolean; stay: boolean } {
  const { template } = set.spec;
  const spec = { ...template.spec, containers: [], tolerations: withTolerations(template) };
  if (!matchesNode({ spec }, node)) return { run: false, stay: false };
  const taints = node.spec?.taints;
  if (untolerated({ spec }, taints, "NoExecute")) return { run: false, stay: false };
  if (untolerated({ spec }, taints, "NoSchedule")) return { run: false, stay: true };
  return { run: true, stay: true };
}

/** The pod for a node: the scheduler places it, and only there. */
export function podForNode(set: DaemonSet, node: string, revision: ControllerRevision): New<Pod> {
  const template = templateOf(revision);
  const pod = podOf(template, DaemonSets, set, { labels: { [hashLabel]: hashOfRevision(revision) } });
  pod.spec.tolerations = withTolerations(template);
  const here: NodeSelectorRequirement = { key: "metadata.name", operator: "In", values: [node] };
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const terms = required?.nodeSelectorTerms ?? [{}];
  const nodeSelectorTerms = terms.map((term) => ({ ...term, matchFields: [here] }));
  pod.spec.affinity = {
    ...pod.spec.affinity,
    nodeAffinity: {
      ...pod.spec.affinity?.nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms },
    },
  };
  return pod;
}

/** The node that a pod is on, or is bound for. */
export function nodeOf({ spec }: Pod): string {
  if (spec.nodeName) return spec.nodeName;
  const required = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const fields = required?.nodeSelectorTerms.flatMap(({ matchFields = [] }) => matchFields) ?? [];
  return fields.find(({ key }) => key === "metadata.name")?.values?.[0] ?? "";
}
