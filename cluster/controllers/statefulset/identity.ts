import type { ControllerRevision, StatefulSet } from "@capstan/api/generated/apps-v1";
import type { PersistentVolumeClaim, Pod, Volume } from "@capstan/api/generated/core-v1";
import { StatefulSets } from "@capstan/api/generated/resources";
import type { New } from "@capstan/api/meta";
import { templateOf } from "../history.ts";
import { controllerReference } from "../ownership.ts";
import { podOf } from "../pod.ts";

export const revisionLabel = "controller-revision-hash";
const nameLabel = "statefulset.kubernetes.io/pod-name";
const indexLabel = "apps.kubernetes.io/pod-index";

export function startOrdinal({ spec }: StatefulSet): number {
  return spec.ordinals?.start ?? 0;
}

/** The number in a pod's name; undefined when the pod is not named after the set. */
export function ordinalOf(set: StatefulSet, { metadata }: Pod): number | undefined {
  const { name } = set.metadata;
  const match = /^(.*)-(\d+)$/.exec(metadata.name);
  return match?.[1] === name ? Number(match[2]) : undefined;
}

export function revisionOf({ metadata }: Pod): string {
  return metadata.labels?.[revisionLabel] ?? "";
}

function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata.name}-${ordinal}`;
}

/** The pod with a number, of one of the set's templates. */
export function numberedPod(set: StatefulSet, ordinal: number, revision: ControllerRevision): New<Pod> {
  const name = podName(set, ordinal);
  const labels = { [nameLabel]: name, [indexLabel]: String(ordinal), [revisionLabel]: revision.metadata.name };
  const pod = podOf(templateOf(revision), StatefulSets, set, { name, labels });
  pod.spec.hostname = name;
  pod.spec.subdomain = set.spec.serviceName;
  const claims = (set.spec.volumeClaimTemplates ?? []).map(({ metadata }): Volume => {
    const claimName = `${metadata.name}-${name}`;
    return { name: metadata.name, persistentVolumeClaim: { claimName, readOnly: false } };
  });
  const claimed = new Set(claims.map((volume) => volume.name));
  const others = pod.spec.volumes?.filter((volume) => !claimed.has(volume.name)) ?? [];
  if (claims.length + others.length > 0) pod.spec.volumes = [...claims, ...others];
  return pod;
}

/** The claims of the pod with a number. */
export function claimsOf(set: StatefulSet, ordinal: number): New<PersistentVolumeClaim>[] {
  const policy = set.spec.persistentVolumeClaimRetentionPolicy;
  const owned = policy?.whenDeleted === "Delete" ? [controllerReference(StatefulSets, set)] : undefined;
  return (set.spec.volumeClaimTemplates ?? []).map(({ metadata, spec }) => ({
    metadata: {
      namespace: set.metadata.namespace,
      name: `${metadata.name}-${podName(set, ordinal)}`,
      labels: { ...metadata.labels, ...set.spec.selector.matchLabels },
      ...(metadata.annotations ? { annotations: metadata.annotations } : {}),
      ...(owned ? { ownerReferences: owned } : {}),
    },
    spec: structuredClone(spec),
  }));
}
