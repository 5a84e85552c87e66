import type { Node, Pod } from "@capstan/api/generated/core-v1";
import { Nodes, Pods } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import { type Controller, createController, type Informer } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { isFinished } from "../pod.ts";

export interface PodGarbageOptions extends ControllerContext {
  /** Ended pods kept. Default 12,500: --terminated-pod-gc-threshold. */
  threshold?: number;
  /** Milliseconds a node has to be missing. Default 40,000: quarantineTime of the pod collector. */
  quarantine?: number;
}

/** Deletes pods whose node is gone, pods deleted before they had a node, and the oldest of too many ended ones. */
export function createPodGarbageCollector(options: PodGarbageOptions): Controller {
  const { informers, threshold = 12_500, quarantine = 40_000 } = options;
  const workshop = openWorkshop(options, "pod-garbage-collector-controller");
  const nodes = informers.informer(Nodes);
  const pods = informers.informer(Pods);
  pods.addIndex("node", ({ spec }) => (spec.nodeName ? [spec.nodeName] : []));
  pods.addIndex("ended", (pod) => (isFinished(pod) && !pod.metadata.deletionTimestamp ? ["yes"] : []));
  const missingSince = new Map<string, number>();
  return createController({
    name: "pod-garbage-collector-controller",
    informers,
    log: workshop.log,
    sources: [
      { resource: Pods, when: ({ type }) => type !== "DELETED" },
      {
        resource: Nodes,
        when: ({ type }) => type !== "MODIFIED",
        keys: ({ metadata }) => pods.byIndex("node", metadata.name).map(refOf),
      },
    ],
    async reconcile(ref) {
      const pod = pods.get(ref);
      if (!pod) return undefined;
      const { nodeName } = pod.spec;
      if (!nodeName) {
        if (pod.metadata.deletionTimestamp && !isFinished(pod)) await remove(workshop, pod);
      } else if (nodes.get({ name: nodeName })) missingSince.delete(nodeName);
      else {
        const since = missingSince.get(nodeName) ?? workshop.now();
        missingSince.set(nodeName, since);
        const left = since + quarantine - workshop.now();
        if (left > 0) return { requeueAfter: left };
        if (await isMissing(workshop, nodes, nodeName)) await failAndRemove(workshop, pod);
      }
      const ended = pods.byIndex("ended", "yes");
      if (isFinished(pod) && ended.length > threshold) await trim(workshop, ended, threshold);
      return undefined;
    },
  });
}

async function isMissing({ client }: Workshop, nodes: Informer<Node>, name: string): Promise<boolean> {
  return nodes.get({ name }) === undefined && (await client.find(Nodes, { name })) === undefined;
}

async function failAndRemove(workshop: Workshop, pod: Pod): Promise<void> {
  if (!isFinished(pod)) {
    const condition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "DeletionByPodGC",
      message: "PodGC: node no longer exists",
      lastTransitionTime: workshop.timestamp(),
    };
    const body = { metadata: { uid: pod.metadata.uid }, status: { phase: "Failed", conditions: [condition] } };
    try {
      await workshop.client.patch(Pods, refOf(pod), { type: "strategic", body }, { subresource: "status" });
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
  }
  await remove(workshop, pod);
}

async function trim(workshop: Workshop, ended: Pod[], threshold: number): Promise<void> {
  const age = ({ metadata }: Pod) => Date.parse(metadata.creationTimestamp ?? "");
  const oldest = ended.toSorted((a, b) => age(a) - age(b)).slice(0, ended.length - threshold);
  for (const pod of oldest) await remove(workshop, pod);
}

async function remove({ client }: Workshop, pod: Pod): Promise<void> {
  try {
    await client.delete(Pods, refOf(pod), { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid ?? "" } });
  } catch (error) {
    if (!isReason(error, "NotFound", "Conflict")) throw error;
  }
}
