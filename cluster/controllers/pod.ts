import type { Pod, PodTemplateSpec } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { isReason, type KubeObject, type New, type Resource, refOf } from "@capstan/api/meta";
import type { Informer } from "@capstan/core/reconcile";
import type { Workshop } from "./context.ts";
import { controllerReference } from "./ownership.ts";

/** Neither ended nor being deleted. */
export function isActive(pod: Pod): boolean {
  return !isFinished(pod) && !pod.metadata.deletionTimestamp;
}

export function isFinished(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

export function conditionOf(pod: Pod, type: string) {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isReady(pod: Pod): boolean {
  return conditionOf(pod, "Ready")?.status === "True";
}

/** Milliseconds until a ready pod counts as available; 0 when it does, undefined when it is not ready. */
export function availableIn(pod: Pod, minReadySeconds: number, now: number): number | undefined {
  const ready = conditionOf(pod, "Ready");
  if (ready?.status !== "True") return undefined;
  if (minReadySeconds === 0) return 0;
  const since = Date.parse(ready.lastTransitionTime ?? "");
  return Number.isNaN(since) ? undefined : Math.max(0, since + minReadySeconds * 1000 - now);
}

export function isAvailable(pod: Pod, minReadySeconds: number, now: number): boolean {
  return availableIn(pod, minReadySeconds, now) === 0;
}

/** Milliseconds until the next of the pods becomes available by time alone. */
export function nextAvailable(pods: Pod[], minReadySeconds: number, now: number): number | undefined {
  const waits = pods
    .map((pod) => availableIn(pod, minReadySeconds, now))
    .filter((wait) => wait !== undefined && wait > 0);
  return waits.length > 0 ? Math.min(...(waits as number[])) : undefined;
}

/** A pod of the template that `owner` controls. Give it a name, or it gets one of the owner's. */
export function podOf(
  template: PodTemplateSpec | undefined,
  resource: Resource,
  owner: KubeObject,
  metadata: Partial<Pod["metadata"]> = {},
): New<Pod> {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  const name = metadata.name === undefined ? { generateName: `${owner.metadata.name}-` } : {};
  return {
    metadata: {
      ...name,
      ...(finalizers ? { finalizers } : {}),
      namespace: owner.metadata.namespace,
      ownerReferences: [controllerReference(resource, owner)],
      ...metadata,
      labels: { ...labels, ...metadata.labels },
      annotations: { ...annotations, ...metadata.annotations },
    },
    spec: structuredClone(template?.spec ?? { containers: [] }),
  };
}

/**
 * Creates pods in growing groups (1, 2, 4, …), so that a quota or an admission that refuses all is asked few times.
 * Says each on the owner, and waits for the copy to have them.
 */
export async function createPods(
  pods: New<Pod>[],
  owner: KubeObject,
  { workshop, informer, signal }: { workshop: Workshop; informer: Informer<Pod>; signal: AbortSignal },
): Promise<{ created: Pod[]; error?: unknown }> {
  const { client, recorder } = workshop;
  const created: Pod[] = [];
  for (let start = 0, size = 1; start < pods.length; start += size, size *= 2) {
    const group = pods.slice(start, start + size);
    const answers = await Promise.allSettled(group.map((pod) => client.create(Pods, pod)));
    let failure: { error: unknown } | undefined;
    for (const answer of answers) {
      if (answer.status === "fulfilled") {
        created.push(answer.value);
        recorder.normal(owner, "SuccessfulCreate", `Created pod: ${answer.value.metadata.name}`);
        continue;
      }
      failure = { error: answer.reason };
      // A namespace that is being deleted takes no pods: that is no news to anyone.
      if (isTerminating(answer.reason)) continue;
      recorder.warning(owner, "FailedCreate", `Error creating: ${(answer.reason as Error).message}`);
    }
    await informer.until(created.at(-1)?.metadata.resourceVersion, signal);
    if (failure) return { created, error: failure.error };
  }
  return { created };
}

export function isTerminating(error: unknown): boolean {
  return (
    isReason(error, "Forbidden") && !!error.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating")
  );
}

/** Deletes pods, says each on the owner, and waits for the copy to have it. */
export async function deletePods(
  pods: Pod[],
  owner: KubeObject,
  { workshop, informer, signal }: { workshop: Workshop; informer: Informer<Pod>; signal: AbortSignal },
): Promise<void> {
  const { client, recorder } = workshop;
  const remove = async (pod: Pod) => {
    const { uid } = pod.metadata;
    try {
      await client.delete(Pods, refOf(pod), { preconditions: uid ? { uid } : {} });
      recorder.normal(owner, "SuccessfulDelete", `Deleted pod: ${pod.metadata.name}`);
    } catch (error) {
      if (isReason(error, "NotFound", "Conflict")) return;
      recorder.warning(owner, "FailedDelete", `Error deleting: ${(error as Error).message}`);
      throw error;
    }
    const gone = (now: Pod | undefined) => now?.metadata.uid !== uid || now?.metadata.deletionTimestamp !== undefined;
    await informer.when(refOf(pod), gone, signal);
  };
  await Promise.all(pods.map(remove));
}
