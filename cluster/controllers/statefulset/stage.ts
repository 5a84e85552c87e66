import type { ControllerRevision, StatefulSet } from "@capstan/api/generated/apps-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { Pods } from "@capstan/api/generated/resources";
import { isReason, refOf } from "@capstan/api/meta";
import type { Informer } from "@capstan/core/reconcile";
import type { Workshop } from "../context.ts";
import { isAvailable, isFinished, isReady } from "../pod.ts";
import { createClaims, handOverClaims } from "./claims.ts";
import { numberedPod, ordinalOf, revisionOf, startOrdinal } from "./identity.ts";

/** A set with its pods, as one reconcile sees them. */
export interface Stage {
  workshop: Workshop;
  set: StatefulSet;
  informer: Informer<Pod>;
  pods: Pod[];
  current: ControllerRevision;
  update: ControllerRevision;
  signal: AbortSignal;
}

/** Takes the next steps: fills the numbers up, takes surplus pods away from the top, then updates from the top. */
export async function advance(stage: Stage): Promise<void> {
  const { set } = stage;
  const ordered = set.spec.podManagementPolicy !== "Parallel";
  const start = startOrdinal(set);
  const byOrdinal = new Map(stage.pods.map((pod) => [ordinalOf(set, pod) ?? -1, pod]));
  const wanted = Array.from({ length: set.spec.replicas ?? 1 }, (_, i) => start + i);
  for (const ordinal of wanted) {
    const stop = await fill(stage, ordinal, byOrdinal.get(ordinal));
    if (stop && ordered) return;
  }
  const condemned = [...byOrdinal].filter(([ordinal]) => !wanted.includes(ordinal)).sort(([a], [b]) => b - a);
  for (const [ordinal, pod] of condemned) {
    if (!pod.metadata.deletionTimestamp) {
      await handOverClaims(stage.workshop, set, pod, ordinal);
      await remove(stage, pod);
    }
    if (ordered) return;
  }
  await updateFromTop(
    stage,
    wanted.map((ordinal) => byOrdinal.get(ordinal)),
  );
}

/** Sees to one number; true when the ones after it have to wait. */
async function fill(stage: Stage, ordinal: number, pod: Pod | undefined): Promise<boolean> {
  const { workshop, set } = stage;
  if (!pod) {
    await createClaims(workshop, set, ordinal);
    await create(stage, ordinal);
    return true;
  }
  if (pod.metadata.deletionTimestamp) return true;
  if (isFinished(pod)) {
    const reason = pod.status?.phase === "Failed" ? "RecreatingFailedPod" : "RecreatingTerminatedPod";
    const { namespace, name } = set.metadata;
    const state = pod.status?.phase === "Failed" ? "failed" : "terminated";
    workshop.recorder.warning(
      set,
      reason,
      `StatefulSet ${namespace}/${name} is recreating ${state} Pod ${pod.metadata.name}`,
    );
    await remove(stage, pod);
    return true;
  }
  return !isHealthy(stage, pod);
}

function isHealthy({ set, workshop }: Stage, pod: Pod): boolean {
  const running = pod.status?.phase === "Running" && isReady(pod) && !pod.metadata.deletionTimestamp;
  return running && isAvailable(pod, set.spec.minReadySeconds ?? 0, workshop.now());
}

/** Below the partition a pod comes back as it was. Source: newVersionedStatefulSetPod. */
function revisionFor({ set, current, update }: Stage, ordinal: number): ControllerRevision {
  if (set.spec.updateStrategy?.type === "OnDelete") return update;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  return ordinal < startOrdinal(set) + partition ? current : update;
}

async function create(stage: Stage, ordinal: number): Promise<void> {
  const { workshop, set, informer, signal } = stage;
  const name = `${set.metadata.name}-${ordinal}`;
  const what = `Pod ${name} in StatefulSet ${set.metadata.name}`;
  try {
    const made = await workshop.client.create(Pods, numberedPod(set, ordinal, revisionFor(stage, ordinal)));
    workshop.recorder.normal(set, "SuccessfulCreate", `create ${what} successful`);
    await informer.until(made.metadata.resourceVersion, signal);
  } catch (error) {
    workshop.recorder.warning(set, "FailedCreate", `create ${what} failed error: ${(error as Error).message}`);
    throw error;
  }
}

async function remove({ workshop, set, informer, signal }: Stage, pod: Pod): Promise<void> {
  const what = `Pod ${pod.metadata.name} in StatefulSet ${set.metadata.name}`;
  const { uid = "" } = pod.metadata;
  try {
    await workshop.client.delete(Pods, refOf(pod), { preconditions: { uid } });
    workshop.recorder.normal(set, "SuccessfulDelete", `delete ${what} successful`);
  } catch (error) {
    if (isReason(error, "NotFound", "Conflict")) return;
    workshop.recorder.warning(set, "FailedDelete", `delete ${what} failed error: ${(error as Error).message}`);
    throw error;
  }
  await informer.when(refOf(pod), (now) => now?.metadata.uid !== uid || !!now.metadata.deletionTimestamp, signal);
}

/** One pod at a time, from the highest number down to the partition, each after the ones above are healthy. */
async function updateFromTop(stage: Stage, pods: (Pod | undefined)[]): Promise<void> {
  const { set, update } = stage;
  if (set.spec.updateStrategy?.type === "OnDelete") return;
  const partition = set.spec.updateStrategy?.rollingUpdate?.partition ?? 0;
  for (const pod of pods.slice(partition).reverse()) {
    if (!pod || pod.metadata.deletionTimestamp) return;
    if (revisionOf(pod) !== update.metadata.name) return remove(stage, pod);
    if (!isHealthy(stage, pod)) return;
  }
}
