import type { ContainerStatus, Pod, PodStatus } from "@capstan/api/generated/core-v1";
import { Nodes, Pods } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import { silent } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import { type Controller, createController, type Informers } from "@capstan/core/reconcile";

export interface PaperNodeOptions {
  client: Client;
  informers: Informers;
  /** Default "paper". */
  name?: string;
  /** Binds pods without a node to itself: for tests without a scheduler. */
  binds?: boolean;
  /** What becomes of a pod. Default: `exit/<code>` images end with the code, others run and are ready. */
  fate?: (pod: Pod) => number | "ready" | "unready" | "pending";
}

/** Reports the status that pods would have on a node, and lets deleted ones go: no process ever runs. */
export function createPaperNode(options: PaperNodeOptions): Controller {
  const { client, informers, name = "paper", binds = false, fate = fateByImage } = options;
  const pods = informers.informer(Pods);
  let last = 0;
  const controller = createController({
    name: "paper-node",
    informers,
    log: silent,
    sources: [{ resource: Pods }],
    async reconcile(ref) {
      const pod = pods.get(ref);
      if (!pod) return undefined;
      if (!pod.spec.nodeName && binds && !pod.metadata.deletionTimestamp) {
        const target = { apiVersion: "v1", kind: "Node", name };
        const body = { apiVersion: "v1", kind: "Binding", metadata: ref, target };
        const url = `/api/v1/namespaces/${ref.namespace}/pods/${ref.name}/binding`;
        await client.request({ method: "POST", url, headers: json, body: Buffer.from(JSON.stringify(body)) });
        return undefined;
      }
      if (pod.spec.nodeName !== name) return undefined;
      try {
        if (pod.metadata.deletionTimestamp) {
          await client.delete(Pods, ref, { gracePeriodSeconds: 0, preconditions: { uid: pod.metadata.uid ?? "" } });
          return undefined;
        }
        const wanted = fate(pod);
        const state = wanted === "pending" ? undefined : String(wanted);
        if (state === undefined || pod.metadata.annotations?.fate === state || pod.status?.phase === "Succeeded")
          return undefined;
        if (pod.status?.phase === "Failed" || pod.status?.reason === state) return undefined;
        last = (last + 1) % 65_000;
        const status = statusOf(pod, wanted, `10.1.${last >> 8}.${last & 255}`);
        await client.patch(Pods, refOf(pod), { type: "merge", body: { status } }, { subresource: "status" });
      } catch (error) {
        if (!isReason(error, "NotFound", "Conflict")) throw error;
      }
      return undefined;
    },
  });
  return {
    ...controller,
    async start(signal) {
      const labels = { "kubernetes.io/hostname": name, "kubernetes.io/os": "linux" };
      const room = { cpu: "8", memory: "16Gi", pods: "110", "ephemeral-storage": "100Gi" };
      const conditions = [{ type: "Ready", status: "True", reason: "KubeletReady", message: "ready" }];
      await client.create(Nodes, { metadata: { name, labels }, spec: {} });
      const body = { status: { capacity: room, allocatable: room, conditions } };
      await client.patch(Nodes, { name }, { type: "merge", body }, { subresource: "status" });
      await controller.start(signal);
    },
  };
}

const json = { "content-type": "application/json" };

function fateByImage(pod: Pod): number | "ready" {
  const match = /^exit\/(\d+)/.exec(pod.spec.containers[0]?.image ?? "");
  return match ? Number(match[1]) : "ready";
}

function statusOf(pod: Pod, fate: number | "ready" | "unready" | "pending", podIP: string): PodStatus {
  const time = new Date().toISOString();
  const ended = typeof fate === "number";
  const ready = fate === "ready";
  const condition = (type: string, status: boolean) => ({
    type,
    status: status ? "True" : "False",
    lastTransitionTime: time,
  });
  const state: ContainerStatus["state"] = ended
    ? { terminated: { exitCode: fate, reason: fate === 0 ? "Completed" : "Error", startedAt: time, finishedAt: time } }
    : { running: { startedAt: time } };
  const containerStatuses = pod.spec.containers.map(({ name, image = "" }): ContainerStatus => {
    return { name, image, imageID: image, ready, restartCount: 0, state };
  });
  return {
    phase: ended ? (fate === 0 ? "Succeeded" : "Failed") : "Running",
    reason: String(fate),
    podIP,
    podIPs: [{ ip: podIP }],
    hostIP: "127.0.0.1",
    startTime: time,
    conditions: [condition("Initialized", true), condition("Ready", ready), condition("ContainersReady", ready)],
    containerStatuses,
  };
}
