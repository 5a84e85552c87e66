import type { Deployment, ReplicaSet } from "@capstan/api/generated/apps-v1";
import { saySame } from "../same.ts";
import { limitsOf, oldestFirst, replicasOf } from "./counts.ts";

export const hashLabel = "pod-template-hash";
export const revisionAnnotation = "deployment.kubernetes.io/revision";
const historyAnnotation = "deployment.kubernetes.io/revision-history";
export const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
export const maxAnnotation = "deployment.kubernetes.io/max-replicas";

/** Annotations of a Deployment that its sets do not take over. Source: annotationsToSkip. */
const own = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  "deprecated.deployment.rollback.to",
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
]);

export function revisionOf(object: { metadata: { annotations?: Record<string, string> } }): number {
  return Number(object.metadata.annotations?.[revisionAnnotation] ?? 0) || 0;
}

/** The set that has the Deployment's template: the oldest, should there be several. */
export function findNewSet(deployment: Deployment, sets: ReplicaSet[]): ReplicaSet | undefined {
  const wanted = bare(deployment.spec.template);
  return oldestFirst(sets).find((set) => saySame(bare(set.spec.template), wanted));
}

/** The template without what a set adds to it. */
function bare(template: ReplicaSet["spec"]["template"]): unknown {
  const { [hashLabel]: _, ...labels } = template?.metadata?.labels ?? {};
  return { ...template, metadata: { ...template?.metadata, creationTimestamp: undefined, labels } };
}

/** The annotations that the new set is to have. Source: SetNewReplicaSetAnnotations. */
export function newSetAnnotations(
  deployment: Deployment,
  set: ReplicaSet | undefined,
  revision: number,
): Record<string, string> {
  const before = set?.metadata.annotations ?? {};
  const annotations = { ...before };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!own.has(key)) annotations[key] = value;
  }
  const old = set ? revisionOf(set) : 0;
  if (old < revision) {
    annotations[revisionAnnotation] = String(revision);
    if (old > 0) {
      const history = before[historyAnnotation]?.split(",") ?? [];
      annotations[historyAnnotation] = [...history, String(old)].slice(-100).join(",");
    }
  }
  return { ...annotations, ...sizeAnnotations(deployment) };
}

/** What a set's share was computed from: tells a change of `spec.replicas` apart from a rollout. */
export function sizeAnnotations(deployment: Deployment): Record<string, string> {
  const wanted = replicasOf(deployment);
  return {
    [desiredAnnotation]: String(wanted),
    [maxAnnotation]: String(wanted + limitsOf(deployment).maxSurge),
  };
}
