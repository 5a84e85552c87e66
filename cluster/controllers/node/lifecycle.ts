import type { Node, NodeCondition, Pod } from "@capstan/api/generated/core-v1";
import { Leases, Nodes, Pods } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import { type Controller, createController, type Informer } from "@capstan/core/reconcile";
import { type ControllerContext, openWorkshop, type Workshop } from "../context.ts";
import { isReady } from "../pod.ts";
import { updatedTaints } from "./taints.ts";

export interface NodeLifecycleOptions extends ControllerContext {
  /** Milliseconds of silence after which a node counts as lost. Default 50,000: --node-monitor-grace-period. */
  grace?: number;
}

/** The last sign of life of a node, by this process's own clock: the nodes' clocks are not compared. */
interface Sign {
  mark: string;
  at: number;
}

const leaseNamespace = "kube-node-lease";
const kubeletConditions = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/** Marks nodes whose lease is not renewed as Unknown, keeps the taints of all conditions, and says so on the pods. */
export function createNodeLifecycleController(options: NodeLifecycleOptions): Controller {
  const { informers, client, grace = 50_000 } = options;
  const workshop = openWorkshop(options, "node-lifecycle-controller");
  const nodes = informers.informer(Nodes);
  const leases = informers.informer(Leases);
  const pods = informers.informer(Pods);
  pods.addIndex("node", ({ spec }) => (spec.nodeName ? [spec.nodeName] : []));
  const signs = new Map<string, Sign>();
  return createController({
    name: "node-lifecycle-controller",
    informers,
    log: workshop.log,
    sources: [
      { resource: Nodes },
      {
        resource: Leases,
        when: ({ object }) => object.metadata.namespace === leaseNamespace,
        keys: ({ metadata }) => [{ name: metadata.name }],
      },
    ],
    async reconcile(ref, signal) {
      const found = nodes.get(ref);
      if (!found) {
        signs.delete(ref.name);
        return undefined;
      }
      const lease = leases.get({ namespace: leaseNamespace, name: ref.name });
      const heartbeat = readyOf(found)?.lastHeartbeatTime;
      const mark = `${lease?.spec.renewTime} ${heartbeat}`;
      let sign = signs.get(ref.name);
      if (sign?.mark !== mark) {
        sign = { mark, at: workshop.now() };
        signs.set(ref.name, sign);
      }
      const left = sign.at + grace - workshop.now();
      let node = left > 0 ? found : await declareLost(workshop, found);
      const taints = updatedTaints(node, workshop.timestamp());
      if (taints) {
        node = await client.patch(Nodes, ref, {
          type: "merge",
          body: { metadata: { resourceVersion: node.metadata.resourceVersion }, spec: { taints } },
        });
        await nodes.until(node.metadata.resourceVersion, signal);
      }
      if (readyOf(node) && readyOf(node)?.status !== "True") await markPods(workshop, pods, node);
      return left > 0 ? { requeueAfter: left } : undefined;
    },
  });
}

function readyOf({ status }: Node): NodeCondition | undefined {
  return status?.conditions?.find(({ type }) => type === "Ready");
}

/** Source: tryUpdateNodeHealth in pkg/controller/nodelifecycle. */
async function declareLost(workshop: Workshop, node: Node): Promise<Node> {
  const time = workshop.timestamp();
  const before = node.status?.conditions ?? [];
  if (readyOf(node)?.status === "Unknown") return node;
  const lost = kubeletConditions.map((type): NodeCondition => {
    const old = before.find((condition) => condition.type === type);
    const never = old === undefined;
    return {
      type,
      status: "Unknown",
      reason: never ? "NodeStatusNeverUpdated" : "NodeStatusUnknown",
      message: never ? "Kubelet never posted node status." : "Kubelet stopped posting node status.",
      lastHeartbeatTime: old?.lastHeartbeatTime ?? node.metadata.creationTimestamp,
      lastTransitionTime: old?.status === "Unknown" ? old.lastTransitionTime : time,
    };
  });
  const others = before.filter(({ type }) => !kubeletConditions.includes(type));
  const status = { ...node.status, conditions: [...lost, ...others] };
  workshop.recorder.normal(node, "NodeNotReady", `Node ${node.metadata.name} status is now: NodeNotReady`);
  return workshop.client.updateStatus(Nodes, { ...node, status });
}

/** Traffic must not go to pods of which nobody knows whether they live. */
async function markPods({ client, recorder, timestamp }: Workshop, pods: Informer<Pod>, node: Node): Promise<void> {
  for (const pod of pods.byIndex("node", node.metadata.name)) {
    if (!isReady(pod)) continue;
    const condition = { type: "Ready", status: "False", lastTransitionTime: timestamp() };
    const body = { metadata: { uid: pod.metadata.uid }, status: { conditions: [condition] } };
    try {
      await client.patch(Pods, refOf(pod), { type: "strategic", body }, { subresource: "status" });
      recorder.warning(pod, "NodeNotReady", "Node is not ready");
    } catch (error) {
      if (!isReason(error, "NotFound", "Conflict")) throw error;
    }
  }
}
