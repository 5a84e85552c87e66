import type { Deployment, ReplicaSet } from "@capstan/api/generated/apps-v1";
import type { Pod } from "@capstan/api/generated/core-v1";
import { ReplicaSets } from "@capstan/api/generated/resources";
import type { Informer } from "@capstan/core/reconcile";
import type { Workshop } from "../context.ts";
import { replicasOf } from "./counts.ts";
import { sizeAnnotations } from "./revision.ts";

export interface Shop {
  workshop: Workshop;
  deployments: Informer<Deployment>;
  sets: Informer<ReplicaSet>;
  pods: Informer<Pod>;
}

/** Gives a set its size, and says so; the same size only refreshes what it was computed from. */
export async function scaleSet(
  { workshop, sets }: Shop,
  deployment: Deployment,
  set: ReplicaSet,
  replicas: number,
  signal: AbortSignal,
): Promise<ReplicaSet> {
  const before = replicasOf(set);
  const sizes = sizeAnnotations(deployment);
  const known = Object.entries(sizes).every(([key, value]) => set.metadata.annotations?.[key] === value);
  if (before === replicas && known) return set;
  const annotations = { ...set.metadata.annotations, ...sizes };
  const scaled = await workshop.client.update(ReplicaSets, {
    ...set,
    metadata: { ...set.metadata, annotations },
    spec: { ...set.spec, replicas },
  });
  if (before !== replicas) {
    const direction = before < replicas ? "up" : "down";
    const message = `Scaled ${direction} replica set ${set.metadata.name} from ${before} to ${replicas}`;
    workshop.recorder.normal(deployment, "ScalingReplicaSet", message);
  }
  await sets.until(scaled.metadata.resourceVersion, signal);
  return scaled;
}
