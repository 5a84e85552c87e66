import type { Pod, Taint, Toleration } from "@capstan/api/generated/core-v1";
import { Nodes, Pods } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import { type Controller, createController } from "@capstan/core/reconcile";
import { tolerates } from "../../scheduler/tolerations.ts";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";

/** Deletes pods from nodes with NoExecute taints, at once or when their tolerationSeconds are over. */
export function createTaintEviction(context: ControllerContext): Controller {
  const workshop = openWorkshop(context, "taint-eviction-controller");
  const { informers } = context;
  const nodes = informers.informer(Nodes);
  const pods = informers.informer(Pods);
  pods.addIndex("node", ({ spec }) => (spec.nodeName ? [spec.nodeName] : []));
  return createController({
    name: "taint-eviction-controller",
    informers,
    log: workshop.log,
    sources: [
      { resource: Pods, when: ({ object }) => object.spec.nodeName !== undefined },
      {
        resource: Nodes,
        when: ({ object, old }) => JSON.stringify(object.spec?.taints) !== JSON.stringify(old?.spec?.taints),
        keys: ({ metadata }) => pods.byIndex("node", metadata.name).map(refOf),
      },
    ],
    async reconcile(ref) {
      const pod = pods.get(ref);
      const node = pod?.spec.nodeName ? nodes.get({ name: pod.spec.nodeName }) : undefined;
      if (!pod || !node || pod.metadata.deletionTimestamp) return undefined;
      const taints = node.spec?.taints?.filter(({ effect }) => effect === "NoExecute") ?? [];
      const wait = evictIn(pod, taints, workshop.now());
      if (wait === undefined) return undefined;
      if (wait > 0) return { requeueAfter: wait };
      await evict(workshop, pod);
      return undefined;
    },
  });
}

/** Milliseconds until the pod has to go; undefined when it may stay. */
function evictIn({ spec }: Pod, taints: Taint[], now: number): number | undefined {
  if (taints.length === 0) return undefined;
  const limits: number[] = [];
  for (const taint of taints) {
    const matching = (spec.tolerations ?? []).filter((toleration) => tolerates([toleration], taint));
    if (matching.length === 0) return 0;
    const seconds = matching.map(({ tolerationSeconds }: Toleration) => tolerationSeconds);
    if (seconds.includes(undefined)) continue;
    const since = Date.parse(taint.timeAdded ?? "");
    const shortest = Math.min(...seconds.map((each) => Math.max(0, each ?? 0)));
    limits.push((Number.isNaN(since) ? now : since) + shortest * 1000 - now);
  }
  return limits.length > 0 ? Math.max(0, Math.min(...limits)) : undefined;
}

async function evict({ client, recorder, timestamp }: Workshop, pod: Pod): Promise<void> {
  const { namespace, name, uid = "" } = pod.metadata;
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "DeletionByTaintManager",
    message: "Taint manager: deleting due to NoExecute taint",
    lastTransitionTime: timestamp(),
  };
  const body = { metadata: { uid }, status: { conditions: [condition] } };
  try {
    recorder.normal(pod, "TaintManagerEviction", `Marking for deletion Pod ${namespace}/${name}`);
    await client.patch(Pods, refOf(pod), { type: "strategic", body }, { subresource: "status" });
    await client.delete(Pods, refOf(pod), { preconditions: { uid } });
  } catch (error) {
    if (!isReason(error, "NotFound", "Conflict")) throw error;
  }
}
