import type { Pod, PodCondition } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { isReason, pathOf, refOf } from "@capstan/api/meta";
import type { Logger } from "@capstan/base/log";
import type { Client } from "@capstan/core/client";
import type { Recorder } from "@capstan/core/reconcile";
import type { Preemption } from "./preempt.ts";

interface Office {
  client: Client;
  recorder: Recorder;
  log: Logger;
}

const encoder = new TextEncoder();

/** Binds the pod to the node. False when it is gone or was bound by another. */
export async function bind({ client, recorder }: Office, pod: Pod, node: string): Promise<boolean> {
  const { namespace = "", name, uid } = pod.metadata;
  const target = { apiVersion: "v1", kind: "Node", name: node };
  const body = { apiVersion: "v1", kind: "Binding", metadata: { namespace, name, uid }, target };
  try {
    await client.request({
      method: "POST",
      url: pathOf(Pods, namespace, name, "binding"),
      headers: { "content-type": "application/json" },
      body: encoder.encode(JSON.stringify(body)),
    });
  } catch (error) {
    if (isReason(error, "NotFound", "Conflict")) return false;
    recorder.warning(pod, "FailedScheduling", `binding rejected: ${(error as Error).message}`);
    throw error;
  }
  recorder.normal(pod, "Scheduled", `Successfully assigned ${namespace}/${name} to ${node}`);
  return true;
}

/** Says in the pod's status and in an event why it is not placed. */
export async function reportUnschedulable({ client, recorder, log }: Office, pod: Pod, message: string): Promise<void> {
  recorder.warning(pod, "FailedScheduling", message);
  const known = pod.status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (known?.status === "False" && known.message === message) return;
  const lastTransitionTime = known?.status === "False" ? known.lastTransitionTime : new Date().toISOString();
  const condition = { type: "PodScheduled", status: "False", reason: "Unschedulable", message, lastTransitionTime };
  await patchStatus({ client, log }, pod, { conditions: [condition] });
}

/** Asks the victims to go; the pod gets its turn when they are gone. */
export async function preempt(office: Office, pod: Pod, { state, victims }: Preemption): Promise<void> {
  const { client, recorder, log } = office;
  await patchStatus(office, pod, { nominatedNodeName: state.name });
  const evict = async (victim: Pod) => {
    const condition: PodCondition = {
      type: "DisruptionTarget",
      status: "True",
      reason: "PreemptionByScheduler",
      message: "default-scheduler: preempting to accommodate a higher priority pod",
      lastTransitionTime: new Date().toISOString(),
    };
    await patchStatus(office, victim, { conditions: [condition] });
    recorder.normal(victim, "Preempted", `Preempted by pod ${pod.metadata.uid} on node ${state.name}`);
    try {
      await client.delete(Pods, refOf(victim), { preconditions: { uid: victim.metadata.uid ?? "" } });
    } catch (error) {
      if (!isReason(error, "NotFound", "Conflict")) log.warn("a victim could not be deleted", { error });
    }
  };
  await Promise.all(victims.filter(({ metadata }) => !metadata.deletionTimestamp).map(evict));
}

/** Nobody goes for the pod any more: others may use the node that it was promised. */
export async function takeBackNomination(office: Office, pod: Pod): Promise<void> {
  await patchStatus(office, pod, { nominatedNodeName: null });
}

async function patchStatus({ client, log }: Pick<Office, "client" | "log">, pod: Pod, status: object): Promise<void> {
  const body = { metadata: { uid: pod.metadata.uid }, status };
  try {
    await client.patch(Pods, refOf(pod), { type: "strategic", body }, { subresource: "status" });
  } catch (error) {
    if (!isReason(error, "NotFound", "Conflict")) log.warn("a pod's status could not be written", { error });
  }
}
