import type { JobStatus } from "@capstan/api/generated/batch-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import type { Informer } from "@capstan/core/reconcile";
import type { Workshop } from "../context.ts";

/**
 * Keeps a pod until it has been counted. Source: "Job tracking with finalizers" (KEP-2307): an ended pod's uid is first
 * written into status.uncountedTerminatedPods, then its finalizer goes, and only then the counters move. A crash between
 * two of these steps loses and doubles nothing.
 */
export const trackingFinalizer = "batch.kubernetes.io/job-tracking";

export function isTracked(pod: Pod): boolean {
  return pod.metadata.finalizers?.includes(trackingFinalizer) ?? false;
}

/** Pods whose uid is noted and whose finalizer is gone (or which are gone) are counted for good. */
export function settle(status: JobStatus, tracked: Set<string>): JobStatus {
  const { succeeded = [], failed = [] } = status.uncountedTerminatedPods ?? {};
  const waiting = (uids: string[]) => uids.filter((uid) => tracked.has(uid));
  const left = { succeeded: waiting(succeeded), failed: waiting(failed) };
  return {
    ...status,
    succeeded: (status.succeeded ?? 0) + succeeded.length - left.succeeded.length,
    failed: (status.failed ?? 0) + failed.length - left.failed.length,
    uncountedTerminatedPods: compact(left),
  };
}

/** Notes pods that have ended. */
export function note(status: JobStatus, succeeded: Pod[], failed: Pod[]): JobStatus {
  const before = status.uncountedTerminatedPods ?? {};
  const join = (uids: string[] | undefined, pods: Pod[]) => [
    ...new Set([...(uids ?? []), ...pods.map(({ metadata }) => metadata.uid ?? "")]),
  ];
  const uncountedTerminatedPods = compact({
    succeeded: join(before.succeeded, succeeded),
    failed: join(before.failed, failed),
  });
  return { ...status, uncountedTerminatedPods };
}

/** Always an object: its presence says that pods are tracked this way. */
function compact({ succeeded, failed }: { succeeded: string[]; failed: string[] }) {
  return { ...(succeeded.length > 0 ? { succeeded } : {}), ...(failed.length > 0 ? { failed } : {}) };
}

export async function releasePods(
  { client }: Workshop,
  informer: Informer<Pod>,
  pods: Pod[],
  signal: AbortSignal,
): Promise<void> {
  const free = async (pod: Pod) => {
    const rest = pod.metadata.finalizers?.filter((each) => each !== trackingFinalizer) ?? [];
    const { uid, resourceVersion } = pod.metadata;
    const body = { metadata: { uid, resourceVersion, finalizers: rest.length > 0 ? rest : null } };
    try {
      await client.patch(Pods, refOf(pod), { type: "merge", body });
    } catch (error) {
      if (!isReason(error, "NotFound")) throw error;
    }
    await informer.when(refOf(pod), (now) => !now || now.metadata.uid !== uid || !isTracked(now), signal);
  };
  await Promise.all(pods.map(free));
}
